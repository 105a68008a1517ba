//! Looking through files before they are read: footers and stamps in, order and spans out.
//!
//! # Semantics
//! A file is in time order if no stamp is older than the one before it, over all its row groups. The stamps themselves
//! are read, because statistics say nothing about the order inside a row group and need not be there.

use super::columns::layout;
use super::rows::{append_stamps, stamps};
use super::{FileInfo, ParquetOptions};
use crate::source::SourceError;
use crate::source::error::guarded;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const SCAN_ROWS: usize = 1 << 16;

/// What the stamps of a row group are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stamps {
    /// First stamp in row order, ms.
    pub(crate) first: i64,
    /// Last stamp in row order, ms.
    pub(crate) last: i64,
    /// Oldest, ms.
    pub(crate) min: i64,
    /// Newest, ms.
    pub(crate) max: i64,
    /// Whether none is older than the one before it.
    pub(crate) ordered: bool,
}

/// Opens a Parquet file.
pub(crate) fn open_file(path: &Path) -> Result<SerializedFileReader<File>, SourceError> {
    let file = File::open(path).map_err(|e| SourceError::io(path, "opening", e))?;
    let place = || path.display().to_string();
    guarded(&place, || SerializedFileReader::new(file).map_err(|e| SourceError::parquet(place(), e)))
}

/// Reads footer and schema of a file.
pub(crate) fn describe(path: &Path, options: &ParquetOptions) -> Result<FileInfo, SourceError> {
    let reader = open_file(path)?;
    let place = || path.display().to_string();
    guarded(&place, || {
        let meta = reader.metadata();
        let layout = layout(&place(), meta.file_metadata().schema_descr(), options)?;
        let mut groups = Vec::with_capacity(meta.num_row_groups());
        for (i, group) in meta.row_groups().iter().enumerate() {
            let rows = usize::try_from(group.num_rows()).map_err(|_| {
                SourceError::invalid(place(), format!("row group {i} has a negative number of rows"), super::DAMAGED)
            })?;
            groups.push((rows, None));
        }
        Ok(FileInfo { path: path.to_owned(), layout, groups })
    })
}

/// Reads the stamps of all row groups, on as many threads as there are cores.
pub(crate) fn scan(files: &mut [FileInfo]) -> Result<(), SourceError> {
    let work: Vec<(usize, usize)> =
        files.iter().enumerate().flat_map(|(f, info)| (0..info.groups.len()).map(move |g| (f, g))).collect();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(work.len());
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(work.len())));
    let (view, work) = (&*files, &work);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut open = None;
                while let Some((f, g)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = scan_group(&view[*f], *f, *g, &mut open);
                    // A poisoned lock would mean that a push panicked.
                    let mut found = found.lock().unwrap_or_else(|e| e.into_inner());
                    found.push((*f, *g, result));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(|e| e.into_inner());
    found.sort_by_key(|(f, g, _)| (*f, *g));
    for (f, g, stamps) in found {
        files[f].groups[g].1 = stamps?;
    }
    Ok(())
}

type OpenFile = Option<(usize, SerializedFileReader<File>)>;

fn scan_group(info: &FileInfo, file: usize, index: usize, open: &mut OpenFile) -> Result<Option<Stamps>, SourceError> {
    let place = || format!("{}, row group {index}", info.path.display());
    if open.as_ref().is_none_or(|(f, _)| *f != file) {
        *open = Some((file, open_file(&info.path)?));
    }
    let Some((_, reader)) = open else { return Ok(None) };
    guarded(&place, || {
        let wrong = |e| match e {
            super::labels::LabelError::File(e) => SourceError::parquet(place(), e),
            super::labels::LabelError::Value(SourceError::Invalid { what, advice, .. }) => {
                SourceError::invalid(format!("{}, column '{}'", place(), "timestamp"), what, advice)
            }
            super::labels::LabelError::Value(e) => e,
        };
        let group = reader.get_row_group(index).map_err(|e| wrong(e.into()))?;
        let mut column = stamps(&*group, &info.layout).map_err(|e| wrong(e.into()))?;
        let (mut left, mut buffer, mut all) = (info.groups[index].0, Vec::new(), None);
        while left > 0 {
            let rows = left.min(SCAN_ROWS);
            left -= rows;
            buffer.clear();
            append_stamps(&mut column, rows, info.layout.stamp_unit, &mut buffer).map_err(wrong)?;
            all = join(all, of(&buffer));
        }
        Ok(all)
    })
}

fn of(stamps: &[i64]) -> Option<Stamps> {
    let (first, last) = (*stamps.first()?, *stamps.last()?);
    let (mut min, mut max, mut ordered) = (first, first, true);
    // No early exit, so that this is vectorised.
    for pair in stamps.windows(2) {
        ordered &= pair[0] <= pair[1];
    }
    for stamp in stamps {
        min = min.min(*stamp);
        max = max.max(*stamp);
    }
    Some(Stamps { first, last, min, max, ordered })
}

/// The stamps of two stretches of rows, one after the other.
pub(crate) fn join(a: Option<Stamps>, b: Option<Stamps>) -> Option<Stamps> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Stamps {
            first: a.first,
            last: b.last,
            min: a.min.min(b.min),
            max: a.max.max(b.max),
            ordered: a.ordered && b.ordered && a.last <= b.first,
        }),
        (a, b) => a.or(b),
    }
}

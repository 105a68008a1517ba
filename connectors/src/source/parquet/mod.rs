//! Parquet with one column a label: files in, one source a worker out.
//!
//! # Semantics
//! Columns: a stamp (any timestamp unit, or int64 milliseconds), a value (double, float or integer) or, in a file without a
//! column of values, a text `histogram` (`{{schema:1 count:22 sum:3 buckets:[5 10 7]}}`), and one string column a label, where null or "" means that the label is absent; or a `map<string, string>` of labels. Names are
//! options. Stamps finer than a millisecond round down.
//!
//! # Time
//! Files whose rows are in time order and which follow one another are read as they stand, whatever their names; a
//! worker reads every peers-th row group. Otherwise [`ParquetFiles::disorder`] says why they have to be imported.
//!
//! # Errors
//! Every error names the file, and the row group and column where they are known. Damaged files never panic.
//!
//! # Limits
//! A file of a single row group is read by one worker. Nested and encrypted columns are not read.

mod columns;
mod dictionary;
pub(crate) mod hybrid;
mod labels;
mod rows;
mod scan;
mod series;
mod values;
mod worker;

pub(crate) use scan::open_file;
pub use worker::ParquetSource;

use super::archive::ArchiveWriter;
use super::error::DAMAGED;
use super::group::{DROPPED, Grouping};
use super::{Keep, Progress, SampleSource, SourceError};
use bellwether_model::Runs;
use columns::Layout;
use rows::RowDecoder;
use scan::Stamps;
use std::path::PathBuf;
use std::sync::Arc;

/// Names of columns.
#[derive(Clone, Debug, PartialEq)]
pub struct ParquetOptions {
    /// Column of stamps.
    pub timestamp_column: String,
    /// Column of values.
    pub value_column: String,
    /// Column of metric names.
    pub name_column: String,
    /// Column of type `map<string, string>` that holds labels; `None` takes one that is called `labels`, if any.
    pub labels_column: Option<String>,
    /// Columns to pass over.
    pub ignore_columns: Vec<String>,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            timestamp_column: "timestamp".to_owned(),
            value_column: "value".to_owned(),
            name_column: bellwether_model::METRIC_NAME.to_owned(),
            labels_column: None,
            ignore_columns: Vec::new(),
        }
    }
}

/// A file as it was found.
#[derive(Debug)]
pub(crate) struct FileInfo {
    path: PathBuf,
    layout: Layout,
    /// Rows and stamps of each row group.
    groups: Vec<(usize, Option<Stamps>)>,
}

/// A row group in its place in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    file: usize,
    index: usize,
    rows: usize,
    first_row: u64,
    min_ms: i64,
    max_ms: i64,
}

/// Parquet files, looked through.
#[derive(Debug)]
pub struct ParquetFiles {
    files: Vec<FileInfo>,
    in_time_order: Vec<Group>,
    rows: u64,
    disorder: Option<String>,
}

impl ParquetFiles {
    /// Opens files and looks through their stamps.
    pub fn open(paths: &[PathBuf], options: &ParquetOptions) -> Result<Self, SourceError> {
        let mut files = paths.iter().map(|p| scan::describe(p, options)).collect::<Result<Vec<_>, _>>()?;
        scan::scan(&mut files)?;
        let whole = |f: &FileInfo| f.groups.iter().fold(None, |all, (_, s)| scan::join(all, *s));
        // Files without a row come first; the order of the others is that of their stamps, then the one given.
        files.sort_by_key(|f| whole(f).map(|s| (s.min, s.max)));
        let disorder = disorder(&files, whole);
        let (mut in_time_order, mut rows) = (Vec::new(), 0);
        for (file, info) in files.iter().enumerate() {
            for (index, (count, stamps)) in info.groups.iter().enumerate() {
                let Some(stamps) = stamps else { continue };
                let (first_row, min_ms, max_ms) = (rows, stamps.min, stamps.max);
                in_time_order.push(Group { file, index, rows: *count, first_row, min_ms, max_ms });
                rows += *count as u64;
            }
        }
        Ok(Self { files, in_time_order, rows, disorder })
    }

    /// Oldest and newest stamp.
    pub fn span(&self) -> Option<(i64, i64)> {
        let min = self.in_time_order.iter().map(|g| g.min_ms).min()?;
        Some((min, self.in_time_order.iter().map(|g| g.max_ms).max()?))
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Why the files can't be read in time order as they stand; `None` if they can.
    pub fn disorder(&self) -> Option<&str> {
        self.disorder.as_deref()
    }

    /// One source a worker. The files have to be in time order.
    pub fn sources(self: &Arc<Self>, peers: usize, keep: Option<Keep>) -> Vec<Box<dyn SampleSource>> {
        let one = |w| Box::new(ParquetSource::new(self.clone(), w, peers, keep.clone())) as Box<dyn SampleSource>;
        (0..peers).map(one).collect()
    }

    /// Writes all rows into an archive, in the order of the files.
    pub fn import_into(
        &self,
        writer: &mut ArchiveWriter,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), SourceError> {
        let mut decoder = RowDecoder::new(self, None);
        let (mut numbers, mut grouping, mut runs) = (Vec::new(), Grouping::default(), Runs::default());
        for group in &self.in_time_order {
            decoder.decode(group, &mut |chunk| {
                for labels in &chunk.fresh {
                    numbers.push(writer.series(labels)?);
                }
                debug_assert!(chunk.series.iter().all(|s| *s == DROPPED || (*s as usize) < numbers.len()));
                runs.clear();
                chunk.group(0..chunk.stamps.len(), &mut grouping, &mut runs);
                for run in runs.iter() {
                    writer.push(numbers[run.series as usize], run.stamps, run.values)?;
                }
                for sample in &runs.histograms {
                    writer.push_histogram(numbers[sample.series as usize], sample.stamp_ms, &sample.histogram)?;
                }
                let samples = chunk.first_row + chunk.stamps.len() as u64;
                progress(Progress { phase: "reading", samples, total: Some(self.rows) });
                Ok(true)
            })?;
        }
        Ok(())
    }

    pub(crate) fn place(&self, group: &Group) -> String {
        format!("{}, row group {}", self.files[group.file].path.display(), group.index)
    }
}

fn disorder(files: &[FileInfo], whole: impl Fn(&FileInfo) -> Option<Stamps>) -> Option<String> {
    let mut before: Option<(&FileInfo, Stamps)> = None;
    for file in files {
        let Some(stamps) = whole(file) else { continue };
        if !stamps.ordered {
            return Some(format!("{}: its rows are not in time order", file.path.display()));
        }
        if let Some((other, s)) = before
            && s.max > stamps.min
        {
            return Some(format!("{} and {} overlap in time", other.path.display(), file.path.display()));
        }
        before = Some((file, stamps));
    }
    None
}

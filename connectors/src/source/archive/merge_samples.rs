//! The samples of one span in several parts, merged: rows by (series, stamp) of each in, of all out.
//!
//! # Semantics
//! Of one series and stamp the first part's sample is kept. Files are sorted by their rows of the series table, and so are the rows that
//! these have in the merged one, so each file is read once, from its beginning.
//!
//! # State
//! One row group of each file, and one to be written: 5 MB each.

use super::building::Samples;
use super::sample_file::{GROUP_ROWS, Settled};
use super::tile::wrong;
use crate::source::SourceError;
use crate::source::error::{DAMAGED, guarded};
use crate::source::parquet::open_file;
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A file, read from its beginning.
pub(super) struct Cursor<'a> {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    /// The next row group.
    group: usize,
    /// By row of the file's series table, the merged one's.
    rows: &'a [u32],
    series: Vec<i32>,
    stamps: Vec<i64>,
    values: Vec<f64>,
    at: usize,
}

/// Series, stamps and values.
type Columns = (Vec<i32>, Vec<i64>, Vec<f64>);

/// Reads a row group's columns.
fn columns(group: &dyn RowGroupReader) -> Result<Columns, ParquetError> {
    let count = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    let readers = (group.get_column_reader(0)?, group.get_column_reader(1)?, group.get_column_reader(2)?);
    let (
        ColumnReader::Int32ColumnReader(mut a),
        ColumnReader::Int64ColumnReader(mut b),
        ColumnReader::DoubleColumnReader(mut c),
    ) = readers
    else {
        return Err(ParquetError::General("the columns have the wrong types".to_owned()));
    };
    let (mut series, mut stamps, mut values) = (Vec::new(), Vec::new(), Vec::new());
    a.read_records(count, None, None, &mut series)?;
    b.read_records(count, None, None, &mut stamps)?;
    c.read_records(count, None, None, &mut values)?;
    if [series.len(), stamps.len(), values.len()] != [count; 3] {
        return Err(ParquetError::General("a column ends before the row group does".to_owned()));
    }
    Ok((series, stamps, values))
}

impl<'a> Cursor<'a> {
    /// Opens a file, whose series have these rows in the merged table.
    pub(super) fn open(path: &Path, rows: &'a [u32]) -> Result<Self, SourceError> {
        let (reader, path) = (open_file(path)?, path.to_owned());
        let (series, stamps, values) = Default::default();
        Ok(Self { path, reader, group: 0, rows, series, stamps, values, at: 0 })
    }

    /// Reads the next row group; `false` behind the last one.
    fn load(&mut self) -> Result<bool, SourceError> {
        let index = self.group;
        if index == self.reader.num_row_groups() {
            return Ok(false);
        }
        let place = || format!("{}, row group {index}", self.path.display());
        let last = self.series.last().copied();
        let (series, stamps, values) = guarded(&place, || {
            let group = self.reader.get_row_group(index).map_err(|e| wrong(place(), e))?;
            columns(&*group).map_err(|e| wrong(place(), e))
        })?;
        let known = |s: &i32| usize::try_from(*s).is_ok_and(|s| s < self.rows.len());
        if !series.iter().all(known) || !series.is_sorted() || series.first() < last.as_ref() {
            return Err(SourceError::invalid(place(), "its series are not those of the table, in order", DAMAGED));
        }
        (self.series, self.stamps, self.values) = (series, stamps, values);
        (self.group, self.at) = (index + 1, 0);
        Ok(true)
    }

    /// The merged row of the next sample.
    fn next(&mut self) -> Result<Option<u32>, SourceError> {
        while self.at == self.series.len() {
            if !self.load()? {
                return Ok(None);
            }
        }
        Ok(Some(self.rows[self.series[self.at] as usize]))
    }

    /// Appends the next samples, as far as they are of one row.
    fn take(&mut self, row: u32, out: &mut Vec<(i64, f64)>) -> Result<(), SourceError> {
        while self.next()? == Some(row) {
            let one = self.series[self.at];
            let to = self.at + self.series[self.at..].partition_point(|s| *s == one);
            out.extend(self.stamps[self.at..to].iter().copied().zip(self.values[self.at..to].iter().copied()));
            self.at = to;
        }
        Ok(())
    }
}

/// Writes what some files hold into one; `starts` is the first row of each shard, and the number of rows. `go_on` says no, by an error,
/// where nothing more is to be done.
pub(super) fn merge(
    mut from: Vec<Cursor<'_>>,
    starts: &[u32],
    to: &mut Samples<'_>,
    go_on: &dyn Fn() -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let (mut shard, mut out, mut samples) = (0, Settled::default(), Vec::new());
    loop {
        let mut first = None;
        for cursor in &mut from {
            let next = cursor.next()?;
            first = first.into_iter().chain(next).min();
        }
        let Some(row) = first else { break };
        let own = starts.partition_point(|start| *start <= row);
        // A row group holds one shard.
        if own != shard && !out.stamps.is_empty() {
            to.write(&std::mem::take(&mut out))?;
        }
        shard = own;
        samples.clear();
        from.iter_mut().try_for_each(|cursor| cursor.take(row, &mut samples))?;
        if !samples.is_sorted_by_key(|(t, _)| *t) {
            // Stable, so that the first part's stays first.
            samples.sort_by_key(|(t, _)| *t);
        }
        out.append(row as i32, &samples);
        let whole = out.stamps.len() / GROUP_ROWS * GROUP_ROWS;
        if whole > 0 {
            to.write(&out.take_first(whole))?;
            go_on()?;
        }
    }
    if out.stamps.is_empty() { go_on() } else { to.write(&out).and_then(|()| go_on()) }
}

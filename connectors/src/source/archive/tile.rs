//! Tiles: one row group of a sample file decoded once, then handed out span by span.
//!
//! # Semantics
//! Series are read as runs of dictionary keys, so their cost is by series, not by sample. Stretches that nobody reads
//! are skipped, whole pages without being decompressed.

use crate::source::SourceError;
use crate::source::error::DAMAGED;
use crate::source::parquet::hybrid::{Hybrid, Piece};
use bellwether_model::Runs;
use parquet::basic::Encoding;
use parquet::column::page::Page;
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::RowGroupReader;
use std::ops::Range;

/// One series of a tile; `at..end` was not handed out yet.
#[derive(Clone, Copy, Debug)]
struct Entry {
    row: u32,
    at: usize,
    end: usize,
}

/// A decoded row group.
#[derive(Debug, Default)]
pub(crate) struct Tile {
    seq: u64,
    last_ms: i64,
    entries: Vec<Entry>,
    stamps: Vec<i64>,
    values: Vec<f64>,
    untouched: bool,
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// Appends the runs (series row, number of samples) of a page.
fn page_runs(page: &Page, dictionary: &[u32], runs: &mut Vec<(u32, usize)>) -> Result<(), ParquetError> {
    let data: &[u8] = page.buffer();
    let mut left = page.num_values() as usize;
    let mut push = |row: u32, count: usize| match runs.last_mut() {
        Some((last, n)) if *last == row => *n += count,
        _ => runs.push((row, count)),
    };
    if page.encoding() == Encoding::PLAIN {
        let rows = data.as_chunks::<4>().0;
        rows.iter().take(left).for_each(|b| push(u32::from_le_bytes(*b), 1));
        return if rows.len() < left { Err(damaged("a page has too few series")) } else { Ok(()) };
    }
    let width = *data.first().ok_or_else(|| damaged("a page of series is empty"))?;
    let mut keys = Hybrid::new(1, data.len(), u32::from(width)).ok_or_else(|| damaged("keys are too wide"))?;
    let mut beyond = false;
    while left > 0 {
        match keys.next(data, left).ok_or_else(|| damaged("a page has too few series"))? {
            Piece::Same { value, count } => {
                left -= count;
                match dictionary.get(value as usize) {
                    Some(row) => push(*row, count),
                    None => beyond = true,
                }
            }
            Piece::Packed { first_bit, count } => {
                left -= count;
                keys.unpack(data, first_bit, count, |key| match dictionary.get(key as usize) {
                    Some(row) => push(*row, 1),
                    None => beyond = true,
                });
            }
        }
    }
    if beyond { Err(damaged("a key points past its dictionary")) } else { Ok(()) }
}

/// The runs (series row, number of samples) of a row group.
fn series_runs(group: &dyn RowGroupReader) -> Result<Vec<(u32, usize)>, ParquetError> {
    let mut pages = group.get_column_page_reader(0)?;
    let (mut dictionary, mut runs) = (Vec::new(), Vec::new());
    while let Some(page) = pages.get_next_page()? {
        match &page {
            Page::DictionaryPage { buf, .. } => {
                dictionary = buf.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
            }
            data => page_runs(data, &dictionary, &mut runs)?,
        }
    }
    Ok(runs)
}

impl Tile {
    /// Decodes a row group into `self`, keeping its memory. `wanted` says which rows of the series table are read.
    pub(crate) fn decode(
        &mut self,
        group: &dyn RowGroupReader,
        seq: u64,
        rows: Range<u32>,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Result<(), ParquetError> {
        self.entries.clear();
        self.stamps.clear();
        self.values.clear();
        (self.seq, self.untouched) = (seq, true);
        let mut stretches: Vec<(bool, usize)> = Vec::new();
        let mut at = 0;
        for (row, count) in series_runs(group)? {
            if !rows.contains(&row) {
                return Err(damaged("a series is not in its shard"));
            }
            let take = wanted(row);
            match stretches.last_mut() {
                Some((last, n)) if *last == take => *n += count,
                _ => stretches.push((take, count)),
            }
            if take {
                self.entries.push(Entry { row, at, end: at + count });
                at += count;
            }
        }
        if at > 0 {
            self.decode_numbers(group, at, &stretches)?;
        }
        self.last_ms = self.entries.iter().map(|e| self.stamps[e.end - 1]).max().unwrap_or(i64::MIN);
        Ok(())
    }

    fn decode_numbers(
        &mut self,
        group: &dyn RowGroupReader,
        total: usize,
        stretches: &[(bool, usize)],
    ) -> Result<(), ParquetError> {
        let (ColumnReader::Int64ColumnReader(mut stamps), ColumnReader::DoubleColumnReader(mut values)) =
            (group.get_column_reader(1)?, group.get_column_reader(2)?)
        else {
            return Err(damaged("stamps or values have the wrong type"));
        };
        self.stamps.reserve(total);
        self.values.reserve(total);
        // What nobody reads at the end is not even skipped.
        let end = stretches.len() - usize::from(stretches.last().is_some_and(|(take, _)| !take));
        for (take, count) in &stretches[..end] {
            if *take {
                stamps.read_records(*count, None, None, &mut self.stamps)?;
                values.read_records(*count, None, None, &mut self.values)?;
            } else {
                stamps.skip_records(*count)?;
                values.skip_records(*count)?;
            }
        }
        let complete = self.stamps.len() == total && self.values.len() == total;
        if complete { Ok(()) } else { Err(damaged("stamps or values end before the series do")) }
    }

    /// Leaves out everything older than `from_ms`.
    pub(crate) fn seek(&mut self, from_ms: i64) {
        for e in &mut self.entries {
            e.at += self.stamps[e.at..e.end].partition_point(|t| *t < from_ms);
        }
        self.untouched = false;
    }

    /// The samples up to `upto_ms` that were not handed out yet, series numbered from `first_row` on; and whether
    /// nothing is left.
    pub(crate) fn take(&mut self, upto_ms: i64, first_row: u32) -> (Runs, bool) {
        if self.untouched && self.last_ms <= upto_ms {
            return (self.take_all(first_row), true);
        }
        self.untouched = false;
        let mut runs = Runs { seq: self.seq, ..Runs::default() };
        let cuts: Vec<usize> = self.entries.iter().map(|e| e.at + older(&self.stamps[e.at..e.end], upto_ms)).collect();
        let total = self.entries.iter().zip(&cuts).map(|(e, cut)| cut - e.at).sum();
        runs.stamps.reserve_exact(total);
        runs.values.reserve_exact(total);
        for (e, cut) in self.entries.iter_mut().zip(&cuts) {
            if *cut > e.at {
                runs.push(e.row - first_row, &self.stamps[e.at..*cut], &self.values[e.at..*cut]);
                e.at = *cut;
            }
        }
        (runs, self.last_ms <= upto_ms)
    }

    fn take_all(&mut self, first_row: u32) -> Runs {
        Runs {
            seq: self.seq,
            defs: Vec::new(),
            series: self.entries.iter().map(|e| e.row - first_row).collect(),
            ends: self.entries.iter().map(|e| e.end as u32).collect(),
            stamps: std::mem::take(&mut self.stamps),
            values: std::mem::take(&mut self.values),
        }
    }
}

/// How many of the sorted stamps are at most `upto_ms`; near the begin found fast.
fn older(stamps: &[i64], upto_ms: i64) -> usize {
    stamps.partition_point(|t| *t <= upto_ms)
}

/// A damaged file with its place.
pub(crate) fn wrong(place: String, e: ParquetError) -> SourceError {
    match e {
        ParquetError::General(what) => SourceError::invalid(place, what, DAMAGED),
        e => SourceError::parquet(place, e),
    }
}

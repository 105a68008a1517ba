//! Tiles: one row group of a sample file decoded once, then handed out span by span.
//!
//! # Semantics
//! Series are read as runs of dictionary keys, so their cost is by series, not by sample. Stretches that nobody reads
//! are skipped, whole pages without being decompressed.

use super::split::SplitValues;
use super::timeline::{Timeline, Timelines};
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

/// One series of a tile; the rows `at..end` of the row group were not handed out yet.
#[derive(Clone, Debug)]
struct Entry {
    series: u32,
    at: usize,
    end: usize,
    timeline: Timeline,
}

/// A decoded row group.
#[derive(Debug, Default)]
pub(crate) struct Tile {
    seq: u64,
    last_ms: i64,
    entries: Vec<Entry>,
    timelines: Timelines,
    values: SplitValues,
    cuts: Vec<usize>,
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
    /// Decodes a row group into `self`, keeping its memory. `wanted` says which of the series (rows of the series table,
    /// all in `rows`) are read; `scratch` holds stamps for a moment.
    pub(crate) fn decode(
        &mut self,
        group: &dyn RowGroupReader,
        seq: u64,
        rows: Range<u32>,
        wanted: &dyn Fn(u32) -> bool,
        scratch: &mut Vec<i64>,
    ) -> Result<(), ParquetError> {
        (self.seq, self.last_ms) = (seq, i64::MIN);
        self.entries.clear();
        self.timelines.clear();
        let (mut at, mut stretches) = (0, Vec::<Range<usize>>::new());
        for (series, count) in series_runs(group)? {
            if !rows.contains(&series) {
                return Err(damaged("a series is not in its shard"));
            }
            if wanted(series) {
                self.entries.push(Entry { series, at, end: at + count, timeline: Timeline::Listed(0..0) });
                match stretches.last_mut() {
                    Some(last) if last.end == at => last.end += count,
                    _ => stretches.push(at..at + count),
                }
            }
            at += count;
        }
        if stretches.is_empty() {
            self.values.clear();
            return Ok(());
        }
        self.decode_stamps(group, &stretches, scratch)?;
        self.values.load(group.get_column_page_reader(2)?, &stretches)
    }

    fn decode_stamps(
        &mut self,
        group: &dyn RowGroupReader,
        stretches: &[Range<usize>],
        scratch: &mut Vec<i64>,
    ) -> Result<(), ParquetError> {
        let ColumnReader::Int64ColumnReader(mut stamps) = group.get_column_reader(1)? else {
            return Err(damaged("the stamps have the wrong type"));
        };
        let (mut entries, mut row) = (self.entries.iter_mut().peekable(), 0);
        for stretch in stretches {
            stamps.skip_records(stretch.start - row)?;
            scratch.clear();
            let (read, _, _) = stamps.read_records(stretch.len(), None, None, scratch)?;
            if read != stretch.len() {
                return Err(damaged("stamps end before the series do"));
            }
            row = stretch.end;
            while let Some(e) = entries.next_if(|e| e.end <= stretch.end) {
                let stamps = &scratch[e.at - stretch.start..e.end - stretch.start];
                self.last_ms = stamps.last().copied().unwrap_or(i64::MIN).max(self.last_ms);
                e.timeline = self.timelines.add(stamps);
            }
        }
        Ok(())
    }

    /// Leaves out everything older than `from_ms`.
    pub(crate) fn seek(&mut self, from_ms: i64) {
        let Some(before_ms) = from_ms.checked_sub(1) else { return };
        for e in &mut self.entries {
            let count = self.timelines.until(&e.timeline, before_ms);
            self.timelines.take(&mut e.timeline, count, None);
            e.at += count;
        }
    }

    /// The samples up to `upto_ms` that were not handed out yet, series numbered from `first` on; and whether nothing is
    /// left.
    pub(crate) fn take(&mut self, upto_ms: i64, first: u32) -> (Runs, bool) {
        self.cuts.clear();
        self.cuts.extend(self.entries.iter().map(|e| self.timelines.until(&e.timeline, upto_ms)));
        let (total, taken) = self.cuts.iter().fold((0, 0), |(n, runs), c| (n + c, runs + usize::from(*c > 0)));
        let mut runs = Runs {
            seq: self.seq,
            defs: Vec::new(),
            series: Vec::with_capacity(taken),
            ends: Vec::with_capacity(taken),
            stamps: Vec::with_capacity(total),
            values: Vec::with_capacity(total),
            starts: Vec::new(),
            histograms: Vec::new(),
        };
        for (e, count) in self.entries.iter_mut().zip(&self.cuts).filter(|(_, count)| **count > 0) {
            self.timelines.take(&mut e.timeline, *count, Some(&mut runs.stamps));
            self.values.append(e.at, *count, &mut runs.values);
            runs.series.push(e.series - first);
            runs.ends.push(runs.stamps.len() as u32);
            e.at += count;
        }
        (runs, self.last_ms <= upto_ms)
    }
}

/// A damaged file with its place.
pub(crate) fn wrong(place: String, e: ParquetError) -> SourceError {
    match e {
        ParquetError::General(what) => SourceError::invalid(place, what, DAMAGED),
        e => SourceError::parquet(place, e),
    }
}

//! Samples in any order in, samples by (span, shard) out, in bounded memory.
//!
//! # State
//! A buffer a time span; when all of them exceed the budget, each is sorted by shard and appended to one temporary
//! file. What comes out for a (span, shard) stands in the order in which it came in, so that the first of two samples
//! with one series and stamp can win.

use super::spill::SpillFile;
use crate::source::SourceError;
use bellwether_model::SHARDS;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Samples, columns side by side.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) series: Vec<u32>,
    pub(crate) stamps: Vec<i64>,
    pub(crate) values: Vec<f64>,
}

const ROW_BYTES: usize = 20;

impl Rows {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn with_len(n: usize) -> Self {
        Self { series: vec![0; n], stamps: vec![0; n], values: vec![0.0; n] }
    }

    /// The rows sorted by shard, and where each shard begins.
    fn by_shard(&self, shard_of: &[u8]) -> (Self, [usize; SHARDS + 1]) {
        let mut starts = [0; SHARDS + 1];
        for s in &self.series {
            starts[shard_of[*s as usize] as usize + 1] += 1;
        }
        for i in 0..SHARDS {
            starts[i + 1] += starts[i];
        }
        let (mut next, mut out) = (starts, Self::with_len(self.len()));
        for i in 0..self.len() {
            let at = &mut next[shard_of[self.series[i] as usize] as usize];
            out.series[*at] = self.series[i];
            out.stamps[*at] = self.stamps[i];
            out.values[*at] = self.values[i];
            *at += 1;
        }
        (out, starts)
    }

    fn append(&mut self, other: &Self, range: std::ops::Range<usize>) {
        self.series.extend_from_slice(&other.series[range.clone()]);
        self.stamps.extend_from_slice(&other.stamps[range.clone()]);
        self.values.extend_from_slice(&other.values[range]);
    }

    fn write(&self, range: std::ops::Range<usize>, out: &mut Vec<u8>) {
        out.clear();
        self.series[range.clone()].iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        self.stamps[range.clone()].iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        self.values[range].iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    }

    fn read(&mut self, bytes: &[u8]) {
        let n = bytes.len() / ROW_BYTES;
        let (series, rest) = bytes.split_at(n * 4);
        let (stamps, values) = rest.split_at(n * 8);
        self.series.extend(series.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)));
        self.stamps.extend(stamps.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)));
        self.values.extend(values.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)));
    }
}

/// Where the shards of a spilled buffer stand in the file.
struct Piece {
    offset: u64,
    starts: [usize; SHARDS + 1],
}

/// Samples of one span.
#[derive(Default)]
struct Span {
    rows: Rows,
    pieces: Vec<Piece>,
}

/// Samples by (span, shard).
pub(crate) struct Spool {
    span_ms: i64,
    budget_rows: usize,
    held_rows: usize,
    spans: BTreeMap<i64, Span>,
    spill: SpillFile,
}

impl Spool {
    /// An empty spool that spills into `path` when it holds more than `budget_bytes`.
    pub(crate) fn new(span_ms: i64, budget_bytes: usize, path: PathBuf) -> Self {
        let budget_rows = (budget_bytes / ROW_BYTES).max(1);
        Self { span_ms, budget_rows, held_rows: 0, spans: BTreeMap::new(), spill: SpillFile::new(path) }
    }

    /// Takes samples of one series.
    pub(crate) fn push(
        &mut self,
        series: u32,
        stamps: &[i64],
        values: &[f64],
        shard_of: &[u8],
    ) -> Result<(), SourceError> {
        let mut from = 0;
        while from < stamps.len() {
            let start = stamps[from].saturating_sub(stamps[from].rem_euclid(self.span_ms));
            let end = start.saturating_add(self.span_ms);
            let inside = |t: &i64| *t >= start && (*t < end || end == i64::MAX);
            let count = stamps[from..].iter().take_while(|t| inside(t)).count().max(1);
            let rows = &mut self.spans.entry(start).or_default().rows;
            rows.series.resize(rows.series.len() + count, series);
            rows.stamps.extend_from_slice(&stamps[from..from + count]);
            rows.values.extend_from_slice(&values[from..from + count]);
            from += count;
        }
        self.held_rows += stamps.len();
        if self.held_rows > self.budget_rows { self.spill(shard_of) } else { Ok(()) }
    }

    fn spill(&mut self, shard_of: &[u8]) -> Result<(), SourceError> {
        let mut bytes = Vec::new();
        for span in self.spans.values_mut().filter(|s| s.rows.len() > 0) {
            let (rows, starts) = std::mem::take(&mut span.rows).by_shard(shard_of);
            let mut offset = None;
            for shard in 0..SHARDS {
                rows.write(starts[shard]..starts[shard + 1], &mut bytes);
                let at = self.spill.append(&bytes)?;
                offset.get_or_insert(at);
            }
            span.pieces.push(Piece { offset: offset.unwrap_or(0), starts });
        }
        self.held_rows = 0;
        Ok(())
    }

    /// The begins of all spans, in order.
    pub(crate) fn span_starts(&self) -> Vec<i64> {
        self.spans.keys().copied().collect()
    }

    /// Takes out a span and passes on its shards in order, each with its rows in the order of arrival.
    pub(crate) fn drain(
        &mut self,
        start_ms: i64,
        shard_of: &[u8],
        mut each: impl FnMut(usize, Rows) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let Some(span) = self.spans.remove(&start_ms) else { return Ok(()) };
        let (held, starts) = span.rows.by_shard(shard_of);
        drop(span.rows);
        for shard in 0..SHARDS {
            let mut rows = Rows::default();
            for piece in &span.pieces {
                self.load(piece, shard, &mut rows)?;
            }
            rows.append(&held, starts[shard]..starts[shard + 1]);
            if rows.len() > 0 {
                each(shard, rows)?;
            }
        }
        Ok(())
    }

    fn load(&mut self, piece: &Piece, shard: usize, rows: &mut Rows) -> Result<(), SourceError> {
        let (from, to) = (piece.starts[shard], piece.starts[shard + 1]);
        if to > from {
            let at = piece.offset + (from * ROW_BYTES) as u64;
            rows.read(&self.spill.read(at, (to - from) * ROW_BYTES)?);
        }
        Ok(())
    }
}

//! Native histograms in any order in, histograms by span out, in bounded memory.
//!
//! # State
//! A buffer a time span; when all of them exceed the budget, they are appended to one temporary file. What comes out for
//! a span stands in the order in which it came in, so that the first of two samples with one series and stamp can win.

use super::spill::SpillFile;
use crate::source::SourceError;
use crate::source::error::DAMAGED;
use bellwether_model::Histogram;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A sample that is a histogram.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) series: u32,
    pub(crate) stamp_ms: i64,
    pub(crate) histogram: Arc<Histogram>,
}

/// Bytes of a row before its histogram: series, stamp, length.
const HEAD_BYTES: usize = 4 + 8 + 4;

/// Samples of one span.
#[derive(Default)]
struct Span {
    rows: Vec<Row>,
    /// (offset, bytes) in the temporary file.
    pieces: Vec<(u64, usize)>,
}

/// Histograms by span.
pub(crate) struct HistogramSpool {
    span_ms: i64,
    budget_bytes: usize,
    held_bytes: usize,
    spans: BTreeMap<i64, Span>,
    spill: SpillFile,
}

impl HistogramSpool {
    /// An empty spool that spills into `path` when it holds more than `budget_bytes`.
    pub(crate) fn new(span_ms: i64, budget_bytes: usize, path: PathBuf) -> Self {
        Self { span_ms, budget_bytes, held_bytes: 0, spans: BTreeMap::new(), spill: SpillFile::new(path) }
    }

    /// Takes a sample.
    pub(crate) fn push(&mut self, row: Row) -> Result<(), SourceError> {
        let start_ms = row.stamp_ms.saturating_sub(row.stamp_ms.rem_euclid(self.span_ms));
        self.held_bytes += size_of::<Row>() + row.histogram.bytes();
        self.spans.entry(start_ms).or_default().rows.push(row);
        if self.held_bytes > self.budget_bytes { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<(), SourceError> {
        for span in self.spans.values_mut().filter(|s| !s.rows.is_empty()) {
            let mut bytes = Vec::new();
            for row in span.rows.drain(..) {
                let mut own = Vec::new();
                row.histogram.encode(&mut own);
                bytes.extend_from_slice(&row.series.to_le_bytes());
                bytes.extend_from_slice(&row.stamp_ms.to_le_bytes());
                bytes.extend_from_slice(&(own.len() as u32).to_le_bytes());
                bytes.extend_from_slice(&own);
            }
            span.pieces.push((self.spill.append(&bytes)?, bytes.len()));
        }
        self.held_bytes = 0;
        Ok(())
    }

    /// Takes out the oldest span: its begin, and its samples in the order of arrival.
    pub(crate) fn next(&mut self) -> Result<Option<(i64, Vec<Row>)>, SourceError> {
        let Some((start_ms, span)) = self.spans.pop_first() else { return Ok(None) };
        let mut rows = Vec::new();
        for (offset, length) in span.pieces {
            self.load(offset, length, &mut rows)?;
        }
        rows.extend(span.rows);
        Ok(Some((start_ms, rows)))
    }

    fn load(&mut self, offset: u64, length: usize, rows: &mut Vec<Row>) -> Result<(), SourceError> {
        let bytes = self.spill.read(offset, length)?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (row, after) = decode(rest).ok_or_else(|| {
                SourceError::invalid(self.spill.path().display().to_string(), "the temporary file has changed", DAMAGED)
            })?;
            rows.push(row);
            rest = after;
        }
        Ok(())
    }
}

fn decode(bytes: &[u8]) -> Option<(Row, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let (series, head) = head.split_first_chunk::<4>()?;
    let (stamp, length) = head.split_first_chunk::<8>()?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let (own, rest) = rest.split_at_checked(length)?;
    let histogram = Arc::new(Histogram::decode(own).ok()?);
    Some((Row { series: u32::from_le_bytes(*series), stamp_ms: i64::from_le_bytes(*stamp), histogram }, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn spans_come_out_in_order_whether_spilled_or_not() {
        let dir = tempfile::tempdir().unwrap();
        for budget in [0, 400, usize::MAX] {
            let mut spool = HistogramSpool::new(100, budget, dir.path().join("spill"));
            for i in 0..20i64 {
                let histogram = Arc::new(Histogram { count: i as f64, ..Histogram::default() });
                spool.push(Row { series: i as u32 % 3, stamp_ms: i * 37 % 250 - 50, histogram }).unwrap();
            }
            let (mut spans, mut all) = (Vec::new(), Vec::new());
            while let Some((start_ms, rows)) = spool.next().unwrap() {
                spans.push(start_ms);
                assert!(rows.iter().all(|r| (start_ms..start_ms + 100).contains(&r.stamp_ms)));
                assert!(rows.is_sorted_by_key(|r| r.histogram.count));
                all.extend(rows.iter().map(|r| r.histogram.count));
            }
            all.sort_by(f64::total_cmp);
            assert_eq!((spans, all), (vec![-100, 0, 100], (0..20).map(f64::from).collect()));
        }
    }
}

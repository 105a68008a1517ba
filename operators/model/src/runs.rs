//! Runs: samples as they enter the dataflow, series by series instead of row by row.
//!
//! # State
//! A source numbers the series it has seen; numbers mean something on that source's link only and never leave it. The
//! first batch that uses a number carries its labels.

use crate::column::Value;
use crate::histogram::Histogram;
use crate::labels::Labels;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A batch of runs of one source link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// Position of the batch in log order. Batches of one epoch are admitted in this order, whatever worker read them,
    /// so that of two samples with one series and stamp the first in log order wins.
    pub seq: u64,
    /// Series that appear for the first time on this link, ascending by number.
    pub defs: Vec<(u32, Labels)>,
    /// Link-local series number of each run.
    pub series: Vec<u32>,
    /// End of each run in `stamps` and `values`, exclusive.
    pub ends: Vec<u32>,
    /// Timestamps, ms; ascending within a run of a well-formed source.
    pub stamps: Vec<i64>,
    /// Values.
    pub values: Vec<f64>,
    /// When the counter of each sample began to count, ms, 0 where that is not known; empty where it is of none.
    pub starts: Vec<i64>,
    /// Native histograms, beside the runs: a batch without any pays nothing for them. Of a float and a histogram with one
    /// series and stamp in one batch the float comes first.
    pub histograms: Vec<HistogramSample>,
}

/// A sample that is a native histogram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistogramSample {
    /// Link-local series number.
    pub series: u32,
    /// Timestamp, ms.
    pub stamp_ms: i64,
    /// The histogram.
    pub histogram: Arc<Histogram>,
    /// When it began to count, ms; 0 where that is not known.
    pub start_ms: i64,
}

/// One series' samples of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Link-local series number.
    pub series: u32,
    /// Timestamps, ms.
    pub stamps: &'a [i64],
    /// Values.
    pub values: &'a [f64],
    /// By sample, ms, or empty: see [`Runs::starts`].
    pub starts: &'a [i64],
}

impl Runs {
    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.stamps.len() + self.histograms.len()
    }

    /// Whether there is neither a sample nor a definition.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.defs.is_empty() && self.histograms.is_empty()
    }

    /// Appends a run.
    pub fn push(&mut self, series: u32, stamps: &[i64], values: &[f64]) {
        self.stamps.extend_from_slice(stamps);
        self.values.extend_from_slice(values);
        self.series.push(series);
        self.ends.push(self.stamps.len() as u32);
        self.pad_starts();
    }

    /// Appends a run, whatever is known of its starts.
    pub fn push_run(&mut self, run: Run<'_>) {
        if !run.starts.is_empty() {
            self.starts.resize(self.stamps.len(), 0);
            self.starts.extend_from_slice(run.starts);
        }
        self.push(run.series, run.stamps, run.values);
    }

    /// Nothing is known of the starts of samples that were appended without.
    fn pad_starts(&mut self) {
        if !self.starts.is_empty() {
            self.starts.resize(self.stamps.len(), 0);
        }
    }

    /// Appends one sample, to the last run if that is of the same series.
    pub fn push_sample(&mut self, series: u32, stamp_ms: i64, value: f64) {
        self.stamps.push(stamp_ms);
        self.values.push(value);
        let end = self.stamps.len() as u32;
        match (self.series.last(), self.ends.last_mut()) {
            (Some(last), Some(e)) if *last == series => *e = end,
            _ => {
                self.series.push(series);
                self.ends.push(end);
            }
        }
        self.pad_starts();
    }

    /// Appends one sample, whatever its value is, that began to count at `start_ms`; 0 where that is not known.
    pub fn push_value(&mut self, series: u32, stamp_ms: i64, value: Value, start_ms: i64) {
        match value {
            Value::Float(v) => {
                if start_ms != 0 {
                    self.starts.resize(self.stamps.len(), 0);
                    self.starts.push(start_ms);
                }
                self.push_sample(series, stamp_ms, v);
            }
            Value::Histogram(histogram) => {
                self.histograms.push(HistogramSample { series, stamp_ms, histogram, start_ms });
            }
        }
    }

    /// The runs in order.
    pub fn iter(&self) -> impl Iterator<Item = Run<'_>> + '_ {
        let mut from = 0usize;
        self.series.iter().zip(&self.ends).map(move |(series, end)| {
            let range = from..*end as usize;
            from = *end as usize;
            let starts = if self.starts.is_empty() { &[] } else { &self.starts[range.clone()] };
            Run { series: *series, stamps: &self.stamps[range.clone()], values: &self.values[range], starts }
        })
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.defs.clear();
        self.series.clear();
        self.ends.clear();
        self.stamps.clear();
        self.values.clear();
        self.starts.clear();
        self.histograms.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_series_join_a_run() {
        let mut r = Runs::default();
        r.push_sample(7, 1, 1.0);
        r.push_sample(7, 2, 2.0);
        r.push_sample(8, 2, 3.0);
        let got: Vec<_> = r.iter().map(|r| (r.series, r.stamps.to_vec())).collect();
        assert_eq!(got, [(7, vec![1, 2]), (8, vec![2])]);
    }

    #[test]
    fn starts_stand_beside_all_samples_or_none() {
        let mut r = Runs::default();
        r.push_sample(7, 1, 1.0);
        assert!(r.starts.is_empty() && r.iter().all(|run| run.starts.is_empty()));
        r.push_value(7, 2, Value::Float(2.0), 1);
        r.push_sample(8, 2, 3.0);
        let mut again = Runs::default();
        r.iter().for_each(|run| again.push_run(run));
        let got: Vec<_> = again.iter().map(|r| (r.series, r.starts.to_vec())).collect();
        assert_eq!(got, [(7, vec![0, 1]), (8, vec![0])]);
    }
}

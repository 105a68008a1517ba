//! The samples that a script has loaded: series by labels, each in order of time.
//!
//! # Semantics
//! Histograms get the counter-reset hints that Prometheus's storage gives them.

use super::nhcb;
use super::{Command, Load};
use bellwether_model::histogram::give_stored_hints;
use bellwether_model::{Labels, Sample, Value};
use std::collections::BTreeMap;

/// Samples by series, stale markers included.
#[derive(Clone, Debug, Default)]
pub struct TestStorage {
    series: BTreeMap<Labels, Vec<(i64, Value)>>,
    /// Stamps and start timestamps of samples that have one, ms.
    starts: BTreeMap<Labels, BTreeMap<i64, i64>>,
    version: u64,
    not_supported: usize,
}

impl TestStorage {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// Series with their samples (stamp in ms, value), in order of labels and time.
    pub fn series(&self) -> &BTreeMap<Labels, Vec<(i64, Value)>> {
        &self.series
    }

    /// Changes with every change of content, so that an engine may keep what it has built.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Samples that were left out because their kind is not supported.
    pub fn left_out(&self) -> usize {
        self.not_supported
    }

    /// All samples, series by series.
    pub fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        self.series.iter().flat_map(|(labels, samples)| {
            let starts = self.starts.get(labels);
            samples.iter().map(move |(timestamp_ms, value)| {
                let start_ms = starts.and_then(|s| s.get(timestamp_ms)).copied().unwrap_or(0);
                Sample { labels: labels.clone(), timestamp_ms: *timestamp_ms, value: value.clone(), start_ms }
            })
        })
    }

    /// Adds one sample; of two with one stamp the first stays.
    pub fn push(&mut self, labels: &Labels, stamp_ms: i64, value: Value) {
        self.version += 1;
        let samples = self.series.entry(labels.clone()).or_default();
        if let Err(at) = samples.binary_search_by_key(&stamp_ms, |(stamp, _)| *stamp) {
            samples.insert(at, (stamp_ms, value));
        }
    }

    /// Applies a `load` or `clear` command; others change nothing.
    pub fn apply(&mut self, command: &Command) {
        match command {
            Command::Load(load) => self.load(load),
            Command::Clear => *self = Self { version: self.version + 1, ..Self::default() },
            Command::Eval(_) => {}
        }
    }

    fn load(&mut self, load: &Load) {
        self.not_supported += load.not_supported.len();
        for (labels, values) in &load.series {
            for (i, value) in values.iter().enumerate() {
                if let Some(value) = value {
                    self.push(labels, load.interval_ms * i as i64, value.sample());
                }
            }
        }
        for (labels, offsets) in &load.starts {
            let starts = self.starts.entry(labels.clone()).or_default();
            for (i, offset) in offsets.iter().enumerate() {
                let at_ms = load.interval_ms * i as i64;
                if let Some(offset) = offset {
                    starts.entry(at_ms).or_insert(at_ms + offset);
                }
            }
        }
        if load.with_nhcb {
            for (labels, stamp_ms, histogram) in nhcb::converted(load) {
                self.push(&labels, stamp_ms, Value::Histogram(histogram));
            }
        }
        self.series.values_mut().for_each(|samples| give_stored_hints(samples.iter_mut().map(|(_, v)| v)));
    }
}

//! A feed from memory: for tests and for queries over few samples.
//!
//! # Semantics
//! Series are dealt out to the workers in turn, in order of first appearance; all samples of a series take the same way,
//! so their order is kept.

use super::feed::{EpochFeed, Feed, FeedError, Next};
use crate::time::Binding;
use bellwether_model::{Labels, Runs, Sample, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// (series, stamp ms, value, start ms)
type Row = (u32, i64, Value, i64);

/// Samples by epoch; shared by the feeds of all workers.
#[derive(Clone, Debug, Default)]
pub struct VecSource {
    series: Vec<Labels>,
    numbers: HashMap<Labels, u32>,
    epochs: Vec<(Binding, Vec<Row>)>,
}

impl VecSource {
    /// From samples in log order.
    pub fn from_samples(epochs: impl IntoIterator<Item = (Binding, Vec<Sample>)>) -> Arc<Self> {
        let mut source = Self::default();
        for (binding, samples) in epochs {
            let row = |s: Sample| (source.number(s.labels), s.timestamp_ms, s.value, s.start_ms);
            let rows = samples.into_iter().map(row).collect();
            source.epochs.push((binding, rows));
        }
        Arc::new(source)
    }

    /// From the runs of one link. Runs whose series is not defined are left out.
    pub fn from_runs(epochs: impl IntoIterator<Item = (Binding, Vec<Runs>)>) -> Arc<Self> {
        let (mut source, mut defined) = (Self::default(), HashMap::new());
        for (binding, batches) in epochs {
            let mut rows = Vec::new();
            for batch in batches {
                for (number, labels) in &batch.defs {
                    defined.insert(*number, source.number(labels.clone()));
                }
                for run in batch.iter() {
                    let Some(number) = defined.get(&run.series) else { continue };
                    let start = |i: usize| run.starts.get(i).copied().unwrap_or(0);
                    let samples = run.stamps.iter().zip(run.values).enumerate();
                    rows.extend(samples.map(|(i, (t, v))| (*number, *t, Value::Float(*v), start(i))));
                }
                for sample in batch.histograms {
                    let Some(number) = defined.get(&sample.series) else { continue };
                    rows.push((*number, sample.stamp_ms, Value::Histogram(sample.histogram), sample.start_ms));
                }
            }
            source.epochs.push((binding, rows));
        }
        Arc::new(source)
    }

    fn number(&mut self, labels: Labels) -> u32 {
        let next = self.series.len() as u32;
        *self.numbers.entry(labels).or_insert_with_key(|labels| {
            self.series.push(labels.clone());
            next
        })
    }

    /// The feed of one worker.
    pub fn feed(self: &Arc<Self>, worker: usize, peers: usize) -> VecFeed {
        VecFeed { source: Arc::clone(self), worker, peers, at: 0, defined: vec![false; self.series.len()] }
    }
}

/// One worker's share of a [`VecSource`].
#[derive(Debug)]
pub struct VecFeed {
    source: Arc<VecSource>,
    worker: usize,
    peers: usize,
    at: usize,
    defined: Vec<bool>,
}

impl Feed for VecFeed {
    fn next(&mut self) -> Result<Next, FeedError> {
        let Some((binding, rows)) = self.source.epochs.get(self.at) else { return Ok(Next::End) };
        let mut runs = Runs { seq: self.at as u64, ..Runs::default() };
        self.at += 1;
        for (series, stamp_ms, value, start_ms) in rows.iter().filter(|r| r.0 as usize % self.peers == self.worker) {
            let at = *series as usize;
            if !std::mem::replace(&mut self.defined[at], true) {
                runs.defs.push((*series, self.source.series[at].clone()));
            }
            runs.push_value(*series, *stamp_ms, value.clone(), *start_ms);
        }
        runs.defs.sort_by_key(|d| d.0);
        Ok(Next::Epoch(EpochFeed { binding: binding.clone(), runs: vec![runs] }))
    }
}

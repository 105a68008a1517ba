//! A worker's feed of a live run: epochs of the queue in, the runs of this worker's series out.
//!
//! # Semantics
//! A series belongs to the worker that owns its shard, so no sample travels between workers. Numbers of series are the
//! dictionary's; labels go along the first time. What no rule in force reads stays in the log: where a program is the first
//! to read a series, its epoch brings along what came before.

use super::queue::{Queue, Taken};
use super::reads::Reads;
use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_dataflow::lower;
use bellwether_dataflow::render::{EpochFeed, Feed, FeedError, Next};
use bellwether_dataflow::time::Binding;
use bellwether_model::{Runs, shard_of_vnode, vnode, worker_of_shard};
use std::sync::Arc;

/// What is known of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Unseen,
    Mine,
    Other,
    /// Mine, but no rule reads it, or it is in quarantine.
    Unread,
}

/// Placement of series: tenant and entity labels.
#[derive(Clone, Debug)]
pub(super) struct Placing {
    /// Tenant.
    pub tenant: String,
    /// Labels that place a series.
    pub entity_labels: Vec<String>,
    /// Series that are left out.
    pub left_out: Arc<Reads>,
}

impl Placing {
    /// That of rules compiled with some options.
    pub fn of(options: &lower::Options) -> Self {
        let (tenant, entity_labels) = (options.tenant.clone(), options.entity_labels.clone());
        Self { tenant, entity_labels, left_out: Arc::default() }
    }

    /// The same without some series.
    pub fn without(self, left_out: &Arc<Reads>) -> Self {
        Self { left_out: Arc::clone(left_out), ..self }
    }
}

/// The feed.
pub struct LiveFeed {
    queue: Queue,
    dictionary: Arc<Dictionary>,
    placing: Placing,
    worker: usize,
    workers: usize,
    known: Vec<Known>,
    reads: Reads,
    seq: u64,
}

impl LiveFeed {
    /// The feed of a worker.
    pub(super) fn new(
        queue: Queue,
        dictionary: Arc<Dictionary>,
        placing: Placing,
        worker: usize,
        workers: usize,
    ) -> Self {
        Self { queue, dictionary, placing, worker, workers, known: Vec::new(), reads: Reads::default(), seq: 0 }
    }

    /// Whether a series is this worker's; if it is and is new here, its labels join the batch.
    fn is_mine(&mut self, series: u32, runs: &mut Runs) -> bool {
        let at = series as usize;
        if at >= self.known.len() {
            self.known.resize((at + 1).max(self.dictionary.len()), Known::Unseen);
        }
        if self.known[at] == Known::Unseen {
            let Some(labels) = self.dictionary.labels(series) else { return false };
            let shard = shard_of_vnode(vnode(&self.placing.tenant, &labels, &self.placing.entity_labels));
            let mine = worker_of_shard(shard, self.workers) == self.worker;
            self.known[at] = match mine {
                true if self.placing.left_out.reach_ms(&labels).is_some() => Known::Unread,
                true if self.reads.reach_ms(&labels).is_some() => Known::Mine,
                true => Known::Unread,
                false => Known::Other,
            };
            if self.known[at] == Known::Mine {
                runs.defs.push((series, labels));
            }
        }
        self.known[at] == Known::Mine
    }

    fn runs(&mut self, rows: &Rows) -> Runs {
        let mut runs = Runs { seq: self.seq, ..Runs::default() };
        self.seq += 1;
        let share = rows.series.len() / self.workers;
        runs.stamps.reserve(share);
        runs.values.reserve(share);
        for (i, series) in rows.series.iter().enumerate() {
            if self.is_mine(*series, &mut runs) {
                if let Some(start_ms) = rows.starts.get(i).filter(|s| **s != 0) {
                    runs.starts.resize(runs.stamps.len(), 0);
                    runs.starts.push(*start_ms);
                }
                runs.push_sample(*series, rows.stamps[i], rows.values[i]);
            }
        }
        for sample in &rows.histograms {
            if self.is_mine(sample.series, &mut runs) {
                runs.histograms.push(sample.clone());
            }
        }
        runs.defs.sort_unstable_by_key(|d| d.0);
        runs
    }
}

impl Feed for LiveFeed {
    fn next(&mut self) -> Result<Next, FeedError> {
        match self.queue.take(self.worker) {
            Taken::Nothing => Ok(Next::NotYet),
            Taken::Closed => Ok(Next::End),
            Taken::Epoch(epoch) => {
                if let Some(program) = &epoch.binding.program {
                    self.reads = Reads::of(program);
                    self.known.clear();
                }
                let mut runs: Vec<Runs> = epoch.history.iter().map(|rows| self.runs(rows)).collect();
                let binding = Binding { loads_before_seq: self.seq, ..epoch.binding.clone() };
                runs.extend(epoch.rows.iter().map(|rows| self.runs(rows)));
                runs.retain(|runs| !runs.is_empty());
                Ok(Next::Epoch(EpochFeed { binding, runs }))
            }
        }
    }
}

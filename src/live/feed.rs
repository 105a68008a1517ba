//! A worker's feed of a live run: epochs of the queue in, the runs of this worker's series out.
//!
//! # Semantics
//! A series belongs to the worker that owns its shard, so no sample travels between workers. Numbers of series are the
//! dictionary's; labels go along the first time.

use super::queue::{Queue, Taken};
use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_dataflow::render::{EpochFeed, Feed, FeedError, Next};
use bellwether_model::{Runs, shard_of_vnode, vnode, worker_of_shard};
use std::sync::Arc;

/// What is known of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Unseen,
    Mine,
    Other,
}

/// Placement of series: tenant and entity labels.
#[derive(Clone, Debug)]
pub struct Placing {
    /// Tenant.
    pub tenant: String,
    /// Labels that place a series.
    pub entity_labels: Vec<String>,
}

/// The feed.
pub struct LiveFeed {
    queue: Queue,
    dictionary: Arc<Dictionary>,
    placing: Placing,
    worker: usize,
    workers: usize,
    known: Vec<Known>,
    seq: u64,
}

impl LiveFeed {
    /// The feed of a worker.
    pub fn new(queue: Queue, dictionary: Arc<Dictionary>, placing: Placing, worker: usize, workers: usize) -> Self {
        Self { queue, dictionary, placing, worker, workers, known: Vec::new(), seq: 0 }
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
            self.known[at] = if mine { Known::Mine } else { Known::Other };
            if mine {
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
                let runs = epoch.rows.iter().map(|rows| self.runs(rows)).filter(|runs| !runs.is_empty()).collect();
                Ok(Next::Epoch(EpochFeed { binding: epoch.binding.clone(), runs }))
            }
        }
    }
}

//! What `window` does with an epoch: admits its runs and says which series and metric names came or went.
//!
//! # Semantics
//! In this order: prune (not in an epoch that changes the program, which may read further back), put the program's keys
//! in force, admit the batches in log order. A sample is late iff its stamp is at most the previous watermark.
//!
//! # State
//! Keys in force, the previous watermark, when the store was last pruned.

use super::keys::JoinKeys;
use super::prune::Pruning;
use super::{Binding, Counters};
use crate::exchange::RunBatch;
use crate::program::Program;
use crate::window::{SeriesStore, Slot};
use bellwether_model::Labels;
use std::collections::BTreeMap;

/// What an epoch changed for the join.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// (join key, slot) that came (1) or went (-1).
    pub pairs: Vec<((u64, Slot), isize)>,
    /// Metric names and by how many series they changed, in order.
    pub names: BTreeMap<String, isize>,
}

/// The part of `window` without timely.
#[derive(Debug)]
pub struct Intake {
    keys: JoinKeys,
    watermark_ms: i64,
    horizon_ms: i64,
    pruning: Pruning,
}

impl Default for Intake {
    fn default() -> Self {
        Self { keys: JoinKeys::default(), watermark_ms: i64::MIN, horizon_ms: 0, pruning: Pruning::default() }
    }
}

impl Intake {
    /// Admits an epoch; `retain_from_ms` is the oldest stamp that a later evaluation may read.
    pub fn epoch(
        &mut self,
        store: &mut SeriesStore,
        binding: &Binding,
        mut batches: Vec<RunBatch>,
        retain_from_ms: i64,
        counters: &mut Counters,
    ) -> Changes {
        let mut changes = Changes::default();
        store.unread_before(binding.program.is_none().then_some(retain_from_ms));
        match &binding.program {
            Some(program) => self.swap(store, program, &mut changes),
            None if self.pruning.is_due(retain_from_ms, self.horizon_ms) => {
                for slot in store.prune(retain_from_ms) {
                    self.series(store.labels(slot), slot, -1, &mut changes);
                }
            }
            None => {}
        }
        // The sort is stable: batches of one link stay in the order in which they were sent.
        batches.sort_by_key(|b| (b.runs.seq, b.link));
        for batch in batches {
            let (link, is_history) = (batch.link as usize, batch.runs.seq < binding.loads_before_seq);
            let admitted = match is_history {
                true => store.load(link, &batch.runs),
                false => store.admit(link, &batch.runs, self.watermark_ms),
            };
            if binding.load_only || is_history {
                // These were counted when they first came.
                counters.series += admitted.appeared.len() as u64;
            } else {
                counters.count(&admitted);
            }
            for slot in admitted.appeared {
                self.series(store.labels(slot), slot, 1, &mut changes);
            }
        }
        self.watermark_ms = self.watermark_ms.max(binding.times.watermark_ms);
        changes.names.retain(|_, diff| *diff != 0);
        changes
    }

    fn series(&self, labels: &Labels, slot: Slot, diff: isize, changes: &mut Changes) {
        let mut keys = Vec::new();
        self.keys.collect(labels, &mut keys);
        changes.pairs.extend(keys.into_iter().map(|key| ((key, slot), diff)));
        match changes.names.get_mut(labels.metric_name()) {
            Some(count) => *count += diff,
            None => {
                changes.names.insert(labels.metric_name().to_owned(), diff);
            }
        }
    }

    /// Moves all series to the keys of a new program.
    fn swap(&mut self, store: &mut SeriesStore, program: &Program, changes: &mut Changes) {
        // The evaluator says so too, but only after this epoch's samples are in.
        store.ignore_names(&program.recorded_names);
        self.horizon_ms = program.horizon_ms;
        let new = JoinKeys::of(program);
        if new == self.keys {
            return;
        }
        let old = std::mem::replace(&mut self.keys, new);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for slot in store.ingested() {
            let labels = store.labels(slot);
            old.collect(labels, &mut before);
            self.keys.collect(labels, &mut after);
            let gone = before.iter().filter(|k| after.binary_search(k).is_err()).map(|k| ((*k, slot), -1));
            let come = after.iter().filter(|k| before.binary_search(k).is_err()).map(|k| ((*k, slot), 1));
            changes.pairs.extend(gone.chain(come));
        }
    }
}

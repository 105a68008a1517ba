//! Keeps the results of a subquery's inner expression as samples, for range functions to read.
//!
//! # State
//! A series in the store for each element of the operand; rows are the operand's. Kept over restarts, because an inner
//! step is evaluated once: a late sample that came after it must not change it.

use super::effects::Effects;
use super::elements::{Change, Cursor};
use super::kept::{Kept, KeptRing, KeptSamples};
use super::leaf::Context;
use super::node::{Hands, NodeState};
use super::packet::{Packet, VerdictPart};
use super::view::{RowScratch, View};
use crate::program::{NodeIdx, Op};
use crate::window::{SeriesStore, Slot};
use bellwether_model::histogram::Hint;
use bellwether_model::{Block, Labels, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// State of one ring.
#[derive(Debug, Default)]
pub struct Ring {
    cursor: Cursor,
    slots: Vec<Option<Slot>>,
    /// Restored samples whose element has not been seen yet.
    waiting: BTreeMap<Labels, KeptSamples>,
}

/// A subquery's instants need not be those of the samples: a hint about the sample before would mislead, so whoever
/// needs to know of a reset compares (Prometheus `evalSubquery`).
fn without_reset_hint(value: Value) -> Value {
    match value {
        Value::Histogram(mut h) if matches!(h.hint, Hint::Reset | Hint::NotReset) => {
            Arc::make_mut(&mut h).hint = Hint::Unknown;
            Value::Histogram(h)
        }
        value => value,
    }
}

impl NodeState for Ring {
    fn eval(&mut self, _: &Context<'_>, _: NodeIdx, _: Vec<Packet>, _: &mut Block) -> Option<VerdictPart> {
        None
    }

    fn apply(&mut self, view: &View<'_>, n: NodeIdx, store: &mut SeriesStore, fx: &mut Effects<'_>) {
        let Op::Ring { retain_ms, .. } = view.node(n).op else { return };
        let input = view.node(n).inputs[0];
        let changes = view.changes(input, &mut self.cursor);
        if changes.restart {
            self.slots.drain(..).flatten().for_each(|slot| store.remove_produced(slot));
        }
        for change in changes.list {
            let (Change::Added(row) | Change::Removed(row)) = change;
            if self.slots.len() <= row as usize {
                self.slots.resize(row as usize + 1, None);
            }
            if let Some(slot) = self.slots[row as usize].take() {
                store.remove_produced(slot);
            }
            if matches!(change, Change::Added(_)) && view.is_live(input, row) {
                let labels = view.labels(input, row);
                let slot = store.add_produced(labels.clone());
                self.waiting.remove(&labels).unwrap_or_default().write(store, slot);
                self.slots[row as usize] = Some(slot);
            }
        }
        let steps = view.steps(n);
        let mut scratch = RowScratch::default();
        for (row, slot) in self.slots.iter().enumerate() {
            let Some(slot) = slot else { continue };
            for (i, value) in view.block_row(n, input, row as u32, &mut scratch).points() {
                store.push_value(*slot, steps.at(i), without_reset_hint(value));
            }
            // Readers may wait for longer than this grid does: the oldest instant that is still to come says what is read.
            store.prune_one(*slot, fx.after_ms.saturating_sub(retain_ms));
        }
    }

    fn kept_slot(&self, row: u32) -> Option<Slot> {
        self.slots.get(row as usize).copied().flatten()
    }

    fn keep(&self, view: &View<'_>, n: NodeIdx, store: &SeriesStore) -> Vec<(u16, Kept)> {
        let Op::Ring { of, .. } = view.node(n).op else { return Vec::new() };
        let input = view.node(n).inputs[0];
        let pack = |labels: Labels, samples: KeptSamples| {
            let shard = view.shard(&view.node(n).placement, &labels) as u16;
            (shard, Kept::Ring(KeptRing { of, labels, samples }))
        };
        let mut all = Vec::new();
        for (row, slot) in self.slots.iter().enumerate() {
            let Some(slot) = slot else { continue };
            all.push(pack(view.labels(input, row as u32), KeptSamples::of(store, *slot)));
        }
        all.extend(self.waiting.iter().map(|(labels, samples)| pack(labels.clone(), samples.clone())));
        all
    }

    fn restore(&mut self, _: &View<'_>, _: NodeIdx, kept: &Kept, _: &mut Hands<'_, '_>) {
        if let Kept::Ring(kept) = kept {
            self.waiting.insert(kept.labels.clone(), kept.samples.clone());
        }
    }

    fn slots(&self) -> Vec<Slot> {
        self.slots.iter().flatten().copied().collect()
    }
}

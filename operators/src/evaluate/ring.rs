//! Keeps the results of a subquery's inner expression as samples, for range functions to read.
//!
//! # State
//! A series in the store for each label set that the operand has or had: rows are the ring's own, because a result is read
//! for as long as a window holds it, whether or not its element is still there. Kept over restarts, because an inner
//! step is evaluated once: a late sample that came after it must not change it.
//!
//! # Errors
//! What fails at an inner step fails wherever a window holds that step, as long as one does.

use super::effects::Effects;
use super::elements::{Change, Cursor, Elements};
use super::kept::{Kept, KeptRing, KeptRingErrors, KeptSamples};
use super::leaf::Context;
use super::node::{Hands, NodeState};
use super::packet::{Packet, VerdictPart};
use super::view::{RowScratch, View};
use crate::program::{NodeIdx, Op};
use crate::window::{SeriesStore, Slot};
use bellwether_model::block::ones;
use bellwether_model::histogram::Hint;
use bellwether_model::{Block, Labels, SHARDS, Value, worker_of_shard};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;

/// State of one ring.
#[derive(Debug, Default)]
pub struct Ring {
    cursor: Cursor,
    elements: Elements,
    by_labels: HashMap<Labels, u32>,
    /// By row: its series, and how many rows of the operand have its labels.
    rows: Vec<(Slot, u32)>,
    /// By row of the operand.
    of_operand: Vec<Option<u32>>,
    /// Instants at which the operand failed, and with what: all workers know them.
    failed: BTreeMap<i64, String>,
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

impl Ring {
    /// The row of a label set, added if it is new.
    fn ensure(&mut self, labels: Labels, store: &mut SeriesStore) -> u32 {
        if let Some(row) = self.by_labels.get(&labels) {
            return *row;
        }
        let row = self.elements.add(labels.clone());
        let slot = store.add_produced(labels.clone());
        self.rows.resize(self.elements.rows(), (slot, 0));
        self.rows[row as usize] = (slot, 0);
        self.by_labels.insert(labels, row);
        row
    }

    fn leave(&mut self, operand_row: u32) {
        if let Some(row) = self.of_operand.get_mut(operand_row as usize).and_then(Option::take) {
            self.rows[row as usize].1 -= 1;
        }
    }

    fn follow(&mut self, view: &View<'_>, input: NodeIdx, store: &mut SeriesStore) {
        let changes = view.changes(input, &mut self.cursor);
        if changes.restart {
            (0..self.of_operand.len() as u32).for_each(|row| self.leave(row));
        }
        for change in changes.list {
            let (Change::Added(operand_row) | Change::Removed(operand_row)) = change;
            self.leave(operand_row);
            if matches!(change, Change::Added(_)) && view.is_live(input, operand_row) {
                let row = self.ensure(view.labels(input, operand_row), store);
                self.rows[row as usize].1 += 1;
                let at = operand_row as usize;
                self.of_operand.resize(self.of_operand.len().max(at + 1), None);
                self.of_operand[at] = Some(row);
            }
        }
    }

    /// Drops what no window holds any more.
    fn prune(&mut self, store: &mut SeriesStore, before_ms: i64, may_drop: bool) {
        for row in self.elements.live().collect::<Vec<u32>>() {
            let (slot, users) = self.rows[row as usize];
            store.prune_one(slot, before_ms);
            if users == 0 && may_drop && store.is_empty(slot) {
                if let Some(labels) = self.elements.get(row) {
                    self.by_labels.remove(labels);
                }
                self.elements.remove(row);
                store.remove_produced(slot);
            }
        }
        self.failed = self.failed.split_off(&before_ms);
    }
}

impl NodeState for Ring {
    fn eval(&mut self, _: &Context<'_>, _: NodeIdx, _: Vec<Packet>, _: &mut Block) -> Option<VerdictPart> {
        None
    }

    fn apply(&mut self, view: &View<'_>, n: NodeIdx, store: &mut SeriesStore, fx: &mut Effects<'_>) {
        let Op::Ring { retain_ms, .. } = view.node(n).op else { return };
        let input = view.node(n).inputs[0];
        self.follow(view, input, store);
        let steps = view.steps(n);
        let mut scratch = RowScratch::default();
        for (operand_row, row) in self.of_operand.iter().enumerate() {
            let Some(row) = row else { continue };
            let slot = self.rows[*row as usize].0;
            for (i, value) in view.block_row(n, input, operand_row as u32, &mut scratch).points() {
                store.push_value(slot, steps.at(i), without_reset_hint(value));
            }
        }
        let (failed, message) = fx.board.union(view, n);
        if let Some((_, message)) = message {
            self.failed.extend(ones(&failed).map(|i| (steps.at(i), message.clone())));
        }
        // Readers may wait for longer than this grid does: the oldest instant that is still to come says what is read. Rows
        // stay what they are while an epoch's instants are put together.
        self.prune(store, fx.after_ms.saturating_sub(retain_ms), view.begins_epoch(n));
    }

    fn kept_slot(&self, row: u32) -> Option<Slot> {
        self.elements.get(row).map(|_| self.rows[row as usize].0)
    }

    fn failure(&self, after_ms: i64, upto_ms: i64) -> Option<&str> {
        // A window that is turned around holds nothing.
        let inside = (after_ms < upto_ms).then(|| self.failed.range((Excluded(after_ms), Included(upto_ms))));
        inside.and_then(|mut inside| inside.next()).map(|(_, message)| message.as_str())
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.elements)
    }

    fn keep(&self, view: &View<'_>, n: NodeIdx, store: &SeriesStore) -> Vec<(u16, Kept)> {
        let Op::Ring { of, .. } = view.node(n).op else { return Vec::new() };
        let mut all = Vec::new();
        for row in self.elements.live() {
            let Some(labels) = self.elements.get(row).cloned() else { continue };
            let shard = view.shard(&view.node(n).placement, &labels) as u16;
            let samples = KeptSamples::of(store, self.rows[row as usize].0);
            all.push((shard, Kept::Ring(KeptRing { of, labels, samples })));
        }
        if !self.failed.is_empty() {
            // Whoever owns a shard next must know of it.
            let own = |shard: &usize| worker_of_shard(*shard, view.peers) == view.worker;
            let errors: Vec<(i64, String)> = self.failed.clone().into_iter().collect();
            let entry = |shard| (shard as u16, Kept::RingErrors(KeptRingErrors { of, errors: errors.clone() }));
            all.extend((0..SHARDS).filter(own).map(entry));
        }
        all
    }

    fn restore(&mut self, _: &View<'_>, _: NodeIdx, kept: &Kept, hands: &mut Hands<'_, '_>) {
        match kept {
            Kept::Ring(kept) => {
                let row = self.ensure(kept.labels.clone(), hands.store);
                let slot = self.rows[row as usize].0;
                kept.samples.write(hands.store, slot);
            }
            Kept::RingErrors(kept) => self.failed.extend(kept.errors.iter().cloned()),
            _ => {}
        }
    }

    fn slots(&self) -> Vec<Slot> {
        self.elements.live().map(|row| self.rows[row as usize].0).collect()
    }
}

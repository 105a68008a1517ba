//! Keeps what `@` reads: the elements of an expression, or the samples of a window, as they were at one instant.
//!
//! # Semantics
//! An expression that `@` fixes is evaluated once, on a grid of that instant only, when the watermark has reached it; a late
//! sample that comes after it changes nothing. Range functions read what is kept, the same at every step. Steps before
//! the instant wait for it (`Grid::not_before_ms`).
//!
//! # State
//! A series in the store for each element, with one sample or with those of its window. Kept over restarts, because
//! what it was read from may be gone by then.
//!
//! # Errors
//! What fails at the instant fails at every step that reads it. So does a pin of an instant that was final before its rule
//! came: nothing is known of it any more.

use super::effects::Effects;
use super::elements::Elements;
use super::kept::{Kept, KeptPin, KeptPinRow, KeptSamples};
use super::leaf::Context;
use super::node::{Hands, NodeState};
use super::packet::{Packet, VerdictPart};
use super::view::{RowScratch, View};
use crate::program::{NodeIdx, Op, PinnedWindow, Source};
use crate::window::{SeriesStore, Slot};
use bellwether_model::block::ones;
use bellwether_model::{Block, Labels, SHARDS, worker_of_shard};

const NOT_TAKEN: &str = "@ names an instant that was final before this rule was loaded: its samples are not known";

/// State of one pin.
#[derive(Debug, Default)]
pub struct Pin {
    elements: Elements,
    slots: Vec<Slot>,
    taken: bool,
    error: Option<String>,
}

impl Pin {
    fn add(&mut self, labels: Labels, store: &mut SeriesStore, write: impl FnOnce(&mut SeriesStore, Slot)) {
        let slot = store.add_produced(labels.clone());
        write(store, slot);
        let row = self.elements.add(labels) as usize;
        self.slots.resize(row + 1, slot);
    }

    /// The operand's elements; the instant is the only one of the grid.
    fn take_vector(&mut self, view: &View<'_>, n: NodeIdx, at_ms: i64, store: &mut SeriesStore) {
        let input = view.node(n).inputs[0];
        let mut scratch = RowScratch::default();
        for row in view.live(input) {
            if let Some(value) = view.block_row(n, input, row, &mut scratch).value(0) {
                self.add(view.labels(input, row), store, |store, slot| store.push_value(slot, at_ms, value));
            }
        }
    }

    fn take_window(&mut self, view: &View<'_>, at_ms: i64, window: PinnedWindow, store: &mut SeriesStore) {
        let upto_ms = at_ms.saturating_sub(window.offset_ms);
        let after_ms = upto_ms.saturating_sub(window.range_ms);
        if let Some(kept) = window.source.sampled()
            && let Some(message) = view.states[kept].as_ref().and_then(|s| s.failure(after_ms, upto_ms))
        {
            self.error = Some(message.to_owned());
            return;
        }
        let rows: Vec<(Labels, Slot)> = match window.source {
            Source::Selector(s) => {
                let rows = &view.selectors[s];
                rows.elements.live().filter_map(|r| Some((rows.elements.get(r)?.clone(), rows.slot(r).0))).collect()
            }
            Source::Ring(kept) | Source::Pin(kept) => {
                let slot = |row| view.states[kept].as_ref().and_then(|s| s.kept_slot(row));
                view.live(kept).filter_map(|row| Some((view.labels(kept, row), slot(row)?))).collect()
            }
        };
        for (labels, slot) in rows {
            let inside = KeptSamples::of(store, slot).within(after_ms, upto_ms);
            if !inside.is_empty() {
                self.add(labels, store, |store, slot| inside.write(store, slot));
            }
        }
    }
}

impl NodeState for Pin {
    fn eval(&mut self, _: &Context<'_>, _: NodeIdx, _: Vec<Packet>, _: &mut Block) -> Option<VerdictPart> {
        None
    }

    fn apply(&mut self, view: &View<'_>, n: NodeIdx, store: &mut SeriesStore, fx: &mut Effects<'_>) {
        let Op::Pin { at_ms, window, .. } = view.node(n).op else { return };
        self.taken = true;
        let (failed, message) = fx.board.union(view, n);
        if ones(&failed).next().is_some() {
            self.error = Some(message.map(|m| m.1).unwrap_or_default());
            return;
        }
        match window {
            Some(window) => self.take_window(view, at_ms, window, store),
            None => self.take_vector(view, n, at_ms, store),
        }
    }

    fn kept_slot(&self, row: u32) -> Option<Slot> {
        self.slots.get(row as usize).copied()
    }

    fn failure(&self, _: i64, _: i64) -> Option<&str> {
        if self.taken { self.error.as_deref() } else { Some(NOT_TAKEN) }
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.elements)
    }

    /// Beside the elements an entry for each shard of this worker: whoever owns the shard next must know that the pin was
    /// taken, whether it has elements or not.
    fn keep(&self, view: &View<'_>, n: NodeIdx, store: &SeriesStore) -> Vec<(u16, Kept)> {
        let (true, Op::Pin { of, .. }) = (self.taken, &view.node(n).op) else { return Vec::new() };
        let own = |shard: &usize| worker_of_shard(*shard, view.peers) == view.worker;
        let taken = |shard| (shard as u16, Kept::Pin(KeptPin { of: *of, error: self.error.clone() }));
        let mut all: Vec<(u16, Kept)> = (0..SHARDS).filter(own).map(taken).collect();
        for row in self.elements.live() {
            let (Some(labels), Some(slot)) = (self.elements.get(row), self.kept_slot(row)) else { continue };
            let shard = view.shard(&view.node(n).placement, labels) as u16;
            let samples = KeptSamples::of(store, slot);
            all.push((shard, Kept::PinRow(KeptPinRow { of: *of, labels: labels.clone(), samples })));
        }
        all
    }

    fn restore(&mut self, _: &View<'_>, _: NodeIdx, kept: &Kept, hands: &mut Hands<'_, '_>) {
        match kept {
            Kept::Pin(kept) => {
                self.taken = true;
                self.error.clone_from(&kept.error);
            }
            Kept::PinRow(kept) => {
                self.add(kept.labels.clone(), hands.store, |store, slot| kept.samples.write(store, slot));
            }
            _ => {}
        }
    }

    fn slots(&self) -> Vec<Slot> {
        self.slots.clone()
    }
}

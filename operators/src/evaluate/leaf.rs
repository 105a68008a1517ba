//! Leaf programs: windows of one series through a selector or range function, then row-wise nodes in place.
//!
//! # Semantics
//! A range function sees no stale markers; an instant selector sees them as the end of the series. Samples that a
//! produced series got from a later evaluation are hidden by the row's clip.

use super::answers::Answers;
use super::cost::Costs;
use super::notes::Notes;
use super::view::{RowScratch, View};
use crate::annotation::{
    Issues, invalid_quantile, invalid_strategy, is_counter_name, is_invalid_quantile, possible_non_counter,
};
use crate::functions::RangeFn;
use crate::instant::{instant, timestamp};
use crate::native;
use crate::over_time::is_bad_strategy;
use crate::program::{NodeIdx, Op, Reading, Source};
use crate::range::WindowSpec;
use crate::range::{Scratch, range};
use crate::samples::Samples;
use crate::window::{Beside, SeriesStore, Slot};
use bellwether_model::{HistogramColumn, Row, RowMut, StepRange};

/// A [`View`] with the samples.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub(super) view: View<'a>,
    pub(super) store: &'a SeriesStore,
    pub(super) notes: &'a Notes,
    pub(super) costs: &'a Costs,
    /// What templates query, where somebody answers.
    pub(super) answers: Option<&'a Answers>,
}

impl<'a> std::ops::Deref for Context<'a> {
    type Target = View<'a>;
    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

/// Windows to compute: a row's, of a leaf, by its own function or another, at the masked steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'m> {
    pub(super) n: NodeIdx,
    pub(super) func: RangeFn,
    pub(super) row: u32,
    pub(super) mask: Option<&'m [u64]>,
}

/// Scratch memory of leaves.
#[derive(Debug, Default)]
pub struct LeafScratch {
    kernel: Scratch,
    stamps: Vec<u32>,
    values: Vec<f64>,
}

impl<'a> Context<'a> {
    /// A row of an operand of `reader`; of a fused operand only the masked steps are computed.
    pub fn row<'s>(
        &'s self,
        reader: NodeIdx,
        n: NodeIdx,
        row: u32,
        mask: Option<&[u64]>,
        scratch: &'s mut RowScratch,
    ) -> Row<'s> {
        if self.node(n).materialize {
            return self.block_row(reader, n, row, scratch);
        }
        scratch.start(self.steps(n).count);
        let (kernel, out) = scratch.parts();
        self.compute(n, row, mask, kernel, out);
        scratch.row()
    }

    /// Computes a row of a leaf or row-wise node into a cleared row.
    pub fn compute(&self, n: NodeIdx, row: u32, mask: Option<&[u64]>, scratch: &mut LeafScratch, mut out: RowMut<'_>) {
        let node = self.node(n);
        match &node.op {
            Op::Instant { selector, offset_ms, lookback_ms, reading } => {
                let (slot, clip) = self.selectors[*selector].slot(row);
                let offset = clip.map_or(*offset_ms, |c| c.max(*offset_ms));
                // Nothing is drawn to the window's borders: one that ends earlier sees the same.
                let lookback = lookback_ms - (offset - offset_ms);
                let samples = self.store.samples(slot);
                let beside = self.store.beside(slot);
                if !beside.histograms.is_empty() || *reading == Reading::StartTime {
                    let spec = WindowSpec { range_ms: lookback, offset_ms: offset, hidden_ms: 0 };
                    return native::instant(samples, beside, self.steps(n), spec, mask, *reading, out);
                }
                let kernel = if *reading == Reading::Value { instant } else { timestamp };
                kernel(samples, self.steps(n), offset, lookback, mask, out);
            }
            Op::Range { source, func, .. } => {
                if let Some(slot) = self.slot_of(*source, row) {
                    self.compute_source(Wanted { n, func: *func, row, mask }, (*source, slot), scratch, out);
                }
            }
            _ => {
                let input = node.inputs[0];
                if self.node(input).materialize {
                    self.copy_row(n, input, row, &mut out);
                    if let Some(mask) = mask {
                        out.mask(mask);
                    }
                } else {
                    self.compute(input, row, mask, scratch, out.reborrow());
                }
                self.apply_rowwise(n, out);
            }
        }
    }

    fn compute_range(
        &self,
        wanted: Wanted<'_>,
        (slot, clip): (Slot, Option<i64>),
        scratch: &mut LeafScratch,
        mut out: RowMut<'_>,
    ) {
        let Wanted { n, func, row, mask } = wanted;
        let node = self.node(n);
        let Op::Range { range_ms, offset_ms, starts, .. } = &node.op else { return };
        let hidden_ms = clip.map_or(0, |c| c.saturating_sub(*offset_ms).max(0));
        let spec = WindowSpec { range_ms: *range_ms, offset_ms: *offset_ms, hidden_ms };
        let mut scratches: [RowScratch; 2] = Default::default();
        let (args, given) = self.parameters(n, &mut scratches);
        let args = &args[..given];
        let samples = self.store.samples(slot);
        let LeafScratch { kernel, stamps, values } = scratch;
        let samples = if self.store.has_stale(slot) { without_stale(samples, stamps, values) } else { samples };
        range(func, samples, self.steps(n), spec, args, mask, kernel, out.reborrow());
        let beside = self.beside(slot, *starts && func.reads_starts());
        if !beside.is_empty() {
            let mut issues = Issues::default();
            native::range(func, samples, beside, self.steps(n), spec, mask, &mut issues, out.reborrow());
            self.count_histograms(n, beside.histograms, self.steps(n), spec);
            self.note_issues(n, &issues, || self.full_labels(n, row).metric_name().to_owned());
        }
        if node.notes {
            self.note_range(n, row, out.bits, args);
        }
    }

    /// What a range function reads of a series beside its floats.
    fn beside(&self, slot: Slot, starts: bool) -> Beside<'_> {
        let beside = self.store.beside(slot);
        Beside { starts: if starts { beside.starts } else { &[] }, ..beside }
    }

    /// Where a row's samples are, and how far the newest are hidden.
    pub(super) fn slot_of(&self, source: Source, row: u32) -> Option<(Slot, Option<i64>)> {
        match source {
            Source::Selector(s) => Some(self.selectors[s].slot(row)),
            Source::Ring(r) | Source::Pin(r) => Some((self.states[r].as_ref()?.kept_slot(row)?, None)),
        }
    }

    /// A range function of a row's windows: the node's own, or another of the same windows.
    pub(super) fn compute_source(
        &self,
        wanted: Wanted<'_>,
        (source, slot): (Source, (Slot, Option<i64>)),
        scratch: &mut LeafScratch,
        out: RowMut<'_>,
    ) {
        match source {
            Source::Pin(pin) => self.compute_pinned(wanted, (pin, slot.0), scratch, out),
            _ => self.compute_range(wanted, slot, scratch, out),
        }
        self.count_samples(wanted.n, std::mem::take(&mut scratch.kernel.read));
    }

    /// What a range function has to say about a series that gave `bits`.
    fn note_range(&self, n: NodeIdx, row: u32, bits: &[u64], args: &[Row<'_>]) {
        match (&self.node(n).op, args) {
            (Op::Range { func, .. }, _) if func.reads_counter() => {
                let labels = self.full_labels(n, row);
                let name = labels.metric_name();
                if !is_counter_name(name) {
                    self.note(n, 0, bits, || possible_non_counter(name));
                }
            }
            (Op::Range { func: RangeFn::QuantileOverTime, .. }, [q, ..]) => {
                self.note_values(n, 1, Row { bits, ..*q }, is_invalid_quantile, invalid_quantile);
            }
            (Op::Range { func: RangeFn::Integral, .. }, [strategy, ..]) => {
                self.note_values(n, 1, Row { bits, ..*strategy }, is_bad_strategy, invalid_strategy);
            }
            _ => {}
        }
    }

    /// The rows of the scalar parameters, and how many there are.
    fn parameters<'s>(&'s self, n: NodeIdx, scratches: &'s mut [RowScratch; 2]) -> ([Row<'s>; 2], usize) {
        let none = Row::floats(&[], &[]);
        let [a, b] = scratches;
        match self.node(n).inputs[..] {
            [] => ([none, none], 0),
            [x] => ([self.block_row(n, x, 0, a), none], 1),
            [x, y, ..] => ([self.block_row(n, x, 0, a), self.block_row(n, y, 0, b)], 2),
        }
    }

    /// The function of a window that is fixed: each step lies elsewhere, seen from its end. Without parameters all steps
    /// have one result.
    fn compute_pinned(
        &self,
        wanted: Wanted<'_>,
        (pin, slot): (NodeIdx, Slot),
        scratch: &mut LeafScratch,
        out: RowMut<'_>,
    ) {
        let Wanted { n, func, row, mask } = wanted;
        let (Op::Range { range_ms, offset_ms, starts, .. }, Op::Pin { at_ms, .. }) =
            (&self.node(n).op, &self.node(pin).op)
        else {
            return;
        };
        let mut scratches: [RowScratch; 2] = Default::default();
        let (args, given) = self.parameters(n, &mut scratches);
        let (steps, samples) = (self.steps(n), self.store.samples(slot));
        let beside = self.beside(slot, *starts && func.reads_starts());
        let one = |i: usize, kernel: &mut Scratch| {
            let at = StepRange { first_ms: steps.at(i), count: 1, ..steps };
            let spec = WindowSpec { range_ms: *range_ms, offset_ms: offset_ms + steps.at(i) - at_ms, hidden_ms: 0 };
            let (mut value, mut bit, set) = ([0.0], [0u64], [1u64]);
            let here = |row: &Row<'_>| (row.get(i).map_or([0.0], |v| [v]), [u64::from(row.get(i).is_some())]);
            let owned = args.map(|row| if row.bits.is_empty() { ([0.0], set) } else { here(&row) });
            let args = [0, 1].map(|k: usize| Row::floats(&owned[k].0, &owned[k].1));
            let mut column = HistogramColumn::default();
            let mut out = RowMut { values: &mut value, bits: &mut bit, histograms: column.row_mut(0) };
            let func = func.seen_later(steps.at(i) - at_ms);
            range(func, samples, at, spec, &args[..given], None, kernel, out.reborrow());
            if !beside.is_empty() {
                let mut issues = Issues::default();
                native::range(func, samples, beside, at, spec, None, &mut issues, out.reborrow());
                self.note_issues(n, &issues, || self.full_labels(n, row).metric_name().to_owned());
            }
            out.as_row().value(0)
        };
        let mut out = out;
        let constant = if given == 0 { one(0, &mut scratch.kernel) } else { None };
        for i in (0..steps.count).filter(|i| mask.is_none_or(|m| bellwether_model::block::has(m, *i))) {
            let value = if given == 0 { constant.clone() } else { one(i, &mut scratch.kernel) };
            if let Some(value) = value {
                out.put(i, value);
            }
        }
        if self.node(n).notes {
            self.note_range(n, row, out.bits, &args[..given]);
        }
    }
}

fn without_stale<'s>(samples: Samples<'_>, stamps: &'s mut Vec<u32>, values: &'s mut Vec<f64>) -> Samples<'s> {
    stamps.clear();
    values.clear();
    for (s, v) in samples.stamps.iter().zip(samples.values) {
        if !bellwether_model::is_stale(*v) {
            stamps.push(*s);
            values.push(*v);
        }
    }
    Samples { base_ms: samples.base_ms, stamps, values }
}

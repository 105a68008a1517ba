//! `histogram_quantile` over classic buckets: a group of `le` rows becomes one element.
//!
//! # State
//! Groups by all labels but `le`, so that a name makes a group of its own (two names with the same other labels are the
//! error that Prometheus raises once names are dropped); buckets of a group in order of their bounds, found when a row is first
//! seen. Elements whose `le` is not a number take no part.

use super::elements::Elements;
use super::groups::{GroupChange, Groups, Member};
use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::unique::Unique;
use super::view::RowScratch;
use crate::annotation::{Measure, bad_bucket_label, forced_monotonicity, invalid_quantile, is_invalid_quantile};
use crate::histogram::{Correction, HistogramScratch, histogram_quantile, parse_le};
use crate::program::NodeIdx;
use bellwether_model::{Block, Labels};

/// Label of a bucket's upper bound.
const LE: &str = "le";

/// Buckets of one group.
#[derive(Clone, Debug)]
struct Buckets {
    /// The result's row.
    row: u32,
    /// (bound, operand row) in order of bounds.
    bounds: Vec<(f64, u32)>,
    /// Operand rows whose bound is no number.
    bad: Vec<u32>,
}

/// State of one `histogram_quantile`.
#[derive(Debug, Default)]
pub struct HistogramQuantile {
    groups: Groups,
    elements: Elements,
    /// By group.
    buckets: Vec<Option<Buckets>>,
    rows: Block,
    kernel: HistogramScratch,
    unique: Unique,
    scratch: RowScratch,
}

impl HistogramQuantile {
    fn follow(&mut self, cx: &Context<'_>, input: NodeIdx) {
        let key = |l: &Labels| l.without(LE);
        let changes = self.groups.follow(cx, input, key);
        for change in changes {
            match change {
                GroupChange::Restart => {
                    for gone in std::mem::take(&mut self.buckets).into_iter().flatten() {
                        self.elements.remove(gone.row);
                    }
                }
                GroupChange::Added(g, _) => self.rebuild(g),
                GroupChange::Removed(g, _) => {
                    if self.groups.sweep(g) {
                        if let Some(gone) = self.buckets.get_mut(g as usize).and_then(Option::take) {
                            self.elements.remove(gone.row);
                        }
                    } else {
                        self.rebuild(g);
                    }
                }
            }
        }
    }

    fn rebuild(&mut self, g: u32) {
        let Some(group) = self.groups.get(g) else { return };
        let mut bounds: Vec<(f64, u32)> =
            group.members.iter().filter_map(|m| Some((parse_le(m.labels.get(LE))?, m.row))).collect();
        let is_bad = |m: &&Member| parse_le(m.labels.get(LE)).is_none();
        let bad: Vec<u32> = group.members.iter().filter(is_bad).map(|m| m.row).collect();
        // Equal bounds written differently ("1", "1.0") keep label order: they are summed.
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let at = g as usize;
        if self.buckets.len() <= at {
            self.buckets.resize(at + 1, None);
        }
        match &mut self.buckets[at] {
            Some(buckets) => (buckets.bounds, buckets.bad) = (bounds, bad),
            empty => *empty = Some(Buckets { row: self.elements.add(group.key.without_name()), bounds, bad }),
        }
    }
}

impl NodeState for HistogramQuantile {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let (q, input) = (cx.node(n).inputs[0], cx.node(n).inputs[1]);
        self.follow(cx, input);
        let steps = cx.steps(n).count;
        out.reset(self.elements.rows(), steps);
        let mut q_row = RowScratch::default();
        let q = cx.block_row(n, q, 0, &mut q_row);
        cx.note_values(n, 0, q, is_invalid_quantile, invalid_quantile);
        for Buckets { row, bounds, bad } in self.buckets.iter().flatten() {
            for bad in bad {
                let row = cx.row(n, input, *bad, None, &mut self.scratch);
                cx.note(n, 1, row.bits, || bad_bucket_label("", cx.labels(input, *bad).get(LE)));
            }
            self.rows.reset(bounds.len(), steps);
            for (i, (_, operand)) in bounds.iter().enumerate() {
                let mut to = self.rows.row_mut(i);
                to.copy_from(cx.row(n, input, *operand, None, &mut self.scratch));
            }
            let bounds: Vec<f64> = bounds.iter().map(|b| b.0).collect();
            histogram_quantile(q, &bounds, &self.rows, &mut self.kernel, out.row_mut(*row as usize));
            for (step, Correction { least, most, difference }) in self.kernel.corrections.drain(..) {
                let measure = Measure { count: 1, least, most, difference };
                cx.note_measured(n, 1, step, forced_monotonicity(""), measure);
            }
        }
        if !cx.node(n).check_unique {
            return None;
        }
        let changes = self.elements.changes(&mut self.unique.cursor);
        let elements = &self.elements;
        self.unique.follow(changes, |row| elements.get(row).cloned());
        Some(self.unique.check(out))
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.elements)
    }
}

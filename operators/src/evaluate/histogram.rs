//! `histogram_quantile` over classic buckets: a group of `le` rows becomes one element.
//!
//! # State
//! Groups by all labels but `le` and the name; buckets of a group in order of their bounds, found when a row is first
//! seen. Elements whose `le` is not a number take no part.

use super::elements::Elements;
use super::groups::{GroupChange, Groups};
use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::view::RowScratch;
use crate::histogram::{HistogramScratch, histogram_quantile, parse_le};
use crate::program::NodeIdx;
use bellwether_model::{Block, Labels, METRIC_NAME};

/// Label of a bucket's upper bound.
const LE: &str = "le";

/// Buckets of one group.
#[derive(Clone, Debug)]
struct Buckets {
    /// The result's row.
    row: u32,
    /// (bound, operand row) in order of bounds.
    bounds: Vec<(f64, u32)>,
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
    scratch: RowScratch,
}

impl HistogramQuantile {
    fn follow(&mut self, cx: &Context<'_>, input: NodeIdx) {
        let key = |l: &Labels| l.filter(|n| n != LE && n != METRIC_NAME);
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
        // Equal bounds written differently ("1", "1.0") keep label order: they are summed.
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let at = g as usize;
        if self.buckets.len() <= at {
            self.buckets.resize(at + 1, None);
        }
        match &mut self.buckets[at] {
            Some(buckets) => buckets.bounds = bounds,
            empty => *empty = Some(Buckets { row: self.elements.add(group.key.clone()), bounds }),
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
        for Buckets { row, bounds } in self.buckets.iter().flatten() {
            self.rows.reset(bounds.len(), steps);
            for (i, (_, operand)) in bounds.iter().enumerate() {
                let mut to = self.rows.row_mut(i);
                to.copy_from(cx.row(n, input, *operand, None, &mut self.scratch));
            }
            let bounds: Vec<f64> = bounds.iter().map(|b| b.0).collect();
            histogram_quantile(q, &bounds, &self.rows, &mut self.kernel, out.row_mut(*row as usize));
        }
        None
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.elements)
    }
}

//! `histogram_quantile` and `histogram_fraction`: a group of `le` rows, or a native histogram, becomes one element.
//!
//! # Semantics (Prometheus promql/functions.go)
//! Of a group that has both classic buckets and a native histogram at a step there is no result.
//!
//! # State
//! Groups by all labels but `le`, so that a name makes a group of its own (two names with the same other labels are the
//! error that Prometheus raises once names are dropped); buckets of a group in order of their bounds, found when a row is first
//! seen. Floats whose `le` is not a number take no part.

use super::elements::Elements;
use super::groups::{GroupChange, Groups, Member};
use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::unique::Unique;
use super::view::RowScratch;
use crate::annotation::{
    Issue, Issues, Measure, bad_bucket_label, forced_monotonicity, invalid_quantile, is_invalid_quantile,
};
use crate::histogram::{Correction, HistogramScratch, histogram_fraction, histogram_quantile, parse_le};
use crate::native;
use crate::program::NodeIdx;
use bellwether_model::column::Entry;
use bellwether_model::{Block, Labels, Row, RowMut};

/// Label of a bucket's upper bound.
const LE: &str = "le";

/// Buckets of one group.
#[derive(Clone, Debug)]
struct Buckets {
    /// The result's row.
    row: u32,
    /// (bound, operand row) in order of bounds.
    bounds: Vec<(f64, u32)>,
    /// Operand rows whose bound is no number: where native histograms may be.
    unbound: Vec<u32>,
}

/// State of one `histogram_quantile` or `histogram_fraction`.
#[derive(Debug, Default)]
pub struct HistogramEstimate {
    groups: Groups,
    elements: Elements,
    /// By group.
    buckets: Vec<Option<Buckets>>,
    rows: Block,
    kernel: HistogramScratch,
    unique: Unique,
    scratch: RowScratch,
}

impl HistogramEstimate {
    fn follow(&mut self, cx: &Context<'_>, input: NodeIdx) {
        let named = cx.program.delayed_names;
        let key = |l: &Labels| l.without(LE);
        let changes = self.groups.follow(cx, input, key);
        for change in changes {
            match change {
                GroupChange::Restart => {
                    for gone in std::mem::take(&mut self.buckets).into_iter().flatten() {
                        self.elements.remove(gone.row);
                    }
                }
                GroupChange::Added(g, _) => self.rebuild(g, named),
                GroupChange::Removed(g, _) => {
                    if self.groups.sweep(g) {
                        if let Some(gone) = self.buckets.get_mut(g as usize).and_then(Option::take) {
                            self.elements.remove(gone.row);
                        }
                    } else {
                        self.rebuild(g, named);
                    }
                }
            }
        }
    }

    fn rebuild(&mut self, g: u32, named: bool) {
        let Some(group) = self.groups.get(g) else { return };
        let labels = || if named { group.key.clone() } else { group.key.without_name() };
        let mut bounds: Vec<(f64, u32)> =
            group.members.iter().filter_map(|m| Some((parse_le(m.labels.get(LE))?, m.row))).collect();
        let is_unbound = |m: &&Member| parse_le(m.labels.get(LE)).is_none();
        let unbound: Vec<u32> = group.members.iter().filter(is_unbound).map(|m| m.row).collect();
        // Equal bounds written differently ("1", "1.0") keep label order: they are summed.
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let at = g as usize;
        if self.buckets.len() <= at {
            self.buckets.resize(at + 1, None);
        }
        match &mut self.buckets[at] {
            Some(buckets) => (buckets.bounds, buckets.unbound) = (bounds, unbound),
            empty => *empty = Some(Buckets { row: self.elements.add(labels()), bounds, unbound }),
        }
    }
}

/// The quantile or, with two parameters, the fraction of native histograms, at steps without classic buckets.
fn estimate(
    found: &[Entry],
    (first, second): (Row<'_>, Option<Row<'_>>),
    classic: &Block,
    result: &mut RowMut<'_>,
    issues: &mut Issues,
) {
    for (step, h) in found.iter().map(|(step, h)| (*step as usize, h)) {
        result.clear(step);
        if (0..classic.rows()).any(|i| classic.row(i).get(step).is_some()) {
            issues.add(step, Issue::MixedClassic);
            continue;
        }
        let estimate = match (first.get(step), second.map(|s| s.get(step))) {
            (Some(q), None) => native::quantile(q, h),
            (Some(lower), Some(Some(upper))) => native::fraction(lower, upper, h),
            _ => continue,
        };
        result.set(step, estimate);
        if native::has_nan(h) {
            issues.add(
                step,
                match second {
                    Some(_) => Issue::NanFraction,
                    None if estimate.is_nan() => Issue::NanQuantile,
                    None => Issue::SkewedQuantile,
                },
            );
        }
    }
}

impl NodeState for HistogramEstimate {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let node = cx.node(n);
        let (input, parameters) = node.inputs.split_last()?;
        let input = *input;
        self.follow(cx, input);
        let steps = cx.steps(n).count;
        out.reset(self.elements.rows(), steps);
        let mut scratches: [RowScratch; 2] = Default::default();
        let [a, b] = &mut scratches;
        let first = cx.block_row(n, *parameters.first()?, 0, a);
        let second = parameters.get(1).map(|p| cx.block_row(n, *p, 0, b));
        if second.is_none() {
            cx.note_values(n, 0, first, is_invalid_quantile, invalid_quantile);
        }
        for Buckets { row, bounds, unbound } in self.buckets.iter().flatten() {
            // Nothing where names are dropped already.
            let name = || self.elements.get(*row).map_or(String::new(), |l| l.metric_name().to_owned());
            for unbound in unbound {
                let row = cx.row(n, input, *unbound, None, &mut self.scratch);
                cx.note(n, 1, row.bits, || bad_bucket_label(&name(), cx.labels(input, *unbound).get(LE)));
            }
            self.rows.reset(bounds.len(), steps);
            for (i, (_, operand)) in bounds.iter().enumerate() {
                let mut to = self.rows.row_mut(i);
                to.copy_from(cx.row(n, input, *operand, None, &mut self.scratch));
            }
            let bounds: Vec<f64> = bounds.iter().map(|b| b.0).collect();
            let mut result = out.row_mut(*row as usize);
            match second {
                None => histogram_quantile(first, &bounds, &self.rows, &mut self.kernel, result.reborrow()),
                Some(second) => {
                    histogram_fraction(first, second, &bounds, &self.rows, &mut self.kernel, result.reborrow());
                }
            }
            for (step, Correction { least, most, difference }) in self.kernel.corrections.drain(..) {
                let measure = Measure { count: 1, least, most, difference };
                cx.note_measured(n, 1, step, forced_monotonicity(&name()), measure);
            }
            let mut issues = Issues::default();
            for native in unbound {
                let found = cx.row(n, input, *native, None, &mut self.scratch).histograms;
                estimate(found, (first, second), &self.rows, &mut result, &mut issues);
            }
            cx.note_issues(n, &issues, name);
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

//! What rules cost: the values that their expressions read, counted without a clock.
//!
//! # Position
//! leaves and the instants of an epoch → **cost** (at its end, where somebody counts) → `EpochOutput`
//!
//! # Semantics
//! A range function reads the samples that its windows hold, each once an epoch however many steps see it; an instant
//! selector reads one a step of each element, and every other node the elements of its operands at each step, present or
//! not. A rule costs what all nodes that it contains read: one that several rules share counts for each of them, as if it
//! were alone, and once in the sum over all. A second evaluation counts for its rule as well. Element by element, so the sums over all workers do
//! not depend on how many there are.
//!
//! # State
//! Of one epoch, and the nodes of each rule. Nothing where nobody counts.

use super::Evaluator;
use super::leaf::Context;
use super::output::EpochOutput;
use crate::program::{NodeIdx, Op, Program};
use crate::range::WindowSpec;
use crate::window::HistogramPoint;
use bellwether_model::StepRange;
use serde::{Deserialize, Serialize};
use std::cell::Cell;

/// What a rule took.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleCost {
    /// `group/name`
    pub rule: String,
    /// Steps of the run at which it was evaluated (worker 0 only).
    pub evaluations: u64,
    /// Values that its expression read.
    pub values: u64,
}

impl RuleCost {
    /// Sums by rule, in order of rules.
    pub fn joined(mut all: Vec<Self>) -> Vec<Self> {
        all.sort();
        all.dedup_by(|b, a| {
            let is_same = a.rule == b.rule;
            if is_same {
                a.evaluations += b.evaluations;
                a.values += b.values;
            }
            is_same
        });
        all
    }
}

/// A rule and the nodes that it contains.
#[derive(Debug)]
struct Counted {
    rule: String,
    effect: NodeIdx,
    nodes: Vec<NodeIdx>,
}

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Costs {
    counts: bool,
    /// By node, the samples that its windows held in this epoch; empty where nobody counts.
    samples: Vec<Cell<u64>>,
    rules: Vec<Counted>,
}

impl Costs {
    /// Another program is in force.
    pub(super) fn install(&mut self, program: &Program) {
        if !self.counts {
            return;
        }
        self.samples = vec![Cell::new(0); program.nodes.len()];
        let rules = program.nodes.iter().enumerate().filter_map(|(n, node)| Some((n, node.op.rule()?)));
        let counted = rules.map(|(effect, rule)| {
            let nodes = program.below(effect).into_iter().collect();
            Counted { rule, effect, nodes }
        });
        self.rules = counted.collect();
    }
}

/// Histograms in the windows of some steps.
fn within(histograms: &[HistogramPoint], steps: StepRange, spec: WindowSpec) -> u64 {
    let Some(last_ms) = steps.last_ms() else { return 0 };
    let upto = |at_ms: i64| histograms.partition_point(|h| h.0 <= at_ms);
    let end_ms = last_ms.saturating_sub(spec.offset_ms).saturating_sub(spec.hidden_ms);
    let begin_ms = steps.first_ms.saturating_sub(spec.offset_ms).saturating_sub(spec.range_ms);
    upto(end_ms).saturating_sub(upto(begin_ms)) as u64
}

impl Context<'_> {
    /// A node's windows held so many samples.
    pub(super) fn count_samples(&self, n: NodeIdx, samples: u64) {
        if let Some(cell) = self.costs.samples.get(n) {
            cell.set(cell.get() + samples);
        }
    }

    /// The same of native histograms beside them.
    pub(super) fn count_histograms(
        &self,
        n: NodeIdx,
        histograms: &[HistogramPoint],
        steps: StepRange,
        spec: WindowSpec,
    ) {
        if self.costs.counts && !histograms.is_empty() {
            self.count_samples(n, within(histograms, steps, spec));
        }
    }
}

impl Evaluator {
    /// The same, and whether it counts what rules cost.
    pub fn counting_costs(mut self, counts: bool) -> Self {
        self.costs.counts = counts;
        self
    }

    /// What each node read in the epoch, on this worker.
    fn reads(&self) -> Vec<u64> {
        let view = self.view();
        let nodes = self.program.nodes.iter().zip(&self.costs.samples).enumerate();
        let reads = nodes.map(|(n, (node, samples))| {
            let elements = match node.op {
                Op::Instant { .. } => view.count(n),
                _ => node.inputs.iter().map(|input| view.count(*input)).sum(),
            };
            elements as u64 * self.steps[node.grid].count as u64 + samples.take()
        });
        reads.collect()
    }

    /// Steps of the run at which a rule was evaluated in the epoch: its warm-up before the first one is no evaluation.
    fn evaluations(&self, effect: NodeIdx) -> u64 {
        let node = &self.program.nodes[effect];
        let from_ms = self.times.from_ms.saturating_sub(node.op.query_offset_ms());
        self.steps[node.grid].iter().filter(|t| *t >= from_ms).count() as u64
    }

    /// Adds what the epoch's evaluations cost to what it hands out.
    pub(super) fn cost(&self, output: &mut EpochOutput) {
        if !self.costs.counts {
            return;
        }
        let reads = self.reads();
        output.values_read = reads.iter().sum();
        for Counted { rule, effect, nodes } in &self.costs.rules {
            let evaluations = if self.worker == 0 { self.evaluations(*effect) } else { 0 };
            let values = nodes.iter().map(|n| reads[*n]).sum();
            if (evaluations, values) != (0, 0) {
                output.costs.push(RuleCost { rule: rule.clone(), evaluations, values });
            }
        }
    }
}

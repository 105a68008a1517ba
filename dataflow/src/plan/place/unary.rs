//! Placement of nodes with one vector operand.
//!
//! # Semantics
//! Row-wise nodes leave elements where they are. Aggregates and `topk` are local where their groups are, else they
//! send partials or candidates to the home of each group; `histogram_quantile` and `histogram_fraction` need whole groups.

use super::super::facts::{Facts, is_filter};
use super::Placer;
use bellwether_model::METRIC_NAME;
use bellwether_operators::functions::limit_fault;
use bellwether_operators::program::{Grouping, Node, NodeIdx, Op, Placement};

impl Placer<'_> {
    pub(super) fn mapped(&mut self, mut node: Node) -> NodeIdx {
        let input = node.inputs.first().copied().unwrap_or(0);
        let name = [METRIC_NAME.to_owned()];
        match node.op.clone() {
            Op::VectorOf => {
                node.placement = Placement::By(Vec::new());
                self.finish(node, Facts::one(&[]), false)
            }
            Op::Absent { labels } => {
                node.placement = Placement::By(Vec::new());
                node.exchange = Some(Placement::By(Vec::new()));
                self.finish(node, Facts::one(&labels), false)
            }
            Op::LabelReplace { dst, .. } | Op::LabelJoin { dst, .. } => {
                node.placement = self.placement(input).after_writing(std::slice::from_ref(&dst));
                let collides = self.facts(input).varies(&dst);
                let facts = self.facts(input).clone().with_written(&dst);
                self.finish(node, facts, collides)
            }
            Op::Ring { .. } => {
                // What it keeps must be found again by its labels alone.
                if *self.placement(input) == Placement::Scattered {
                    node.inputs[0] = self.exchange(input, Placement::Except(Vec::new()));
                }
                node.placement = self.placement(node.inputs[0]).clone();
                let facts = self.facts(input).clone().over_time();
                self.finish(node, facts, false)
            }
            Op::LimitRatio => {
                node.placement = self.placement(input).clone();
                let is_number = |p: NodeIdx| matches!(self.out.nodes[p].op, Op::Number(r) if !r.is_nan());
                node.fallible = !node.inputs.get(1).is_some_and(|p| is_number(*p));
                let facts = self.facts(input).clone();
                self.finish(node, facts, false)
            }
            Op::Pin { .. } => {
                node.placement = self.placement(input).clone();
                let facts = self.facts(input).clone();
                self.push(node, facts)
            }
            Op::Arith { op, bool_mode, .. } if is_filter(op, bool_mode) => self.unchanged(node, input),
            Op::Arith { .. } | Op::Map(_) | Op::HistogramStat(_) if self.dag.delayed_names => {
                self.unchanged(node, input)
            }
            Op::DropName { marked: true } => {
                node.placement = self.placement(input).after_writing(&name);
                let facts = self.facts(input).clone();
                let collides = !facts.distinct_unnamed;
                self.finish(node, facts, collides)
            }
            _ => {
                node.placement = self.placement(input).after_writing(&name);
                let collides = !self.facts(input).distinct_unnamed;
                let facts = self.facts(input).clone().without_name();
                self.finish(node, facts, collides)
            }
        }
    }

    /// A node whose elements have the labels of its operand's.
    fn unchanged(&mut self, mut node: Node, input: NodeIdx) -> NodeIdx {
        node.placement = self.placement(input).clone();
        let facts = self.facts(input).clone();
        self.finish(node, facts, false)
    }

    pub(super) fn grouped(&mut self, mut node: Node) -> NodeIdx {
        let at = match node.op {
            Op::HistogramQuantile => 1,
            Op::HistogramFraction => 2,
            _ => 0,
        };
        let input = node.inputs.get(at).copied().unwrap_or(0);
        let le = Grouping::Without(vec!["le".to_owned()]);
        let key = match &node.op {
            Op::Aggregate { grouping, .. } | Op::TopK { grouping, .. } | Op::CountValues { grouping, .. } => {
                grouping.clone()
            }
            _ => le,
        };
        let local = self.placement(input).is_within(&key) && !self.options.exchange_everywhere;
        node.placement = match local {
            true => self.placement(input).clone(),
            false if self.options.exchange_everywhere => Placement::of_key(&key),
            false => group_home(&key),
        };
        let facts = match &node.op {
            Op::TopK { .. } => self.facts(input).clone(),
            Op::CountValues { label: Some(label), .. } => self.facts(input).grouped(&key).with_minted(label),
            Op::HistogramQuantile | Op::HistogramFraction if self.dag.delayed_names => {
                self.facts(input).clone().without_label("le")
            }
            _ => self.facts(input).grouped(&key),
        };
        let needs_whole = matches!(node.op, Op::HistogramQuantile | Op::HistogramFraction | Op::CountValues { .. });
        match node.op {
            // Whole groups are needed, or elements are anywhere: then a worker's partial aggregates are no subtrees of
            // the tree over shards, and sums would depend on which worker had what.
            Op::HistogramQuantile | Op::HistogramFraction | Op::CountValues { .. } | Op::Aggregate { .. }
                if !local && (needs_whole || *self.placement(input) == Placement::Scattered) =>
            {
                let to = node.placement.clone();
                node.inputs[at] = self.exchange(input, to);
            }
            _ if !local => node.exchange = Some(node.placement.clone()),
            _ => {}
        }
        let collides = match &node.op {
            Op::HistogramQuantile | Op::HistogramFraction => {
                !self.dag.delayed_names && !self.facts(node.inputs[at]).distinct_unnamed
            }
            Op::TopK { .. } => {
                node.fallible = !self.is_good_limit(node.inputs.get(1).copied());
                false
            }
            _ => false,
        };
        self.finish(node, facts, collides)
    }

    /// Whether a limit is a number that `topk` takes: others may be NaN, or too large.
    fn is_good_limit(&self, param: Option<NodeIdx>) -> bool {
        param.is_some_and(|p| matches!(self.out.nodes[p].op, Op::Number(k) if limit_fault(k).is_none()))
    }
}

/// The home of a group, whatever its `le`: sums of buckets then stand where `histogram_quantile` needs them.
fn group_home(key: &Grouping) -> Placement {
    match Placement::of_key(key) {
        Placement::By(labels) => Placement::By(labels.into_iter().filter(|l| l != "le").collect()),
        Placement::Except(mut labels) => {
            labels.push("le".to_owned());
            labels.sort();
            labels.dedup();
            Placement::Except(labels)
        }
        other => other,
    }
}

//! Placement of nodes with two vector operands.
//!
//! # Semantics
//! Both sides must be placed by one rule that is within the match key. If one side's placement is within the key, the
//! other side moves there, because elements with equal keys agree on the labels of that placement; else both move to
//! the homes of the key.

use super::super::facts::{Facts, is_filter};
use super::Placer;
use bellwether_model::METRIC_NAME;
use bellwether_operators::program::{Grouping, Node, NodeIdx, Op, Placement, SetOp};

impl Placer<'_> {
    pub(super) fn combined(&mut self, mut node: Node) -> NodeIdx {
        let [left, right] = node.inputs[..] else { return self.finish(node, Facts::default(), false) };
        let (facts, fallible, collides, written) = self.outcome(&node.op, left, right);
        let key = match &node.op {
            Op::Binary { matching, .. } => matching.key.clone(),
            Op::Set { key, .. } => key.clone(),
            Op::Info { .. } => Op::info_key(),
            _ => Grouping::By(Vec::new()),
        };
        let target = self.meeting(left, right, &key);
        for input in &mut node.inputs {
            if *self.placement(*input) != target || self.options.exchange_everywhere {
                *input = self.exchange(*input, target.clone());
            }
        }
        node.placement = target.after_writing(&written);
        node.fallible = fallible;
        self.finish(node, facts, collides)
    }

    fn outcome(&self, op: &Op, left: NodeIdx, right: NodeIdx) -> (Facts, bool, bool, Vec<String>) {
        let (l, r) = (self.facts(left), self.facts(right));
        match op {
            Op::Binary { op, bool_mode, matching } => {
                let drops_name = !is_filter(*op, *bool_mode && !self.dag.delayed_names);
                let m = l.matched(r, matching, drops_name);
                let mut written = matching.include.clone();
                if drops_name {
                    written.push(METRIC_NAME.to_owned());
                }
                (m.facts, m.fallible, m.collides, written)
            }
            // No label of the key is added: elements stay where they are.
            Op::Info { labels, .. } => (l.clone().with_added(labels), true, false, Vec::new()),
            Op::Set { op: SetOp::Or, key } => (l.or(r, key), false, false, Vec::new()),
            _ => (l.clone(), false, false, Vec::new()),
        }
    }

    fn meeting(&self, left: NodeIdx, right: NodeIdx, key: &Grouping) -> Placement {
        let home = Placement::of_key(key);
        if self.options.exchange_everywhere {
            return home;
        }
        let usable = |n: &NodeIdx| self.placement(*n).is_within(key) && *self.placement(*n) != Placement::Replicated;
        let serving: Vec<&Placement> = [left, right].iter().filter(|n| usable(n)).map(|n| self.placement(*n)).collect();
        // Sides where series came in are the large ones: the other side moves. One home for all is within every key,
        // but moving a large side there would leave the other workers idle.
        let entity = serving.iter().find(|p| matches!(p, Placement::By(l) if *l == self.options.entity_labels));
        let spread = entity.or_else(|| serving.iter().find(|p| !matches!(p, Placement::By(l) if l.is_empty())));
        match (spread, &serving[..]) {
            (Some(p), _) => (*p).clone(),
            (None, [a, b]) if a == b => (*a).clone(),
            _ => home,
        }
    }
}

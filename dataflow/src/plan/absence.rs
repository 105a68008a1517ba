//! What a rule's result owes to samples that are not there.
//!
//! # Semantics
//! `absent`, the right side of `unless`, the left side of `or` and `scalar` give something because something else is missing. Where
//! a run has not known its samples for as long as that is looked back for, the missing may just not have come. A rule's
//! *absence* is how long that is, through recorded series and alerts; 0 where nothing rests on absence. An `or` at the top
//! of an alert only adds elements, so there it is none.

use super::graph;
use super::horizon::Walk;
use bellwether_operators::program::{NodeIdx, Op, SetOp};
use std::collections::{BTreeMap, BTreeSet};

/// Sets [`absence_ms`](bellwether_operators::program::AlertSpec::absence_ms) of alerts; gives each effect's absence, ms.
pub(super) fn absences(walk: &Walk<'_>, effects: &[NodeIdx]) -> BTreeMap<NodeIdx, i64> {
    let own: BTreeMap<NodeIdx, Own> = effects.iter().map(|e| (*e, own(walk, *e))).collect();
    let total = |effect: &NodeIdx| {
        let (mut seen, mut open, mut most) = (BTreeSet::new(), vec![*effect], 0);
        while let Some(e) = open.pop() {
            if let Some(own) = own.get(&e).filter(|_| seen.insert(e)) {
                most = most.max(own.ms);
                open.extend(&own.reads);
            }
        }
        most
    };
    effects.iter().map(|e| (*e, total(e))).collect()
}

/// What one effect's own expression rests on.
struct Own {
    ms: i64,
    /// Effects whose series it reads.
    reads: Vec<NodeIdx>,
}

fn own(walk: &Walk<'_>, effect: NodeIdx) -> Own {
    let mut horizons = BTreeMap::new();
    let (mut ms, mut reads, mut seen) = (0, Vec::new(), BTreeSet::new());
    // Who reads what is recorded may do more with it.
    let is_alert = matches!(walk.nodes[effect].op, Op::Alert(_));
    // What templates query decides nothing: only the vector does.
    let vector = walk.nodes[effect].inputs.iter().take(1);
    let mut open: Vec<(NodeIdx, bool)> = vector.map(|i| (*i, is_alert)).collect();
    while let Some((n, top)) = open.pop() {
        let node = &walk.nodes[n];
        let missing = match (&node.op, node.inputs.as_slice()) {
            (Op::Absent { .. } | Op::ScalarOf, [input, ..]) => Some(*input),
            (Op::Set { op: SetOp::Unless, .. }, [_, right]) => Some(*right),
            (Op::Set { op: SetOp::Or, .. }, [left, _]) if !top => Some(*left),
            _ => None,
        };
        if let Some(missing) = missing {
            ms = ms.max(walk.of(missing, &mut horizons));
        }
        let top = top && matches!(node.op, Op::Set { op: SetOp::Or, .. });
        if !seen.insert((n, top)) {
            continue;
        }
        if let Some((selector, _)) = graph::leaf(node) {
            let of = walk.selectors[selector].producers.iter().filter_map(|p| walk.producers.get(&p.producer));
            reads.extend(of);
        }
        open.extend(node.inputs.iter().copied().chain(graph::sampled(node)).map(|i| (i, top)));
    }
    Own { ms, reads }
}

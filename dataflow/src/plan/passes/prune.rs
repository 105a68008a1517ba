//! Drops nodes that no effect needs: operands of what was folded.

use crate::plan::{Dag, sampled};
use bellwether_operators::program::{NodeIdx, Op};

/// Drops them; gives the new number of each node that stays (dropped ones have no meaningful number).
pub fn prune(dag: &mut Dag) -> Vec<NodeIdx> {
    let mut needed: Vec<bool> = dag.nodes.iter().map(|n| is_root(&n.op)).collect();
    // Inputs, rings and pins stand before their readers, so one walk backwards reaches everything.
    for n in (0..dag.nodes.len()).rev() {
        if needed[n] {
            for below in dag.nodes[n].inputs.iter().copied().chain(sampled(&dag.nodes[n])) {
                needed[below] = true;
            }
        }
    }
    let mut number = Vec::with_capacity(needed.len());
    let mut next = 0;
    for keep in &needed {
        number.push(next);
        next += usize::from(*keep);
    }
    let old = std::mem::take(&mut dag.nodes);
    dag.nodes = old.into_iter().zip(&needed).filter(|(_, keep)| **keep).map(|(node, _)| node).collect();
    for node in &mut dag.nodes {
        for input in &mut node.inputs {
            *input = number[*input];
        }
        if let Some(sampled) = node.op.sampled_mut() {
            *sampled = number[*sampled];
        }
    }
    number
}

fn is_root(op: &Op) -> bool {
    matches!(op, Op::Alert(_) | Op::Record(_) | Op::Tap(_))
}

//! Fusing: a row-wise node whose only consumer can pull its rows gets no block of its own.
//!
//! # Semantics
//! A node is pulled iff it is a leaf or row-wise (instant and range windows, element-wise functions, vector-scalar
//! operators), has one consumer that walks rows (row-wise, an aggregate's vector, the right side of `and`/`unless`), and
//! both run on one grid in one stage. The right side of a set operator is a cheap mask for the left one: pulled,
//! it is computed for the elements that the left side has.
//!
//! # Limits
//! A node that can raise an error is always computed whole: whether it fails must not depend on who pulls it. Likewise
//! what a node has to say must not depend on which of its rows a set operator asks for. In a
//! component that runs instant by instant, a leaf that reads producers keeps its block, because its position among
//! their writes decides what it sees.

use bellwether_operators::program::{Node, NodeIdx, Op, SetOp};

/// Where and when the schedule runs each node.
pub trait Stages {
    /// (phase, stage) in which the node's result is there.
    fn ready(&self, node: NodeIdx) -> (usize, usize);
    /// (phase, stage) in which the node reads its inputs.
    fn reads(&self, node: NodeIdx) -> (usize, usize);
    /// Whether the node is a leaf in a component that runs instant by instant.
    fn is_bound(&self, node: NodeIdx) -> bool;
}

/// Clears [`Node::materialize`] where rows are pulled.
pub fn fuse(nodes: &mut [Node], stages: &impl Stages) {
    let mut consumers: Vec<Vec<NodeIdx>> = vec![Vec::new(); nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        for input in &node.inputs {
            consumers[*input].push(i);
        }
        if let Some(sampled) = node.op.sampled() {
            consumers[sampled].push(i);
        }
    }
    let mut has_notes = vec![false; nodes.len()];
    for i in 0..nodes.len() {
        // Inputs stand before their readers.
        has_notes[i] = nodes[i].notes_floats
            || nodes[i].inputs.iter().any(|input| has_notes[*input] && !nodes[*input].materialize);
        let [consumer] = consumers[i][..] else { continue };
        let together = nodes[i].grid == nodes[consumer].grid && stages.ready(i) == stages.reads(consumer);
        let heard = !(has_notes[i] && matches!(nodes[consumer].op, Op::Set { .. }));
        let pulled = is_row_wise(&nodes[i]) && pulls_rows(&nodes[consumer], i) && heard;
        let fused = pulled && together && !stages.is_bound(i);
        nodes[i].materialize = !fused;
    }
}

fn is_row_wise(node: &Node) -> bool {
    let op =
        matches!(node.op, Op::Instant { .. } | Op::Range { .. } | Op::Map(_) | Op::Arith { .. } | Op::HistogramStat(_));
    op && !node.fallible && !node.check_unique && node.exchange.is_none()
}

fn pulls_rows(consumer: &Node, of: NodeIdx) -> bool {
    let at = consumer.inputs.iter().position(|i| *i == of);
    match consumer.op {
        Op::Map(_) | Op::Arith { .. } | Op::Aggregate { .. } | Op::HistogramStat(_) => at == Some(0),
        Op::Set { op: SetOp::And | SetOp::Unless, .. } => at == Some(1),
        _ => false,
    }
}

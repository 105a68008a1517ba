//! The dependency graph of placed nodes: what must have run before what.
//!
//! # Semantics
//! * a node runs after its inputs and after the ring or pin it reads;
//! * a leaf runs after the rules whose series it reads. Instants run in the order in which they are ready ([`Grid::ready_ms`]), those
//!   of look-ahead later than others. If the newest sample that a leaf sees is of an instant that is ready together with
//!   its own, it must run after the rule; if that one is ready earlier, the edge may close a cycle, which then runs instant by
//!   instant.

use bellwether_operators::program::{Grid, Node, NodeIdx, Op, Selector, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Kind of a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Operand or ring.
    Data,
    /// A producer of which a sample is seen that is ready together with the leaf's instant.
    Same,
    /// What has run when an instant is ready, because that is ready earlier: within a component it needs no edge. A
    /// producer of which only such samples are seen.
    Lagged,
}

/// For each node, what it depends on.
pub type Graph = Vec<Vec<(NodeIdx, Kind)>>;

/// The selector and the offset of a leaf.
pub fn leaf(node: &Node) -> Option<(usize, i64)> {
    let Some(Source::Selector(selector)) = node.op.source() else { return None };
    let offset_ms = match &node.op {
        Op::Instant { offset_ms, .. } | Op::Range { offset_ms, .. } => *offset_ms,
        Op::Pin { window, .. } => window.map_or(0, |w| w.offset_ms),
        _ => 0,
    };
    Some((selector, offset_ms))
}

/// The ring or pin that a node reads.
pub fn sampled(node: &Node) -> Option<NodeIdx> {
    node.op.sampled()
}

/// Producer number → the effect that makes its series.
pub fn producers(nodes: &[Node]) -> BTreeMap<usize, NodeIdx> {
    nodes.iter().enumerate().filter_map(|(i, n)| Some((n.op.producer()?, i))).collect()
}

/// The graph of all nodes.
pub fn graph(nodes: &[Node], grids: &[Grid], selectors: &[Selector]) -> Graph {
    let producers = producers(nodes);
    let mut graph: Graph =
        nodes.iter().map(|n| n.inputs.iter().copied().chain(sampled(n)).map(|i| (i, Kind::Data)).collect()).collect();
    for (i, node) in nodes.iter().enumerate() {
        let Some((selector, offset_ms)) = leaf(node) else { continue };
        for read in &selectors[selector].producers {
            let Some(effect) = producers.get(&read.producer).copied() else { continue };
            let lag_ms = read.clip_ms.unwrap_or(offset_ms);
            let (own_ms, newest_ms) = (grids[node.grid].ready_ms(0), grids[nodes[effect].grid].ready_ms(-lag_ms));
            graph[i].push((effect, if newest_ms < own_ms { Kind::Lagged } else { Kind::Same }));
        }
    }
    graph
}

/// Selectors that must not be read in the order of a block: none without producers.
pub fn reads_producers(node: &Node, selectors: &[Selector]) -> bool {
    leaf(node).is_some_and(|(s, _)| !selectors[s].producers.is_empty())
}

/// Nodes that compute for this one, itself included.
pub fn below(nodes: &[Node], root: NodeIdx) -> BTreeSet<NodeIdx> {
    reach(nodes, root, |_| true)
}

/// The same, but of what is kept, in rings and pins, only the readers; and without what templates query.
pub fn below_to_kept(nodes: &[Node], root: NodeIdx) -> BTreeSet<NodeIdx> {
    reach(nodes, root, |n| !matches!(nodes[n].op, Op::Pin { .. } | Op::Ring { .. } | Op::Broadcast(_)))
}

fn reach(nodes: &[Node], root: NodeIdx, enters: impl Fn(NodeIdx) -> bool) -> BTreeSet<NodeIdx> {
    let mut seen = BTreeSet::new();
    let mut open = vec![root];
    while let Some(n) = open.pop() {
        if seen.insert(n) {
            open.extend(nodes[n].inputs.iter().copied().chain(sampled(&nodes[n])).filter(|m| enters(*m)));
        }
    }
    seen
}

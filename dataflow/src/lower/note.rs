//! Where nodes that may have something to say stand in the expressions of rules.
//!
//! # Semantics
//! A node is shared by rules, but what it says is about a place in each rule's own text. So lowering marks the node and
//! the place for the unit at hand, and the unit's effects carry the places ([`Site`]). The tree has no positions: they
//! are found by reading the text again, only for units that have such a node.

use super::context::{Lowering, Scope};
use super::unit::Unit;
use super::walk::{inner, operands};
use crate::plan::Dag;
use crate::promql::{Place, line_col, places};
use bellwether_model::NodeId;
use bellwether_operators::program::{HISTOGRAMS, Node, NodeIdx, Op, SORTED, Site};
use promql_parser::parser::Expr;
use std::collections::{BTreeMap, HashMap};

/// Line and column of each part of a unit's expression, by the part's address: the tree outlives lowering and stays where
/// it is.
pub(super) type Places = HashMap<usize, (u32, u32)>;

/// A place that a node may have something to say about; the node is named by its identity, because passes renumber.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marked {
    node: NodeId,
    operand: u8,
    place: Option<(u32, u32)>,
}

impl Lowering<'_> {
    /// Marks a node that may have something to say about `about`, which is its operand number `operand`.
    pub(super) fn annotate(&mut self, scope: Scope<'_>, node: NodeIdx, operand: u8, about: &Expr) {
        let unit = scope.unit;
        let places = self.places.entry(unit.index).or_insert_with(|| places_of(unit));
        // Prometheus takes parentheses off the operands of functions and aggregations before it evaluates them.
        let place = places.get(&address(inner(about))).copied();
        self.marked[unit.index].push(Marked { node: self.dag.nodes[node].id, operand, place });
    }
}

fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr).addr()
}

fn places_of(unit: &Unit<'_>) -> Places {
    let mut found = Places::new();
    if let Some(place) = places(unit.text) {
        note_places(unit.text, unit.expr, &place, &mut found);
    }
    found
}

fn note_places(text: &str, expr: &Expr, place: &Place, found: &mut Places) {
    let (line, column) = line_col(text, place.start);
    found.insert(address(expr), (line as u32, column as u32));
    let operands = operands(expr);
    // A text that is not the tree's own has another shape: better no place than a wrong one.
    if operands.len() == place.below.len() {
        operands.into_iter().zip(&place.below).for_each(|(e, p)| note_places(text, e, p, found));
    }
}

/// Numbers in the program by identity in the DAG; `number` maps the DAG's numbers to the program's.
pub(super) fn by_identity(dag: &Dag, nodes: &[Node], number: impl Fn(NodeIdx) -> NodeIdx) -> BTreeMap<NodeId, NodeIdx> {
    let at = |n: NodeIdx| match nodes[number(n)].op {
        // Elements that may coincide are brought together behind the node.
        Op::Exchange => nodes[number(n)].inputs[0],
        _ => number(n),
    };
    dag.nodes.iter().enumerate().map(|(n, node)| (node.id, at(n))).collect()
}

/// Gives a unit's effects the places of what it marked; nodes that passes dropped say nothing.
pub(super) fn set_sites(nodes: &mut [Node], effects: &[NodeIdx], marked: &[Marked], at: &BTreeMap<NodeId, NodeIdx>) {
    let site = |m: &Marked| Some(Site { node: *at.get(&m.node)?, operand: m.operand, place: m.place });
    let mut sites: Vec<Site> = marked.iter().filter_map(site).collect();
    sites.sort_unstable();
    sites.dedup();
    for site in sites.iter().filter(|s| s.operand != SORTED) {
        nodes[site.node].notes = true;
        nodes[site.node].notes_floats |= site.operand != HISTOGRAMS;
    }
    effects.iter().for_each(|e| nodes[*e].sites.clone_from(&sites));
}

//! Horizon: how far back from an instant a rule reads, down to ingested samples.
//!
//! # Semantics
//! Windows, offsets, lookback and subqueries are summed down to the leaves, and through recorded series. An alert that is
//! read adds its hold durations. Through a component of rules that read each other, each member counts once, so a rule
//! that reads its own last value has a finite horizon: what it carried for longer starts anew after a warm-up. What `@`
//! fixes counts as if it were read at the step, for restarts before its instant; how far back it is read, wherever the
//! steps are, is told apart ([`pins`]).

use super::absence::absences;
use super::graph;
use bellwether_operators::program::{Node, NodeIdx, Op, Pins, Program, Selector, Source};
use std::collections::BTreeMap;

/// How far back effects read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Horizons {
    /// By effect, ms.
    pub of: BTreeMap<NodeIdx, i64>,
    /// By effect, how long samples have to be known before its result owes nothing to those that may not have come yet, ms.
    pub absence: BTreeMap<NodeIdx, i64>,
}

/// Horizons of effects. `groups` holds the effects that read each other, producers first.
pub fn horizons(nodes: &[Node], selectors: &[Selector], groups: &[Vec<NodeIdx>]) -> Horizons {
    let mut known = BTreeMap::new();
    let producers = graph::producers(nodes);
    for group in groups {
        let walk = Walk { nodes, selectors, producers: &producers, known: &known };
        let own: Vec<i64> = group.iter().map(|root| walk.of(*root, &mut BTreeMap::new())).collect();
        let total: i64 = own.iter().sum();
        known.extend(group.iter().map(|root| (*root, total)));
    }
    let walk = Walk { nodes, selectors, producers: &producers, known: &known };
    let effects: Vec<NodeIdx> = groups.iter().flatten().copied().collect();
    let absence = absences(&walk, &effects);
    Horizons { of: known, absence }
}

/// What all pins read together.
pub fn pins(program: &Program, horizons: &BTreeMap<NodeIdx, i64>) -> Option<Pins> {
    let Program { nodes, selectors, grids, .. } = program;
    let walk = Walk { nodes, selectors, producers: &graph::producers(nodes), known: horizons };
    let mut all: Option<Pins> = None;
    for (n, node) in nodes.iter().enumerate() {
        let Op::Pin { at_ms, .. } = node.op else { continue };
        let leaves = graph::below(nodes, n).into_iter().filter_map(|m| graph::leaf(&nodes[m]));
        let warm = leaves.map(|(s, _)| &selectors[s]).any(|s| !s.producers.is_empty());
        let from_ms = at_ms.saturating_sub(walk.of(n, &mut BTreeMap::new()));
        let upto_ms = at_ms.saturating_add(grids[node.grid].wait_ms);
        let so_far = all.unwrap_or(Pins { from_ms, upto_ms, warm });
        all = Some(Pins {
            from_ms: so_far.from_ms.min(from_ms),
            upto_ms: so_far.upto_ms.max(upto_ms),
            warm: so_far.warm || warm,
        });
    }
    all
}

/// Sums horizons down to the leaves.
pub(super) struct Walk<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) selectors: &'a [Selector],
    pub(super) producers: &'a BTreeMap<usize, NodeIdx>,
    known: &'a BTreeMap<NodeIdx, i64>,
}

impl Walk<'_> {
    /// Of one node, ms.
    pub(super) fn of(&self, node: NodeIdx, seen: &mut BTreeMap<NodeIdx, i64>) -> i64 {
        if let Some(ms) = seen.get(&node) {
            return *ms;
        }
        let n = &self.nodes[node];
        let below = n.inputs.iter().map(|i| self.of(*i, seen)).max().unwrap_or(0);
        let read = graph::leaf(n).map_or(0, |(s, _)| self.through(s));
        let sampled = graph::sampled(n).map_or(0, |r| self.of(r, seen));
        let ms = below.max(0.max(back_ms(&n.op) + read + sampled));
        seen.insert(node, ms);
        ms
    }

    fn through(&self, selector: usize) -> i64 {
        let effects = self.selectors[selector].producers.iter().filter_map(|p| self.producers.get(&p.producer));
        effects.map(|e| self.known.get(e).copied().unwrap_or(0) + self.held_ms(*e)).max().unwrap_or(0)
    }

    fn held_ms(&self, effect: NodeIdx) -> i64 {
        match &self.nodes[effect].op {
            Op::Alert(spec) => spec.for_ms + spec.keep_firing_for_ms,
            _ => 0,
        }
    }
}

fn back_ms(op: &Op) -> i64 {
    match op {
        Op::Instant { offset_ms, lookback_ms, .. } => offset_ms + lookback_ms,
        // The pin's own window was counted where it is taken.
        Op::Range { source: Source::Pin(_), .. } => 0,
        Op::Range { range_ms, offset_ms, .. } => range_ms + offset_ms,
        Op::Pin { window: Some(w), .. } => w.range_ms + w.offset_ms,
        _ => 0,
    }
}

//! The DAG under construction: nodes are found by identity before they are made.
//!
//! # Semantics
//! Two expressions are one node iff operator, operands, grid and flags are equal; so a thousand variants of one
//! threshold cost one window. Inputs stand before their readers; only reads through producers go backwards.

use super::identity::{node_id, selector_id};
use super::passes::fold;
use bellwether_model::{METRIC_NAME, NodeId};
use bellwether_operators::program::{
    Grid, MatchOp, Matcher, Node, NodeIdx, Op, PinnedWindow, ProducerRead, Selector, Shape, Source,
};
use std::collections::HashMap;

/// What an interned node is made of.
#[derive(Debug)]
pub struct Part {
    /// What it computes.
    pub op: Op,
    /// Operands.
    pub inputs: Vec<NodeIdx>,
    /// Index of its grid.
    pub grid: usize,
    /// Scalar, vector or effect.
    pub shape: Shape,
    /// Normal form.
    pub text: String,
}

/// Nodes, grids and selectors of all rules.
#[derive(Debug, Default)]
pub struct Dag {
    /// Inputs before readers.
    pub nodes: Vec<Node>,
    /// Distinct grids.
    pub grids: Vec<Grid>,
    /// Distinct pairs of matchers and reads.
    pub selectors: Vec<Selector>,
    /// Whether operators leave names where they are.
    pub delayed_names: bool,
    /// How often a node was asked for, found ones included.
    pub asked: usize,
    /// How often a leaf was asked for.
    pub asked_leaves: usize,
    by_id: HashMap<NodeId, NodeIdx>,
    by_selector: HashMap<u128, usize>,
}

impl Dag {
    /// Without nodes.
    pub fn new(delayed_names: bool) -> Self {
        Self { delayed_names, ..Self::default() }
    }

    /// The number of a grid.
    pub fn grid(&mut self, grid: Grid) -> usize {
        self.grids.iter().position(|g| *g == grid).unwrap_or_else(|| {
            self.grids.push(grid);
            self.grids.len() - 1
        })
    }

    /// The number of a selector; `producer_ids` names producers across programs.
    pub fn selector(
        &mut self,
        tenant: &str,
        mut matchers: Vec<Matcher>,
        producers: Vec<ProducerRead>,
        producer_ids: &[u128],
    ) -> usize {
        matchers.sort();
        matchers.dedup();
        let id = selector_id(tenant, &matchers, &producers, producer_ids);
        if let Some(at) = self.by_selector.get(&id) {
            return *at;
        }
        let key = filing_key(&matchers);
        self.selectors.push(Selector { id, matchers, key, producers, retain_ms: 0 });
        self.by_selector.insert(id, self.selectors.len() - 1);
        self.selectors.len() - 1
    }

    /// The node of that identity, made if it is new.
    pub fn add(&mut self, part: Part) -> NodeIdx {
        let part = self.folded(part);
        self.asked += 1;
        self.asked_leaves += usize::from(matches!(part.op, Op::Instant { .. } | Op::Range { .. }));
        let id = node_id(self, &part);
        self.retain(&part.op);
        if let Some(at) = self.by_id.get(&id) {
            return *at;
        }
        let Part { op, inputs, grid, shape, text } = part;
        self.nodes.push(Node::new(id, op, inputs, grid, shape, text));
        self.by_id.insert(id, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    fn folded(&self, part: Part) -> Part {
        let constants: Option<Vec<f64>> =
            part.inputs.iter().map(|i| if let Op::Number(v) = self.nodes[*i].op { Some(v) } else { None }).collect();
        match constants.and_then(|values| fold::fold(&part.op, &values)) {
            Some(v) => Part { text: fold::number_text(v), op: Op::Number(v), inputs: Vec::new(), ..part },
            None => part,
        }
    }

    /// A leaf lengthens what its source keeps, whether it is new or not: sources are shared by ranges.
    fn retain(&mut self, op: &Op) {
        let (source, back_ms) = match op {
            Op::Instant { selector, offset_ms, lookback_ms, .. } => {
                (Source::Selector(*selector), offset_ms + lookback_ms)
            }
            Op::Range { source, range_ms, offset_ms, .. }
            | Op::Pin { window: Some(PinnedWindow { source, range_ms, offset_ms }), .. } => {
                (*source, offset_ms + range_ms)
            }
            _ => return,
        };
        let kept = match source {
            Source::Selector(s) => &mut self.selectors[s].retain_ms,
            Source::Ring(n) => match &mut self.nodes[n].op {
                Op::Ring { retain_ms, .. } => retain_ms,
                _ => return,
            },
            Source::Pin(_) => return,
        };
        *kept = (*kept).max(back_ms);
    }
}

/// The metric name is the most selective equality in nearly all rules; a matcher that accepts "" is never a key.
fn filing_key(matchers: &[Matcher]) -> Option<usize> {
    let usable = |m: &Matcher| m.op == MatchOp::Equal && !m.value.is_empty();
    let name = matchers.iter().position(|m| usable(m) && m.name == METRIC_NAME);
    name.or_else(|| matchers.iter().position(usable))
}

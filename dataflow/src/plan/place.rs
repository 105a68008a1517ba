//! Placement: on which worker an element of each node is, and which exchanges that takes.
//!
//! # Position
//! Dag → **place** → nodes with placements, inserted exchanges, and the knowledge which of them can fail → schedule
//!
//! # Semantics
//! Series come in placed by the entity labels. A grouping or a match is local iff all elements with one key are on one
//! worker already; otherwise aggregates send partials, and everything else gets an exchange node below it, of one side only
//! where the other side's placement serves. Writing a label that placed the elements scatters them; where equal label
//! sets must meet (a possible duplicate, a rule's identities, a recorded series) they are exchanged again.
//!
//! A recorded series stands where its rule put it; a selector that reads nothing else is placed likewise. What a rule's
//! placement is depends on the selectors below it, so placement is repeated until the homes of rules are what
//! was assumed; selectors that keep changing are scattered, which always is right.

mod combine;
mod effect;
mod unary;

use super::dag::Dag;
use super::facts::{Facts, keeps_name};
use super::graph::below_to_kept;
use super::identity::{exchange_id, placed_id};
use bellwether_model::{METRIC_NAME, NodeId};
use bellwether_operators::functions::{RangeFn, smoothing_refuses};
use bellwether_operators::program::{Node, NodeIdx, Op, Placement, Shape, Source};
use std::collections::{BTreeMap, BTreeSet};

/// What placement has to know of the options.
#[derive(Clone, Debug, Default)]
pub struct PlaceOptions {
    /// Labels that place ingested series.
    pub entity_labels: Vec<String>,
    /// Names whose ingested series are ignored.
    pub recorded_names: BTreeSet<String>,
    /// Exchanges below every grouping and match, needed or not: the plan that the optimised one is tested against.
    pub exchange_everywhere: bool,
}

/// Placed nodes; inserted exchanges stand between the others, so numbers differ from those of the DAG.
#[derive(Clone, Debug, Default)]
pub struct Placed {
    /// Inputs before readers.
    pub nodes: Vec<Node>,
    /// DAG number → number here.
    pub number: Vec<NodeIdx>,
    facts: Vec<Facts>,
}

/// How often homes of rules are revised freely; chains of recorded series are rarely deeper.
const FREE_ROUNDS: usize = 8;

/// Places all nodes.
pub fn place(dag: &Dag, options: &PlaceOptions) -> Placed {
    let mut homes: BTreeMap<usize, Placement> = BTreeMap::new();
    let mut scattered: BTreeSet<NodeIdx> = BTreeSet::new();
    let mut before: BTreeMap<NodeIdx, Placement> = BTreeMap::new();
    for round in 0.. {
        let mut placer = Placer::new(dag, options, &homes, &scattered);
        for n in 0..dag.nodes.len() {
            let at = placer.node(n);
            placer.out.number.push(at);
        }
        let (out, leaves) = (placer.out, placer.leaves);
        let now = homes_of(&out.nodes);
        if now == homes {
            return identified(out);
        }
        if round >= FREE_ROUNDS {
            scattered.extend(leaves.iter().filter(|(n, p)| before.get(n).is_some_and(|b| b != *p)).map(|(n, _)| *n));
        }
        // Past the free rounds, each round scatters a leaf more or repeats the last one with the homes it found.
        if round >= FREE_ROUNDS + 2 * dag.nodes.len() {
            return identified(out);
        }
        before = leaves;
        homes = now;
    }
    Placed::default()
}

fn identified(mut out: Placed) -> Placed {
    for n in 0..out.nodes.len() {
        let unplaced = out.nodes[n].id;
        if let Op::Ring { of, .. } | Op::Pin { of, .. } = &mut out.nodes[n].op {
            *of = unplaced;
        }
        let node = &out.nodes[n];
        let below: Vec<NodeId> =
            node.inputs.iter().copied().chain(super::sampled(node)).map(|i| out.nodes[i].id).collect();
        out.nodes[n].id = placed_id(node, &below);
    }
    out
}

fn homes_of(nodes: &[Node]) -> BTreeMap<usize, Placement> {
    let producers = super::graph::producers(nodes);
    producers.iter().map(|(p, n)| (*p, nodes[*n].placement.clone())).collect()
}

struct Placer<'a> {
    dag: &'a Dag,
    options: &'a PlaceOptions,
    homes: &'a BTreeMap<usize, Placement>,
    scattered: &'a BTreeSet<NodeIdx>,
    out: Placed,
    leaves: BTreeMap<NodeIdx, Placement>,
    exchanges: BTreeMap<(NodeIdx, Placement), NodeIdx>,
}

impl<'a> Placer<'a> {
    fn new(
        dag: &'a Dag,
        options: &'a PlaceOptions,
        homes: &'a BTreeMap<usize, Placement>,
        scattered: &'a BTreeSet<NodeIdx>,
    ) -> Self {
        Self {
            dag,
            options,
            homes,
            scattered,
            out: Placed::default(),
            leaves: BTreeMap::new(),
            exchanges: BTreeMap::new(),
        }
    }

    /// Emits one node of the DAG with the exchanges around it; gives the number of the result.
    fn node(&mut self, n: NodeIdx) -> NodeIdx {
        let mut node = self.dag.nodes[n].clone();
        for input in &mut node.inputs {
            *input = self.out.number[*input];
        }
        if let Some(sampled) = node.op.sampled_mut() {
            *sampled = self.out.number[*sampled];
        }
        if node.shape == Shape::Scalar {
            return self.scalar(node);
        }
        match &node.op {
            Op::Instant { .. } | Op::Range { .. } => self.leaf(n, node),
            Op::Aggregate { .. }
            | Op::TopK { .. }
            | Op::CountValues { .. }
            | Op::HistogramQuantile
            | Op::HistogramFraction => self.grouped(node),
            Op::Binary { .. } | Op::Set { .. } | Op::Info { .. } => self.combined(node),
            Op::Alert(_) | Op::Record(_) | Op::Tap(_) | Op::Broadcast(_) => self.effect(node),
            Op::Pin { window: Some(window), .. } => self.pinned_window(n, window.source, node),
            _ => self.mapped(node),
        }
    }

    fn placement(&self, n: NodeIdx) -> &Placement {
        &self.out.nodes[n].placement
    }

    fn facts(&self, n: NodeIdx) -> &Facts {
        &self.out.facts[n]
    }

    /// Appends a node as it is.
    fn push(&mut self, node: Node, facts: Facts) -> NodeIdx {
        self.out.nodes.push(node);
        self.out.facts.push(facts);
        self.out.nodes.len() - 1
    }

    /// Appends a vector node; elements that may coincide on different workers are brought together.
    fn finish(&mut self, mut node: Node, facts: Facts, collides: bool) -> NodeIdx {
        node.check_unique = collides;
        node.fallible |= collides;
        let scattered = node.placement == Placement::Scattered;
        let at = self.push(node, facts);
        if !(scattered && collides) {
            return at;
        }
        let met = self.exchange(at, Placement::Except(Vec::new()));
        self.out.nodes[met].check_unique = true;
        self.out.nodes[met].fallible = true;
        met
    }

    /// The input, moved to that placement; one exchange for all who ask for the same.
    fn exchange(&mut self, input: NodeIdx, to: Placement) -> NodeIdx {
        if let Some(at) = self.exchanges.get(&(input, to.clone())) {
            return *at;
        }
        let from = &self.out.nodes[input];
        let (id, text) = (exchange_id(from.id, &to), from.text.clone());
        let mut node = Node::new(id, Op::Exchange, vec![input], from.grid, Shape::Vector, text);
        node.placement = to.clone();
        node.exchange = Some(to.clone());
        let facts = self.facts(input).clone();
        let at = self.push(node, facts);
        self.exchanges.insert((input, to), at);
        at
    }

    fn scalar(&mut self, mut node: Node) -> NodeIdx {
        node.placement = Placement::Replicated;
        if matches!(node.op, Op::ScalarOf) {
            node.exchange = Some(Placement::Replicated);
        }
        self.push(node, Facts::default())
    }

    fn leaf(&mut self, n: NodeIdx, mut node: Node) -> NodeIdx {
        let (drops_name, facts) = match node.op {
            Op::Instant { selector, reading, .. } => (reading.drops_name(), self.selected(n, selector, &mut node)),
            Op::Range { source: Source::Selector(selector), func, .. } => {
                (!keeps_name(func), self.selected(n, selector, &mut node))
            }
            Op::Range { source: Source::Ring(ring), func, .. } => {
                node.placement = self.placement(ring).clone();
                // What failed at an inner instant fails where a window holds it.
                node.fallible |= below_to_kept(&self.out.nodes, ring).into_iter().any(|n| self.out.nodes[n].fallible);
                (!keeps_name(func), self.facts(ring).clone())
            }
            Op::Range { source: Source::Pin(pin), func, .. } => {
                node.placement = self.placement(pin).clone();
                // What failed at the pin's instant fails at every step.
                node.fallible = true;
                (!keeps_name(func), self.facts(pin).clone())
            }
            _ => (false, Facts::default()),
        };
        node.fallible |= self.refuses_factors(&node);
        if !drops_name || self.dag.delayed_names {
            return self.finish(node, facts, false);
        }
        let collides = !facts.distinct_unnamed;
        node.placement = node.placement.after_writing(&[METRIC_NAME.to_owned()]);
        self.finish(node, facts.without_name(), collides)
    }

    fn pinned_window(&mut self, n: NodeIdx, source: Source, mut node: Node) -> NodeIdx {
        let facts = match source {
            Source::Selector(selector) => self.selected(n, selector, &mut node),
            Source::Ring(sampled) | Source::Pin(sampled) => {
                node.placement = self.placement(sampled).clone();
                self.facts(sampled).clone()
            }
        };
        self.push(node, facts)
    }

    /// Whether a smoothing's factors may be out of range at some step.
    fn refuses_factors(&self, node: &Node) -> bool {
        let smooths = matches!(node.op, Op::Range { func: RangeFn::DoubleExponentialSmoothing, .. });
        let number = |n: &NodeIdx| if let Op::Number(v) = self.out.nodes[*n].op { Some(v) } else { None };
        let factors: Vec<Option<f64>> = node.inputs.iter().map(number).collect();
        match factors[..] {
            [Some(smoothing), Some(trend)] if smooths => smoothing_refuses(smoothing, trend).is_some(),
            _ => smooths,
        }
    }

    fn selected(&mut self, n: NodeIdx, selector: usize, node: &mut Node) -> Facts {
        node.placement = self.source_placement(n, selector);
        self.leaves.insert(n, node.placement.clone());
        Facts::of_selector(&self.dag.selectors[selector])
    }

    fn source_placement(&self, n: NodeIdx, selector: usize) -> Placement {
        let entity = Placement::By(self.options.entity_labels.clone());
        let row = &self.dag.selectors[selector];
        if self.scattered.contains(&n) {
            return Placement::Scattered;
        }
        let ingested = !row.metric_name().is_some_and(|name| self.options.recorded_names.contains(name));
        let mut sources: BTreeSet<&Placement> =
            row.producers.iter().map(|p| self.homes.get(&p.producer).unwrap_or(&entity)).collect();
        if ingested || sources.is_empty() {
            sources.insert(&entity);
        }
        match sources.len() {
            1 => sources.first().map_or(Placement::Scattered, |p| (*p).clone()),
            _ => Placement::Scattered,
        }
    }
}

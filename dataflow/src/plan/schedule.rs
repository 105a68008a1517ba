//! Order of evaluation: stages, and phases of stages.
//!
//! # Semantics
//! All nodes that need no exchange between them run in one stage. A sending node sends in the stage in which its input
//! is ready and is ready itself one stage later. A rule sends its identities likewise; it applies its transitions when the
//! joint verdicts of all nodes that can fail are back, two stages after the last partial one left.
//! A component (see [`super::graph`]) is a phase that runs instant by instant; everything else runs whole blocks. An
//! alerting rule is a component of its own where the number of its alerts at an instant depends on whether the limit was
//! exceeded before: alerts that are kept firing count, and an exceeded limit drops them.
//! Phases are levels: a node is in the earliest phase of its kind after those of its dependencies, so that
//! components which do not read each other share a phase.
//!
//! # Errors
//! More stages than the limit: each stage is a round of the loop at every step, so such rules are refused.

use super::graph::{Graph, Kind};
use super::scc::components;
use bellwether_operators::program::{Node, NodeIdx, Op, Phase, Stage};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Why rules have no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The plan needs too many rounds.
    #[error(
        "the rules need {stages} stages, more than the limit of {limit}: recorded series that read each other form too long a chain"
    )]
    TooDeep {
        /// Stages needed.
        stages: usize,
        /// The limit.
        limit: usize,
    },
    /// Two rules each need the other's sample of the same instant.
    #[error("the rules around {text:?} read each other at the same instant")]
    Cycle {
        /// Normal form of a node in the cycle.
        text: String,
    },
}

/// Where each node runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Phase.
    pub phase: usize,
    /// Stage in which a sending node sends.
    pub send: Option<usize>,
    /// Stage in which the result is there.
    pub eval: usize,
    /// Whether the node is part of a component.
    pub stepwise: bool,
}

/// The schedule of a plan.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Nodes in order of evaluation.
    pub order: Vec<NodeIdx>,
    /// By node.
    pub places: Vec<Place>,
    stepwise: Vec<bool>,
    lengths: Vec<usize>,
}

impl Schedule {
    /// Phases with the nodes' new numbers (`number[old]`).
    pub fn phases(&self, number: &[NodeIdx]) -> Vec<Phase> {
        let mut phases: Vec<Phase> = self.stepwise.iter().map(|s| Phase { stepwise: *s, stages: Vec::new() }).collect();
        for node in &self.order {
            let place = self.places[*node];
            let stages = &mut phases[place.phase].stages;
            if stages.len() <= place.eval {
                stages.resize(place.eval + 1, Stage::default());
            }
            stages[place.eval].eval.push(number[*node]);
            if let Some(send) = place.send {
                stages[send].send.push(number[*node]);
            }
        }
        for (phase, length) in phases.iter_mut().zip(&self.lengths) {
            phase.stages.resize(*length, Stage::default());
        }
        phases
    }
}

/// The stage with which a fallible node's partial verdict leaves: a rule's identities meet nowhere but where they are,
/// an exchange looks for duplicates among what it received.
fn partial(node: &Node, place: Place) -> usize {
    match node.op {
        Op::Alert(_) | Op::Record(_) => place.send.unwrap_or(place.eval),
        _ => place.eval,
    }
}

/// Stages of each phase. An instant of a component lasts until its verdicts are back: they would be taken for
/// those of the next instant.
fn lengths(nodes: &[Node], places: &[Place], phases: usize) -> Vec<usize> {
    let mut lengths = vec![0; phases];
    for (node, place) in nodes.iter().zip(places) {
        let back = if place.stepwise && node.fallible { partial(node, *place) + 3 } else { 0 };
        lengths[place.phase] = lengths[place.phase].max(place.eval + 1).max(back);
    }
    lengths
}

/// Whether the node sends and finishes a stage later.
pub fn is_sending(node: &Node) -> bool {
    match node.op {
        Op::Aggregate { .. } | Op::TopK { .. } => node.exchange.is_some(),
        Op::Exchange | Op::ScalarOf | Op::Absent { .. } | Op::Broadcast(_) | Op::Alert(_) | Op::Record(_) => true,
        _ => false,
    }
}

/// Orders nodes and gives each its stage; verdicts of effects must be there.
pub fn schedule(nodes: &[Node], graph: &Graph, max_stages: usize) -> Result<Schedule, ScheduleError> {
    let component = component_of(nodes, graph);
    let (phase, stepwise) = phases_of(graph, &component);
    let inner = |a: NodeIdx, b: NodeIdx| component.of[a] == component.of[b] && component.is_stepwise(a);
    let needed: Graph = graph
        .iter()
        .enumerate()
        .map(|(n, deps)| deps.iter().copied().filter(|(d, k)| !(*k == Kind::Lagged && inner(n, *d))).collect())
        .collect();
    let order = topological(nodes, &needed, &phase)?;
    let mut out = Schedule { order, places: vec![Place::default(); nodes.len()], stepwise, lengths: Vec::new() };
    for n in out.order.clone() {
        let mut place = assign(nodes, &needed[n], &out.places, n, phase[n]);
        place.stepwise = component.is_stepwise(n);
        out.places[n] = place;
    }
    out.lengths = lengths(nodes, &out.places, out.stepwise.len());
    let stages = out.lengths.iter().sum();
    if stages > max_stages {
        return Err(ScheduleError::TooDeep { stages, limit: max_stages });
    }
    Ok(out)
}

struct Components {
    of: Vec<usize>,
    members: Vec<Vec<NodeIdx>>,
    /// By component: whether it runs instant by instant.
    stepwise: Vec<bool>,
}

impl Components {
    fn is_stepwise(&self, node: NodeIdx) -> bool {
        self.stepwise[self.of[node]]
    }
}

/// Whether what a rule does at an instant depends on verdicts about earlier ones.
fn counts_kept_alerts(node: &Node) -> bool {
    matches!(&node.op, Op::Alert(spec) if spec.limit > 0 && spec.keep_firing_for_ms > 0)
}

fn component_of(nodes: &[Node], graph: &Graph) -> Components {
    let edges: Vec<Vec<usize>> = graph.iter().map(|deps| deps.iter().map(|(d, _)| *d).collect()).collect();
    let members = components(&edges);
    let mut of = vec![0; graph.len()];
    for (c, nodes) in members.iter().enumerate() {
        for n in nodes {
            of[*n] = c;
        }
    }
    let stepwise = members.iter().map(|m| m.len() > 1 || m.iter().any(|n| counts_kept_alerts(&nodes[*n]))).collect();
    Components { of, members, stepwise }
}

/// Even levels run whole blocks, odd ones run instant by instant; levels without nodes vanish.
fn phases_of(graph: &Graph, component: &Components) -> (Vec<usize>, Vec<bool>) {
    let mut level = vec![0; component.members.len()];
    // Edges point at dependencies, and components come out dependencies first.
    for (c, members) in component.members.iter().enumerate() {
        let odd = usize::from(component.stepwise[c]);
        let deps = members.iter().flat_map(|n| &graph[*n]).map(|(d, _)| component.of[*d]).filter(|d| *d != c);
        level[c] = deps.map(|d| level[d] + usize::from(level[d] % 2 != odd)).max().unwrap_or(0).max(odd);
    }
    let mut used: Vec<usize> = level.clone();
    used.sort_unstable();
    used.dedup();
    let phase = component.of.iter().map(|c| used.binary_search(&level[*c]).unwrap_or(0)).collect();
    (phase, used.iter().map(|l| l % 2 == 1).collect())
}

fn topological(nodes: &[Node], needed: &Graph, phase: &[usize]) -> Result<Vec<NodeIdx>, ScheduleError> {
    let mut missing: Vec<usize> = needed.iter().map(Vec::len).collect();
    let mut readers: Vec<Vec<NodeIdx>> = vec![Vec::new(); nodes.len()];
    for (n, deps) in needed.iter().enumerate() {
        for (d, _) in deps {
            readers[*d].push(n);
        }
    }
    let key = |n: NodeIdx| Reverse((phase[n], n));
    let mut ready: BinaryHeap<_> = (0..nodes.len()).filter(|n| missing[*n] == 0).map(key).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse((_, n))) = ready.pop() {
        order.push(n);
        for r in &readers[n] {
            missing[*r] -= 1;
            if missing[*r] == 0 {
                ready.push(key(*r));
            }
        }
    }
    match (0..nodes.len()).find(|n| missing[*n] > 0) {
        Some(n) => Err(ScheduleError::Cycle { text: nodes[n].text.clone() }),
        None => Ok(order),
    }
}

fn assign(nodes: &[Node], deps: &[(NodeIdx, Kind)], places: &[Place], n: NodeIdx, phase: usize) -> Place {
    let here = |d: NodeIdx| if places[d].phase == phase { places[d].eval } else { 0 };
    let latest =
        |data: bool| deps.iter().filter(|(_, k)| (*k == Kind::Data) == data).map(|(d, _)| here(*d)).max().unwrap_or(0);
    let (inputs, others) = (latest(true), latest(false));
    let base = Place { phase, ..Place::default() };
    let node = &nodes[n];
    let verdicts = || {
        let back = |v: NodeIdx| match places[v] {
            _ if v == n => inputs + 2,
            // The verdict left in an earlier phase, in its last stage at worst: one stage from then is gone already.
            p if p.phase != phase => 1,
            p => partial(&nodes[v], p) + 2,
        };
        node.verdicts.iter().map(|v| back(*v)).max().unwrap_or(0)
    };
    match node.op {
        Op::Alert(_) | Op::Record(_) | Op::Broadcast(_) => {
            Place { send: Some(inputs), eval: (inputs + 1).max(verdicts()).max(others), ..base }
        }
        Op::Tap(_) | Op::Pin { .. } | Op::Ring { .. } => Place { eval: inputs.max(verdicts()).max(others), ..base },
        _ if is_sending(node) => {
            let send = inputs.max(others);
            Place { send: Some(send), eval: send + 1, ..base }
        }
        _ => Place { eval: inputs.max(others), ..base },
    }
}

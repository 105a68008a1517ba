//! Placed nodes to a program: verdicts, schedule, and numbers that follow the order of evaluation.

use super::dag::Dag;
use super::graph;
use super::passes::fuse::Stages;
use super::schedule::{Place, ScheduleError, schedule};
use bellwether_operators::program::{Node, NodeIdx, Phase, Program, Shape};

/// A scheduled program; what the options add to it is the caller's.
#[derive(Clone, Debug, Default)]
pub struct Assembled {
    /// Nodes, grids, selectors and phases.
    pub program: Program,
    /// Placed number → number in the program.
    pub number: Vec<NodeIdx>,
    /// Where each node runs.
    pub stages: Run,
}

/// Where each node of a program runs.
#[derive(Clone, Debug, Default)]
pub struct Run {
    places: Vec<Place>,
    reads_producers: Vec<bool>,
    /// Stages before each phase.
    before: Vec<usize>,
}

impl Run {
    /// Rounds until the node's result is there.
    pub fn rounds(&self, node: NodeIdx) -> usize {
        self.places.get(node).map_or(0, |p| self.before.get(p.phase).copied().unwrap_or(0) + p.eval + 1)
    }
}

impl Stages for Run {
    fn ready(&self, node: NodeIdx) -> (usize, usize) {
        (self.places[node].phase, self.places[node].eval)
    }
    fn reads(&self, node: NodeIdx) -> (usize, usize) {
        let place = self.places[node];
        (place.phase, place.send.unwrap_or(place.eval))
    }
    fn is_bound(&self, node: NodeIdx) -> bool {
        self.places[node].stepwise && self.reads_producers[node]
    }
}

/// Schedules placed nodes and numbers them in order of evaluation.
pub fn assemble(mut nodes: Vec<Node>, dag: &Dag, max_stages: usize) -> Result<Assembled, ScheduleError> {
    find_verdicts(&mut nodes);
    let graph = graph::graph(&nodes, &dag.grids, &dag.selectors);
    let schedule = schedule(&nodes, &graph, max_stages)?;
    let mut number = vec![0; nodes.len()];
    for (new, old) in schedule.order.iter().enumerate() {
        number[*old] = new;
    }
    let phases = schedule.phases(&number);
    let places: Vec<Place> = schedule.order.iter().map(|n| schedule.places[*n]).collect();
    let nodes: Vec<Node> = schedule.order.iter().map(|n| renumbered(nodes[*n].clone(), &number)).collect();
    let reads_producers = nodes.iter().map(|n| graph::reads_producers(n, &dag.selectors)).collect();
    let stages = Run { places, reads_producers, before: stages_before(&phases) };
    let program =
        Program { nodes, grids: dag.grids.clone(), selectors: dag.selectors.clone(), phases, ..Program::default() };
    Ok(Assembled { program, number, stages })
}

fn stages_before(phases: &[Phase]) -> Vec<usize> {
    let mut sum = 0;
    phases
        .iter()
        .map(|p| {
            sum += p.stages.len();
            sum - p.stages.len()
        })
        .collect()
}

fn renumbered(mut node: Node, number: &[NodeIdx]) -> Node {
    for n in node.inputs.iter_mut().chain(&mut node.verdicts) {
        *n = number[*n];
    }
    node.verdicts.sort_unstable();
    if let Some(sampled) = node.op.sampled_mut() {
        *sampled = number[*sampled];
    }
    node
}

/// An effect fails with any fallible node of its expression. Rings and pins remember what failed at their instants, and
/// their readers fail where a window holds such an instant: below them nothing else is asked.
fn find_verdicts(nodes: &mut [Node]) {
    for root in 0..nodes.len() {
        if nodes[root].shape != Shape::Effect {
            continue;
        }
        let mut verdicts: Vec<NodeIdx> =
            graph::below_to_kept(nodes, root).into_iter().filter(|n| nodes[*n].fallible).collect();
        verdicts.sort_unstable();
        nodes[root].verdicts = verdicts;
    }
}

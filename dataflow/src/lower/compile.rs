//! The whole way: rules and queries in, a program out.

use super::catalogue::Catalogue;
use super::context::Lowering;
use super::effect::Root;
use super::error::LowerError;
use super::input::{QueryInput, RuleInput, RuleKind};
use super::look_ahead::LookAhead;
use super::options::{Options, Recorded};
use super::unit::{Unit, units};
use crate::plan::passes::fuse::fuse;
use crate::plan::passes::prune::prune;
use crate::plan::passes::share::{Sharing, sharing};
use crate::plan::{Dag, PlaceOptions, assemble, horizons, place};
use bellwether_operators::program::{NodeIdx, Program};
use std::collections::BTreeSet;

/// Everything that rules and queries compile to.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What the operators run.
    pub program: Program,
    /// One entry a rule, then one a query.
    pub rules: Vec<RuleInfo>,
    /// What sharing saves.
    pub stats: Sharing,
}

/// Where a rule or query is in the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Rule file, group and rule, or the query's text.
    pub origin: String,
    /// The alert or record node; a query's tap.
    pub root: NodeIdx,
    /// The tap's node, where results are handed out.
    pub tap: Option<NodeIdx>,
    /// Tag of the tap: the index of the rule, or of the query counted on from the rules.
    pub tag: usize,
    /// How far back from its instant it reads, down to ingested samples, ms.
    pub horizon_ms: i64,
    /// Rounds of the loop until its effect is there.
    pub rounds: usize,
    /// Nodes that compute it, shared ones included.
    pub nodes: usize,
}

/// Compiles rules and queries; refuses all of them with every error found.
pub fn compile(
    rules: &[RuleInput<'_>],
    queries: &[QueryInput<'_>],
    options: &Options,
) -> Result<Compiled, Vec<LowerError>> {
    let units = units(rules, queries, options);
    let catalogue = Catalogue::new(&units, options);
    let ahead = LookAhead::new(&catalogue, &units);
    let mut lowering = Lowering {
        options,
        units: &units,
        catalogue: &catalogue,
        ahead: &ahead,
        dag: Dag::default(),
        errors: Vec::new(),
    };
    let roots: Vec<Option<Root>> = units.iter().map(|u| lowering.unit(u)).collect();
    let Lowering { mut dag, errors, .. } = lowering;
    if !errors.is_empty() {
        return Err(errors);
    }
    let kept = prune(&mut dag);
    warm(&mut dag);
    let recorded_names = recorded_names(rules, options);
    let place_options = PlaceOptions {
        entity_labels: options.entity_labels.clone(),
        recorded_names: recorded_names.clone(),
        exchange_everywhere: options.exchange_everywhere,
    };
    let placed = place(&dag, &place_options);
    let at = |n: NodeIdx| placed.number[kept[n]];
    let assembled = assemble(placed.nodes.clone(), &dag, options.max_stages).map_err(|e| vec![about_all(&e)])?;
    let mut program = Program {
        recorded_names: recorded_names.into_iter().collect(),
        tenant: options.tenant.clone(),
        entity_labels: options.entity_labels.clone(),
        external_labels: options.external_labels.clone(),
        external_url: options.external_url.clone(),
        leaves: options.leaves,
        ..assembled.program
    };
    fuse(&mut program.nodes, &assembled.stages);
    let root = |i: usize| {
        let root = roots[i].unwrap_or_default();
        let number = |n: Option<NodeIdx>| n.map(|n| assembled.number[at(n)]);
        (number(root.effect), number(root.tap))
    };
    let groups: Vec<Vec<NodeIdx>> = catalogue
        .components
        .iter()
        .map(|members| members.iter().filter_map(|u| root(*u).0.or(root(*u).1)).collect())
        .collect();
    let horizon = horizons(&program.nodes, &program.selectors, &groups);
    program.horizon_ms = horizon.values().copied().max().unwrap_or(0);
    let info = |unit: &Unit<'_>| {
        let (effect, tap) = root(unit.index);
        let node = effect.or(tap).unwrap_or(0);
        RuleInfo {
            origin: unit.label(),
            root: node,
            tap,
            tag: unit.index,
            horizon_ms: horizon.get(&node).copied().unwrap_or(0),
            rounds: assembled.stages.rounds(node),
            nodes: crate::plan::below(&program.nodes, node).len(),
        }
    };
    let rules = units.iter().map(info).collect();
    Ok(Compiled { program, rules, stats: sharing(&dag) })
}

fn about_all(error: &crate::plan::ScheduleError) -> LowerError {
    LowerError {
        unit: None,
        origin: String::new(),
        construct: "rules".to_owned(),
        message: error.to_string(),
        position: None,
    }
}

fn recorded_names(rules: &[RuleInput<'_>], options: &Options) -> BTreeSet<String> {
    match options.recorded {
        Recorded::Keep => BTreeSet::new(),
        Recorded::Recompute => rules.iter().filter(|r| r.kind == RuleKind::Record).map(|r| r.name.to_owned()).collect(),
    }
}

/// A grid is evaluated in the warm-up already if anything on it is read later: a ring, or a producer that is read.
fn warm(dag: &mut Dag) {
    use bellwether_operators::program::Op;
    for node in &dag.nodes {
        let read = match &node.op {
            Op::Ring { .. } => true,
            Op::Alert(spec) => spec.producer.is_some(),
            Op::Record(spec) => spec.producer.is_some(),
            _ => false,
        };
        dag.grids[node.grid].warm |= read;
    }
}

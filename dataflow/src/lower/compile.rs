//! The whole way: rules and queries in, a program out.

use super::catalogue::Catalogue;
use super::context::Lowering;
use super::effect::Root;
use super::error::LowerError;
use super::input::{QueryInput, RuleInput, RuleKind};
use super::late::again;
use super::look_ahead::LookAhead;
use super::note::{Marked, by_identity, set_sites};
use super::options::{Options, Recorded};
use super::unit::{Unit, units};
use crate::plan::passes::fuse::fuse;
use crate::plan::passes::prune::prune;
use crate::plan::passes::share::{Sharing, sharing};
use crate::plan::{
    Assembled, Dag, Horizons, PlaceOptions, ScheduleError, assemble, below, duration, explain, horizons, pins, place,
};
use bellwether_operators::program::{Node, NodeIdx, Op, Program};
use std::collections::{BTreeMap, BTreeSet};

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

/// What a rule or query gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Gives {
    /// A number, as an element without labels.
    Scalar,
    /// Elements with labels.
    #[default]
    Vector,
    /// The samples of series, with their own stamps: a query may.
    Samples,
    /// A string, known before any sample: a query may, and there is nothing to run.
    Text(String),
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
    /// What comes out of it.
    pub gives: Gives,
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
    let mut units = units(rules, queries, options);
    let told = units.len();
    let mut catalogue = Catalogue::new(&units, options);
    let again = again(&units, &catalogue, &options.late);
    if !again.is_empty() {
        units.extend(again);
        catalogue = Catalogue::new(&units, options);
    }
    let ahead = LookAhead::new(&catalogue, &units, options);
    let mut lowering = Lowering {
        options,
        units: &units,
        catalogue: &catalogue,
        ahead: &ahead,
        dag: Dag::new(options.delayed_names),
        errors: Vec::new(),
        marked: vec![Vec::new(); units.len()],
        places: BTreeMap::new(),
        names: Vec::new(),
    };
    let roots: Vec<Option<Root>> = units.iter().map(|u| lowering.unit(u)).collect();
    let Lowering { dag, mut errors, mut marked, .. } = lowering;
    if !errors.is_empty() {
        // A second evaluation fails with the first one.
        errors.retain(|e| e.unit.is_none_or(|unit| unit < told));
        return Err(errors);
    }
    // And it has nothing to say that the first one does not say.
    marked[told..].iter_mut().for_each(Vec::clear);
    let roots = roots.into_iter().map(Option::unwrap_or_default).collect();
    let names = recorded_names(rules, options);
    finish(Lowered { dag, roots, marked }, names, &catalogue, &units, options).map_err(|e| vec![about_all(&e)])
}

/// All units, lowered.
struct Lowered {
    dag: Dag,
    roots: Vec<Root>,
    marked: Vec<Vec<Marked>>,
}

/// Passes, placement and schedule over the DAG of all units.
fn finish(
    Lowered { mut dag, mut roots, marked }: Lowered,
    recorded_names: BTreeSet<String>,
    catalogue: &Catalogue,
    units: &[Unit<'_>],
    options: &Options,
) -> Result<Compiled, ScheduleError> {
    let kept = prune(&mut dag);
    warm(&mut dag);
    let placed = place(
        &dag,
        &PlaceOptions {
            entity_labels: options.entity_labels.clone(),
            recorded_names: recorded_names.clone(),
            exchange_everywhere: options.exchange_everywhere,
        },
    );
    let Assembled { mut program, number, stages } = assemble(placed.nodes, &dag, options.max_stages)?;
    let number = |n: NodeIdx| number[placed.number[n]];
    let identities = by_identity(&dag, &program.nodes, number);
    for (root, marked) in roots.iter_mut().zip(&marked) {
        let at = |n: NodeIdx| number(kept[n]);
        (root.effect, root.tap) = (root.effect.map(at), root.tap.map(at));
        let effects: Vec<NodeIdx> = root.effect.into_iter().chain(root.tap).collect();
        set_sites(&mut program.nodes, &effects, marked, &identities);
    }
    fuse(&mut program.nodes, &stages);
    let horizon = horizons(&program.nodes, &program.selectors, &groups(catalogue, &roots));
    let pins = pins(&program, &horizon.of);
    set_known(&mut program.nodes, &horizon, options.withhold_absence);
    let horizon = horizon.of;
    let program = Program {
        pins,
        recorded_names: recorded_names.into_iter().collect(),
        horizon_ms: horizon.values().copied().max().unwrap_or(0),
        tenant: options.tenant.clone(),
        entity_labels: options.entity_labels.clone(),
        external_labels: options.external_labels.clone(),
        external_url: options.external_url.clone(),
        leaves: options.leaves,
        delayed_names: options.delayed_names,
        hands_out: options.hands_out,
        limits: options.limits,
        ..program
    };
    let info = |unit: &Unit<'_>| {
        let Root { effect, tap, gives } = &roots[unit.index];
        let found = effect.or(*tap);
        let root = found.unwrap_or(0);
        RuleInfo {
            origin: unit.label(),
            root,
            tap: *tap,
            gives: gives.clone(),
            tag: unit.index,
            horizon_ms: horizon.get(&root).copied().unwrap_or(0),
            rounds: stages.rounds(root),
            nodes: found.map_or(0, |root| below(&program.nodes, root).len()),
        }
    };
    let rules = units.iter().filter(|u| u.again.is_none()).map(info).collect();
    Ok(Compiled { program, rules, stats: sharing(&dag) })
}

/// Tells alerts how long the samples have to be known that they may miss (`withhold`), and that they read at all.
fn set_known(nodes: &mut [Node], horizons: &Horizons, withhold: bool) {
    for (n, node) in nodes.iter_mut().enumerate() {
        if let Op::Alert(spec) = &mut node.op {
            spec.absence_ms = horizons.absence.get(&n).copied().filter(|_| withhold).unwrap_or(0);
            spec.reads_ms = horizons.of.get(&n).copied().unwrap_or(0);
        }
    }
}

/// Effects of the units that read each other, producers first.
fn groups(catalogue: &Catalogue, roots: &[Root]) -> Vec<Vec<NodeIdx>> {
    let effects = |members: &Vec<usize>| members.iter().filter_map(|u| roots[*u].effect.or(roots[*u].tap)).collect();
    catalogue.components.iter().map(effects).collect()
}

impl Compiled {
    /// A rule's or query's plan as text, shared nodes marked.
    pub fn explain(&self, index: usize) -> String {
        let Some(rule) = self.rules.get(index) else { return String::new() };
        let RuleInfo { origin, horizon_ms, rounds, root, .. } = rule;
        let horizon = duration(*horizon_ms);
        format!("{origin}: horizon {horizon}, {rounds} rounds\n{}", explain(&self.program, *root))
    }
}

fn about_all(error: &ScheduleError) -> LowerError {
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
    for node in &dag.nodes {
        let read = match &node.op {
            Op::Ring { .. } => true,
            Op::Alert(spec) => spec.producer.is_some(),
            Op::Record(spec) => spec.producer.is_some(),
            _ => false,
        };
        dag.grids[node.grid].warm |= read;
    }
    // An alert asks wherever it is evaluated.
    let Dag { nodes, grids, .. } = dag;
    for node in nodes.iter().filter(|n| matches!(n.op, Op::Alert(_))) {
        for asked in node.inputs.iter().skip(1) {
            grids[nodes[*asked].grid].warm |= grids[node.grid].warm;
        }
    }
}

//! The plan as the operators read it: rows of tables, without a timely type.
//!
//! # Position
//! dataflow/lower → dataflow/plan (passes, placement, schedule) → **program** → the interpreter in [`crate::evaluate`]
//!
//! A [`Program`] is data: serialisable, comparable, swapped as a whole at an epoch. The number of timely operators
//! does not depend on it. Workers run the same program in the same order.
//!
//! # Terms
//! * **node**: one row, identified by a 128-bit hash of (normalised expression, grid, semantics flags); its number in
//!   [`Program::nodes`] holds for this program only.
//! * **evaluation instant** `t`: the time at which an expression is evaluated; a rule's step is `s = t + query_offset`.
//! * **stage**: nodes that need no exchange between each other; a round of the loop runs one stage.
//! * **sending node**: a node whose input crosses workers. Its *send part* runs at the end of one stage, its *receive
//!   part* in a later one.

mod limits;
mod op;
mod order;
mod placement;
pub mod selector;

pub use limits::{Exceeded, Limits, MOST_REACH_MS};
pub use op::{
    AlertSpec, Cardinality, Grouping, LateSpec, Matching, Op, PinnedWindow, Reading, RecordSpec, ScalarSide, SetOp,
    Source, TapSpec, TemplateQuery,
};
pub use order::ResultOrder;
pub use placement::Placement;
pub use selector::{MatchOp, Matcher, ProducerRead, Selector};

use bellwether_model::{Labels, NodeId};
use serde::{Deserialize, Serialize};

/// Index into [`Program::nodes`].
pub type NodeIdx = usize;

/// Evaluation instants `k × interval + phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grid {
    /// Distance of two instants, ms; positive.
    pub interval_ms: i64,
    /// `0 <= phase < interval`, ms.
    pub phase_ms: i64,
    /// How far past `t` its nodes read (negative offsets), ms: `t` is ready when the watermark has reached
    /// `t + wait_ms`.
    pub wait_ms: i64,
    /// Whether its instants are evaluated in the warm-up before `--from` already: grids of subqueries and of
    /// recorded series.
    pub warm: bool,
    /// The only instants that are evaluated, `after < t <= upto` in ms, wherever the run's own bounds are: those that an
    /// `@` names, and what subqueries below it read. `None`: as the run goes.
    pub only: Option<(i64, i64)>,
    /// No instant is ready before the watermark has reached this one, because something that all of them read is
    /// fixed there by `@`, ms; `i64::MIN` where nothing is.
    pub not_before_ms: i64,
}

impl Grid {
    /// The instants `k × interval + phase` of a run, ready at once.
    pub fn of_run(interval_ms: i64, phase_ms: i64) -> Self {
        Self { interval_ms, phase_ms, wait_ms: 0, warm: false, only: None, not_before_ms: i64::MIN }
    }

    /// The watermark at which an instant can be evaluated, ms; no earlier than [`Grid::not_before_ms`].
    pub fn ready_ms(&self, t_ms: i64) -> i64 {
        t_ms.saturating_add(self.wait_ms)
    }

    /// The watermark at which an instant is evaluated, ms.
    pub fn runs_ms(&self, t_ms: i64) -> i64 {
        self.ready_ms(t_ms).max(self.not_before_ms)
    }
}

/// What `@` reads, wherever the steps of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// Oldest stamp that is read, ms.
    pub from_ms: i64,
    /// The watermark at which all of them are taken, ms.
    pub upto_ms: i64,
    /// Whether they read what rules produce, so that rules must be evaluated back to `from_ms`.
    pub warm: bool,
}

/// What a node's result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// One row, present at every instant, equal on all workers.
    Scalar,
    /// Elements with labels.
    Vector,
    /// Nothing: the node is there for its effect.
    Effect,
}

/// Where an expression stands that a node's note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    /// The node that may have something to say.
    pub node: NodeIdx,
    /// About which of its operands: the node's own numbering.
    pub operand: u8,
    /// Line of the operand's expression, and byte column, from 1; `None` where they are not known.
    pub place: Option<(u32, u32)>,
}

/// The operand of what a node has to say about native histograms. It says so of the elements and steps that are
/// computed: where a mask leaves some out, so do the notes, so that rules without histograms keep their masks.
pub const HISTOGRAMS: u8 = u8::MAX;

/// The operand of what is said of a sorted result, in vain because steps are many: nothing that a node finds out.
pub const SORTED: u8 = u8::MAX - 1;

/// One row of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Identity across programs: state is kept where it is equal.
    pub id: NodeId,
    /// What it computes.
    pub op: Op,
    /// Operands, in the order that [`Op`] documents; each has a smaller index, except across grids.
    pub inputs: Vec<NodeIdx>,
    /// Index into [`Program::grids`].
    pub grid: usize,
    /// Scalar, vector or effect.
    pub shape: Shape,
    /// Where an element of the result is.
    pub placement: Placement,
    /// How the input travels; `None` where everything needed is on the worker already.
    pub exchange: Option<Placement>,
    /// Whether two elements of the result may have one label set at one instant, which is an error
    /// ("vector cannot contain metrics with the same labelset") that the node must look for.
    pub check_unique: bool,
    /// Whether the node can raise an error and so takes part in the verdict protocol.
    pub fallible: bool,
    /// For effects: the fallible nodes that it contains, itself included; an error of any of them fails it.
    pub verdicts: Vec<NodeIdx>,
    /// Whether a rule that contains it wants to know what the node has to say: only then it says anything.
    pub notes: bool,
    /// Whether that is about floats as well: then all elements are computed, whatever reads them.
    pub notes_floats: bool,
    /// For effects: where in the rule's expression the nodes stand that may have something to say.
    pub sites: Vec<Site>,
    /// Whether the result is written to a block of its own; else its only consumer pulls it row by row.
    pub materialize: bool,
    /// The expression in normal form, for `--explain` and for messages.
    pub text: String,
}

impl Node {
    /// A node as lowering knows it: everywhere, without exchange, verdicts and notes, with a block of its own.
    pub fn new(id: NodeId, op: Op, inputs: Vec<NodeIdx>, grid: usize, shape: Shape, text: String) -> Self {
        Self {
            id,
            op,
            inputs,
            grid,
            shape,
            placement: Placement::Replicated,
            exchange: None,
            check_unique: false,
            fallible: false,
            verdicts: Vec::new(),
            notes: false,
            notes_floats: false,
            sites: Vec::new(),
            materialize: true,
            text,
        }
    }
}

/// Nodes that run in one round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Evaluated (for sending nodes: received and finished), in this order.
    pub eval: Vec<NodeIdx>,
    /// Send parts, run after `eval`. They arrive before the next stage. The partial verdict of a fallible node leaves
    /// with the stage that lists it in `send`, or else in `eval`; the joint verdict is there two stages later.
    pub send: Vec<NodeIdx>,
}

/// Stages that run together over the instants of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// A strongly connected component runs instant by instant, in the order in which they are ready: all its stages for
    /// the first, then for the next; everything else runs whole blocks.
    pub stepwise: bool,
    /// In order.
    pub stages: Vec<Stage>,
}

/// A compiled rule set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// All nodes; inputs before their readers.
    pub nodes: Vec<Node>,
    /// All grids.
    pub grids: Vec<Grid>,
    /// All selectors.
    pub selectors: Vec<Selector>,
    /// Names that loaded rules record; ingested series of these names are not evaluated.
    pub recorded_names: Vec<String>,
    /// The order of evaluation.
    pub phases: Vec<Phase>,
    /// How far back the deepest rule reads, ms: warm-up of a backtest, what a restart reads again.
    pub horizon_ms: i64,
    /// What is read at fixed instants, if anything is.
    pub pins: Option<Pins>,
    /// Tenant of the rules.
    pub tenant: String,
    /// Labels that place ingested series.
    pub entity_labels: Vec<String>,
    /// Labels that this server adds to everything it sends: templates see them.
    pub external_labels: Labels,
    /// Where users reach this server: templates see it.
    pub external_url: String,
    /// Whether operators leave names where they are, for an [`Op::DropName`] behind the whole expression.
    pub delayed_names: bool,
    /// Number of leaves of the aggregation tree that are in use: 64, or 1 where sums must run in label order over all
    /// elements (`bellwether test`).
    pub leaves: usize,
    /// Whether the series that rules write are handed out, those that nobody reads too.
    pub hands_out: bool,
    /// What may be taken while it runs.
    pub limits: Limits,
}

impl Program {
    /// Number of stages that an epoch with at most `steps` instants a grid runs through: its rounds.
    pub fn rounds(&self, steps: usize) -> usize {
        self.phases.iter().map(|p| p.stages.len() * if p.stepwise { steps } else { 1 }).sum()
    }

    /// The rules that contain a node, as `group/name`; recorded series by their name.
    pub fn rules_with(&self, node: NodeIdx) -> Vec<String> {
        let mut found = std::collections::BTreeSet::new();
        for (root, effect) in self.nodes.iter().enumerate() {
            if let Some(name) = effect.op.rule().filter(|_| self.below(root).contains(&node)) {
                found.insert(name);
            }
        }
        found.into_iter().collect()
    }

    /// The nodes that a node contains, itself included.
    pub fn below(&self, root: NodeIdx) -> std::collections::BTreeSet<NodeIdx> {
        let (mut seen, mut open) = (std::collections::BTreeSet::new(), vec![root]);
        while let Some(n) = open.pop() {
            if seen.insert(n) {
                open.extend(self.nodes[n].inputs.iter().copied().chain(self.nodes[n].op.sampled()));
            }
        }
        seen
    }

    /// How far a rule's instant lies before its step at most, ms.
    pub fn query_offset_ms(&self) -> i64 {
        self.nodes.iter().map(|n| n.op.query_offset_ms()).max().unwrap_or(0)
    }

    /// First instant of warm grids in a run whose first step is `from_ms`: the horizon, which `warm_up_ms` replaces, lies
    /// before the first instant of a rule.
    pub fn warm_from_ms(&self, from_ms: i64, warm_up_ms: Option<i64>) -> i64 {
        let pins = self.pins.filter(|p| p.warm).map_or(i64::MAX, |p| p.from_ms);
        let first_ms = from_ms.saturating_sub(self.query_offset_ms());
        first_ms.saturating_sub(warm_up_ms.unwrap_or(self.horizon_ms)).min(pins)
    }

    /// Oldest stamp that such a run reads, ms.
    pub fn read_from_ms(&self, from_ms: i64, warm_up_ms: Option<i64>) -> i64 {
        self.warm_from_ms(from_ms, warm_up_ms).min(self.pins.map_or(i64::MAX, |p| p.from_ms))
    }

    /// How far past a step of the run is read, ms.
    pub fn ahead_ms(&self) -> i64 {
        self.grids.iter().filter(|g| g.only.is_none()).map(|g| g.wait_ms).max().unwrap_or(0).max(0)
    }

    /// Newest stamp that a run reads whose last step is `to_ms`, ms.
    pub fn read_upto_ms(&self, to_ms: i64) -> i64 {
        let ahead_ms = self.grids.iter().map(|g| g.wait_ms).max().unwrap_or(0).max(0);
        to_ms.saturating_add(ahead_ms).max(self.pins.map_or(i64::MIN, |p| p.upto_ms))
    }
}

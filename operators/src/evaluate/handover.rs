//! State on its way from a node that a program swap removed to the node that goes on with it.
//!
//! # Semantics
//! An alerting or recording rule goes on with what the rule of the same file, group, name and constant labels left, as a
//! reload of Prometheus copies it; a subquery with the results of the same expression on the same grid. Alerts that
//! nobody goes on with are dropped: they end with a decision, but are not resolved. Series that are handed out and that nobody
//! goes on with get a stale marker at the instant that would have come next.
//!
//! # Time
//! State belongs to the worker that owns its labels under the *new* placement. Where a swap gives some node a
//! predecessor, the next evaluated epoch begins with one more round, in which every worker sends what is not its own any
//! more. Whether it does follows from the two programs, so all workers agree.
//!
//! # Limits
//! What a rule newly reads is there as far as samples are: a new subquery or recorded series fills from the swap on.

use super::Evaluator;
use super::alert::dropped;
use super::alert_series::kept_series;
use super::kept::Kept;
use super::node::Post;
use super::output::WrittenSample;
use super::packet::{Packet, Payload};
use super::view::View;
use crate::program::{AlertSpec, Node, NodeIdx, Op, Program};
use crate::window::SeriesStore;
use bellwether_model::{Labels, NodeId, Value, stale_nan};
use std::collections::{BTreeMap, HashMap, HashSet};

/// State whose node is gone.
#[derive(Debug)]
pub struct Leaving {
    /// Of an alert: its rule, and the last step that was evaluated, ms.
    pub alert: Option<(Box<AlertSpec>, i64)>,
    /// Where its series end if nobody goes on with them, ms; `None` where they are not handed out.
    pub ends_ms: Option<i64>,
    /// The state.
    pub kept: Kept,
}

/// Under what a node and its successor in another program agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Line {
    Alert(u128),
    Record(u128),
    Ring(NodeId),
    Pin(NodeId),
}

impl Leaving {
    /// The series that end with it.
    fn series(&self) -> Vec<Labels> {
        match (&self.kept, &self.alert) {
            (Kept::Record(kept), _) if kept.present => vec![kept.labels.clone()],
            (Kept::Alert(kept), Some((spec, _))) => {
                kept.series.iter().flat_map(|series| kept_series(spec, &kept.labels, series)).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Line {
    fn of_node(node: &Node, hands_out: bool) -> Option<Self> {
        match &node.op {
            Op::Alert(spec) => Some(Self::Alert(spec.rule_id)),
            // Where nobody wants the series nothing is kept.
            Op::Record(spec) => (hands_out || spec.producer.is_some()).then_some(Self::Record(spec.rule_id)),
            Op::Ring { of, .. } => Some(Self::Ring(*of)),
            Op::Pin { of, .. } => Some(Self::Pin(*of)),
            _ => None,
        }
    }

    fn of_state(kept: &Kept) -> Self {
        match kept {
            Kept::Alert(kept) => Self::Alert(kept.rule_id),
            Kept::Record(kept) => Self::Record(kept.rule_id),
            Kept::Ring(kept) => Self::Ring(kept.of),
            Kept::RingErrors(kept) => Self::Ring(kept.of),
            Kept::Pin(kept) => Self::Pin(kept.of),
            Kept::PinRow(kept) => Self::Pin(kept.of),
        }
    }
}

/// The nodes of a program that go on with state.
#[derive(Debug)]
pub struct Heirs(HashMap<Line, NodeIdx>);

impl Heirs {
    /// Those of a program.
    pub fn of(program: &Program) -> Self {
        let line = |(n, node): (NodeIdx, &Node)| Some((Line::of_node(node, program.hands_out)?, n));
        Self(program.nodes.iter().enumerate().filter_map(line).collect())
    }

    /// Who goes on with a piece of state.
    pub fn of_state(&self, kept: &Kept) -> Option<NodeIdx> {
        self.0.get(&Line::of_state(kept)).copied()
    }
}

/// How far a swap's state has come.
#[derive(Debug, Default)]
pub struct Handover {
    /// Whether the next epoch begins with the round in which workers send.
    is_due: bool,
    /// What belongs to another worker: (heir in the program in force, state).
    underway: Vec<(NodeIdx, Leaving)>,
}

impl Handover {
    /// What a checkpoint keeps of it.
    pub fn entries<'a>(&'a self, view: &'a View<'_>) -> impl Iterator<Item = (u16, Kept)> + use<'a> {
        let shard = |n: NodeIdx, kept: &Kept| Some(view.shard(&view.node(n).placement, kept.labels()?) as u16);
        self.underway.iter().filter_map(move |(n, leaving)| Some((shard(*n, &leaving.kept)?, leaving.kept.clone())))
    }
}

impl Evaluator {
    /// Finds out, before `next` is put in force, whether state will have to travel.
    pub(super) fn expect_handover(&mut self, next: &Program) {
        let stays: HashSet<NodeId> = self.program.nodes.iter().map(|n| n.id).collect();
        let before = Heirs::of(&self.program);
        let line = |node: &Node| Line::of_node(node, next.hands_out);
        let inherits = |node: &Node| line(node).is_some_and(|line| before.0.contains_key(&line));
        let moves = next.nodes.iter().any(|n| !stays.contains(&n.id) && inherits(n));
        self.handover.is_due |= moves && self.peers > 1;
    }

    /// Gives state to its heirs in the program that has just been put in force, and ends alerts that have none.
    pub(super) fn bequeath(&mut self, leaving: Vec<Leaving>, store: &mut SeriesStore) {
        let heirs = Heirs::of(&self.program);
        let before = std::mem::take(&mut self.handover.underway);
        for one in before.into_iter().map(|(_, one)| one).chain(leaving) {
            match (heirs.of_state(&one.kept), &one.alert, &one.kept) {
                (Some(n), _, kept) => {
                    let owner = |l| self.view().owner(&self.program.nodes[n].placement, l);
                    match kept.labels().is_none_or(|l| owner(l) == self.worker) {
                        true => self.restore_one(n, kept, store),
                        false => self.handover.underway.push((n, one)),
                    }
                }
                (None, alert, kept) => {
                    if let (Some((spec, s_ms)), Kept::Alert(kept)) = (alert, kept) {
                        self.farewell.extend(dropped(&self.program, spec, kept, *s_ms));
                    }
                    let Some(stamp_ms) = one.ends_ms else { continue };
                    let end = |labels| WrittenSample { labels, stamp_ms, value: Value::Float(stale_nan()) };
                    self.last_words.extend(one.series().into_iter().map(end));
                }
            }
        }
    }

    /// Sends state to its owners, if the epoch begins with that.
    pub(super) fn hand_over(&mut self, outgoing: &mut Vec<Packet>) -> bool {
        if !std::mem::take(&mut self.handover.is_due) {
            return false;
        }
        let mut lists: BTreeMap<(usize, NodeIdx), Vec<Kept>> = BTreeMap::new();
        for (n, leaving) in std::mem::take(&mut self.handover.underway) {
            let Some(labels) = leaving.kept.labels() else { continue };
            let owner = self.view().owner(&self.program.nodes[n].placement, labels);
            lists.entry((owner, n)).or_default().push(leaving.kept);
        }
        let mut post = Post { from: self.worker, peers: self.peers, out: outgoing };
        for ((owner, n), list) in lists {
            post.to(owner, n, Payload::Kept(list));
        }
        true
    }
}

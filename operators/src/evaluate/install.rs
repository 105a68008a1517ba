//! Puts a program in force, keeps and restores state.
//!
//! Nodes with equal ids keep their state and selectors with equal ids and producers keep their rows, so an unchanged
//! rule does not notice a swap; a node that a removed rule shared with others lives on. A rule that was edited, or whose
//! elements are placed elsewhere, is a new node: it takes over the state of the old one (module `handover`).

use super::Evaluator;
use super::aggregate::Aggregate;
use super::alert::Alert;
use super::broadcast::Broadcast;
use super::count_values::CountValues;
use super::effects::Effects;
use super::exchange::Exchange;
use super::handover::{Heirs, Leaving};
use super::histogram::HistogramEstimate;
use super::index::Index;
use super::info::Info;
use super::kept::{Kept, KeptState};
use super::limit_ratio::LimitRatio;
use super::matching::Binary;
use super::node::{Hands, NodeState};
use super::output::{EpochOutput, Twice, Unsettled};
use super::pin::Pin;
use super::record::Record;
use super::relabel::Relabel;
use super::ring::Ring;
use super::rowwise::Rowwise;
use super::scalar::{Absent, Scalar, ScalarOf, VectorOf};
use super::selectors::SelectorRows;
use super::set::Set;
use super::tap::Tap;
use super::topk::TopK;
use super::view::rows_of;
use crate::program::{NodeIdx, Op, Program};
use crate::window::SeriesStore;
use bellwether_model::{Block, NodeId, SHARDS, worker_of_shard};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The initial state of a node.
fn fresh(op: &Op) -> Box<dyn NodeState> {
    match op {
        Op::Number(_) | Op::Time | Op::ScalarBinary(_) | Op::ScalarMap(_) => Box::new(Scalar),
        Op::ScalarOf => Box::<ScalarOf>::default(),
        Op::VectorOf => Box::<VectorOf>::default(),
        Op::Instant { .. } | Op::Range { .. } | Op::Map(_) | Op::Arith { .. } | Op::HistogramStat(_) => {
            Box::<Rowwise>::default()
        }
        Op::Ring { .. } => Box::<Ring>::default(),
        Op::Pin { .. } => Box::<Pin>::default(),
        Op::LabelReplace { .. } | Op::LabelJoin { .. } | Op::DropName { .. } => Box::<Relabel>::default(),
        Op::Aggregate { .. } => Box::<Aggregate>::default(),
        Op::TopK { .. } => Box::<TopK>::default(),
        Op::LimitRatio => Box::<LimitRatio>::default(),
        Op::CountValues { .. } => Box::<CountValues>::default(),
        Op::Absent { .. } => Box::<Absent>::default(),
        Op::HistogramQuantile | Op::HistogramFraction => Box::<HistogramEstimate>::default(),
        Op::Binary { .. } => Box::<Binary>::default(),
        Op::Set { .. } => Box::<Set>::default(),
        Op::Info { .. } => Box::<Info>::default(),
        Op::Exchange => Box::<Exchange>::default(),
        Op::Broadcast(_) => Box::<Broadcast>::default(),
        Op::Alert(_) => Box::<Alert>::default(),
        Op::Record(_) => Box::<Record>::default(),
        Op::Tap(_) => Box::new(Tap),
    }
}

/// The rule of a second evaluation.
fn twice(op: &Op) -> Option<Twice> {
    let Op::Alert(spec) = op else { return None };
    let late = spec.late.as_ref().filter(|late| late.again && late.decides)?;
    Some(Twice { rule_id: late.rule_id, version: spec.version, within_ms: late.within_ms })
}

impl Evaluator {
    /// Puts a program in force at an epoch border.
    pub fn install(&mut self, program: Arc<Program>, store: &mut SeriesStore) {
        let leaving = self.leave(&program, store);
        self.expect_handover(&program);
        let mut old: HashMap<NodeId, Box<dyn NodeState>> = HashMap::new();
        for (node, state) in self.program.nodes.iter().zip(self.states.drain(..)) {
            if let Some(state) = state {
                old.insert(node.id, state);
            }
        }
        self.take_selectors(&program);
        self.costs.install(&program);
        self.states = program.nodes.iter().map(|n| Some(old.remove(&n.id).unwrap_or_else(|| fresh(&n.op)))).collect();
        self.rows_of = rows_of(&program);
        self.blocks = vec![Block::default(); program.nodes.len()];
        self.subs = vec![Block::default(); program.nodes.len()];
        let grids = &program.grids;
        self.done.retain(|g, _| grids.contains(g));
        store.ignore_names(&program.recorded_names);
        // A grid that was not there starts after what is final already: closed steps are not run again. One that was there
        // and has not begun waits for an `@`: all its instants are ahead.
        if self.times.watermark_ms > i64::MIN {
            for g in grids.iter().filter(|g| !self.program.grids.contains(g)) {
                let upto = self.times.watermark_ms.saturating_sub(g.wait_ms);
                self.done.entry(*g).or_insert(upto);
            }
        }
        self.program = program;
        self.twice = Some(self.program.nodes.iter().filter_map(|n| twice(&n.op)).collect());
        self.introduce(store);
        store.reset_retention(self.program.selectors.iter().map(|s| s.retain_ms).max().unwrap_or(0));
        for rows in &self.selectors {
            rows.live_slots().for_each(|slot| store.retain(slot, rows.retain_ms));
        }
        self.bequeath(leaving, store);
    }

    /// The same for a program with rules that were not in force before: they begin with what they would have kept by now. A
    /// rule that was edited keeps the alerts that it has, and learns of those that it would have beside them.
    pub fn install_warm(&mut self, program: Arc<Program>, warm: &[KeptState], store: &mut SeriesStore) {
        let (before, nodes) = (Heirs::of(&self.program), self.program.nodes.iter().map(|n| n.id));
        let stays: HashSet<NodeId> = nodes.collect();
        self.install(program, store);
        let heirs = Heirs::of(&self.program);
        for (shard, entry) in warm.iter().flat_map(|k| &k.entries) {
            let Some(n) = heirs.of_state(entry).filter(|n| !stays.contains(&self.program.nodes[*n].id)) else {
                continue;
            };
            let entry = match entry {
                Kept::Alert(kept) => &Kept::Alert(kept.untold()),
                // Its own state comes in, from here or from another worker.
                _ if before.of_state(entry).is_some() => continue,
                other => other,
            };
            if self.is_owner(n, *shard, entry) && !self.states[n].as_ref().is_some_and(|s| s.knows(entry)) {
                self.restore_one(n, entry, store);
            }
        }
    }

    /// Whether a piece of a node's state is this worker's.
    fn is_owner(&self, n: NodeIdx, shard: u16, entry: &Kept) -> bool {
        let owner = match entry.labels() {
            Some(labels) => self.view().owner(&self.program.nodes[n].placement, labels),
            None => worker_of_shard(usize::from(shard).min(SHARDS - 1), self.peers),
        };
        owner == self.worker
    }

    /// State of nodes that the new program does not have; their series go.
    fn leave(&mut self, next: &Program, store: &mut SeriesStore) -> Vec<Leaving> {
        let stays: HashSet<NodeId> = next.nodes.iter().map(|n| n.id).collect();
        let mut leaving = Vec::new();
        let mut slots = Vec::new();
        let view = self.view();
        for (n, node) in self.program.nodes.iter().enumerate().filter(|(_, node)| !stays.contains(&node.id)) {
            let Some(state) = &self.states[n] else { continue };
            let grid = &self.program.grids[node.grid];
            let done = self.done.get(grid).copied().unwrap_or(self.times.from_ms);
            let alert = match &node.op {
                Op::Alert(spec) => Some((spec.clone(), done + spec.query_offset_ms)),
                _ => None,
            };
            // The instant that comes next would see the series no more.
            let ends_ms = self.program.hands_out.then(|| done.saturating_add(grid.interval_ms));
            let kept = state.keep(&view, n, store).into_iter();
            leaving.extend(kept.map(|(_, kept)| Leaving { alert: alert.clone(), ends_ms, kept }));
            let producer = node.op.producer();
            slots.extend(state.slots().into_iter().map(|slot| (producer, slot)));
        }
        for (producer, slot) in slots {
            let readers = producer.map_or(&[][..], |p| self.index.readers(p));
            readers.iter().for_each(|at| self.selectors[*at].remove(slot));
            store.remove_produced(slot);
        }
        leaving
    }

    fn take_selectors(&mut self, program: &Program) {
        let taken = std::mem::take(&mut self.selectors);
        let mut old: HashMap<u128, SelectorRows> = taken.into_iter().map(|rows| (rows.id, rows)).collect();
        self.selectors = program
            .selectors
            .iter()
            .map(|s| match old.remove(&s.id) {
                Some(mut rows) => {
                    // Producers are numbered anew in each program; the id tells that they are the same ones.
                    rows.producers.clone_from(&s.producers);
                    rows.retain_ms = s.retain_ms;
                    rows
                }
                None => SelectorRows::new(s),
            })
            .collect();
        self.index = Index::new(program);
    }

    /// Tells new selectors of the series that rules have written already.
    fn introduce(&mut self, store: &SeriesStore) {
        for (node, state) in self.program.nodes.iter().zip(&self.states) {
            let (Some(producer), Some(state)) = (node.op.producer(), state) else { continue };
            for slot in state.slots() {
                let readers = self.index.readers(producer).iter();
                readers.for_each(|at| self.selectors[*at].offer(Some(producer), slot, store.labels(slot)));
            }
        }
    }

    /// What a checkpoint keeps of this worker.
    pub fn snapshot(&self, store: &SeriesStore) -> KeptState {
        let view = self.view();
        let states = self.states.iter().enumerate().filter_map(|(n, s)| Some((n, s.as_ref()?)));
        let mut entries: Vec<_> = states.flat_map(|(n, s)| s.keep(&view, n, store)).collect();
        entries.extend(self.handover.entries(&view));
        entries.sort_by_key(|e| e.0);
        let done = self.done.iter().map(|(g, t)| (*g, *t)).collect();
        KeptState { entries, done, reads_from_ms: self.retain_from_ms(), unsettled: Unsettled::default() }
    }

    /// Takes back kept state, from any number of workers and from another program: what is this worker's now.
    pub fn restore(&mut self, kept: &[KeptState], store: &mut SeriesStore) {
        for (grid, done) in kept.iter().flat_map(|k| &k.done) {
            self.done.insert(*grid, *done);
        }
        // Grids that the checkpoint does not know start where the others show that everything was final; those that
        // may still wait for an `@` have all their instants ahead.
        if let Some(final_ms) = self.done.iter().map(|(g, done)| done.saturating_add(g.wait_ms)).max() {
            for g in self.program.grids.iter().filter(|g| g.not_before_ms <= final_ms) {
                self.done.entry(*g).or_insert(final_ms.saturating_sub(g.wait_ms));
            }
        }
        let heirs = Heirs::of(&self.program);
        for (shard, entry) in kept.iter().flat_map(|k| &k.entries) {
            let Some(n) = heirs.of_state(entry) else { continue };
            if self.is_owner(n, *shard, entry) {
                self.restore_one(n, entry, store);
            }
        }
    }

    /// Gives node `n` state of its own, or of its predecessor in another program.
    pub(super) fn restore_one(&mut self, n: NodeIdx, entry: &Kept, store: &mut SeriesStore) {
        let Some(mut state) = self.states.get_mut(n).and_then(Option::take) else { return };
        let (board, mut output) = (std::mem::take(&mut self.board), EpochOutput::default());
        let mut effects = Effects {
            times: self.times,
            board: &board,
            answers: None,
            follows_alerts: false,
            output: &mut output,
            retain_from_ms: i64::MIN,
            after_ms: i64::MIN,
            producer: self.program.nodes[n].op.producer(),
            hands_out: self.handed_out(n),
            again: self.program.nodes[n].op.is_again(),
            published: Vec::new(),
            withdrawn: Vec::new(),
            absorbed: Vec::new(),
        };
        state.restore(&self.view(), n, entry, &mut Hands { store: &mut *store, effects: &mut effects });
        let news = effects.news();
        self.states[n] = Some(state);
        self.board = board;
        self.publish(news, store);
    }

    /// How many nodes keep their state if `program` is put in force.
    pub fn shared_with(&self, program: &Program) -> usize {
        let mine: HashSet<NodeId> = self.program.nodes.iter().map(|n| n.id).collect();
        program.nodes.iter().filter(|n| mine.contains(&n.id)).count()
    }
}

//! Interprets programs over step blocks: everything between the windows and the decisions, on one worker.
//!
//! # Position
//! store of samples, join candidates → **evaluate** → decisions, result vectors, errors
//!
//! ```text
//! stage 0          stage 1             stage 2        …
//! eval: leaves     eval: receive,      eval: …        rules are applied once the verdicts
//!       row-wise         finish               alert   of all their nodes are in
//!       match            match
//! send: partials,  send: verdict parts
//!       elements         ── joint ──▶
//! ```
//!
//! # Time
//! An epoch's instants follow from its binding; a stage is a round of the loop. A node is evaluated at most once an
//! epoch, over all its instants (members of a stepwise phase: once an instant). A waiting instant is state.
//!
//! # Errors
//! Expression errors are data ([`ExpressionError`]); nothing here stops the flow.

mod aggregate;
mod alert;
mod alert_series;
mod alert_text;
mod alert_update;
mod answers;
mod asked;
mod bounds;
mod broadcast;
mod cost;
mod count_values;
mod effects;
mod elements;
mod exchange;
mod factors;
mod groups;
mod handover;
mod histogram;
mod identity;
mod index;
mod info;
mod install;
mod instants;
mod kept;
mod leaf;
mod limit_ratio;
mod matching;
mod node;
mod notes;
mod output;
mod packet;
mod pin;
mod record;
mod relabel;
mod ring;
mod rowwise;
mod scalar;
mod schedule;
mod selectors;
mod senders;
mod set;
mod shared_elements;
mod tap;
mod topk;
mod unique;
mod verdict;
mod view;
mod whereabouts;

pub use alert_text::AlertText;
pub use answers::{Answers, Ask};
pub use asked::Asked;
pub use cost::RuleCost;
pub use kept::{Kept, KeptAlert, KeptPin, KeptPinRow, KeptRecord, KeptRing, KeptRingErrors, KeptSamples, KeptState};
pub use output::{
    AlertUpdate, Audited, EpochOutput, EpochTimes, ExpressionError, Twice, Unsettled, VectorRow, WrittenSample,
};
pub use packet::{Packet, PartialsPayload, Payload, RowsPayload, Verdict, VerdictPart};
pub use selectors::{Matchers, anchored};
pub use whereabouts::{Whereabouts, whereabouts};

use crate::program::{Grid, NodeIdx, Program, Shape};
use crate::window::{SeriesStore, Slot};
use bellwether_model::{Block, Decision, StepRange};
use cost::Costs;
use effects::{Effects, News};
use handover::Handover;
use index::Index;
use leaf::Context;
use node::{NodeState, Post};
use notes::Notes;
use schedule::Position;
use selectors::SelectorRows;
use std::collections::BTreeMap;
use std::sync::Arc;
use verdict::Board;
use view::{RowsOf, View};

/// One worker's interpreter. Called by the `evaluate` operator, always in this order for an epoch: `install` (if the
/// binding carries a new program), `candidate`…, and then `begin`, `stage` until it returns false, `finish`; or only `load`.
#[derive(Debug)]
pub struct Evaluator {
    worker: usize,
    peers: usize,
    program: Arc<Program>,
    rows_of: Vec<RowsOf>,
    states: Vec<Option<Box<dyn NodeState>>>,
    blocks: Vec<Block>,
    subs: Vec<Block>,
    selectors: Vec<SelectorRows>,
    index: Index,
    /// Last evaluated instant by grid.
    done: BTreeMap<Grid, i64>,
    times: EpochTimes,
    /// Oldest stamp that this epoch may read, ms: effects prune by it while readers of earlier instants are to come.
    reads_from_ms: i64,
    /// No grid has an instant in this epoch or later that is not newer, ms.
    after_ms: i64,
    steps: Vec<StepRange>,
    position: Position,
    /// Nodes looked at in this epoch.
    visited: u64,
    board: Board,
    notes: Notes,
    costs: Costs,
    output: EpochOutput,
    /// Rows that selectors got since the store was told how far back they are read.
    fresh_rows: Vec<(Slot, i64)>,
    /// State that goes to other workers.
    handover: Handover,
    /// Ends of alerts whose rules a swap removed: handed out with the next epoch.
    farewell: Vec<Decision>,
    /// Ends of their series, likewise.
    last_words: Vec<WrittenSample>,
    answers: Option<Arc<Answers>>,
    follows_alerts: bool,
    /// Rules that are evaluated twice, until the commit stage has heard of it.
    twice: Option<Vec<Twice>>,
    /// Packets that wait for the node that receives them.
    inbox: BTreeMap<NodeIdx, Vec<Packet>>,
}

impl Evaluator {
    /// An interpreter without a program.
    pub fn new(worker: usize, peers: usize) -> Self {
        Self {
            worker,
            peers,
            program: Arc::default(),
            rows_of: Vec::new(),
            states: Vec::new(),
            blocks: Vec::new(),
            subs: Vec::new(),
            selectors: Vec::new(),
            index: Index::default(),
            done: BTreeMap::new(),
            times: EpochTimes {
                epoch: 0,
                watermark_ms: i64::MIN,
                warm_from_ms: i64::MIN,
                from_ms: i64::MIN,
                to_ms: i64::MAX,
                history_ms: i64::MIN,
                lost: false,
            },
            reads_from_ms: i64::MIN,
            after_ms: i64::MIN,
            steps: Vec::new(),
            position: Position::default(),
            visited: 0,
            board: Board::default(),
            notes: Notes::default(),
            costs: Costs::default(),
            output: EpochOutput::default(),
            fresh_rows: Vec::new(),
            handover: Handover::default(),
            farewell: Vec::new(),
            last_words: Vec::new(),
            answers: None,
            follows_alerts: false,
            twice: None,
            inbox: BTreeMap::new(),
        }
    }

    /// The same, with answers to what templates query.
    pub fn with_answers(self, answers: Option<Arc<Answers>>) -> Self {
        Self { answers, ..self }
    }

    /// The same, and whether it tells what active alerts say between their transitions.
    pub fn following_alerts(self, follows_alerts: bool) -> Self {
        Self { follows_alerts, ..self }
    }

    /// The program in force.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// A series may match a selector (`diff` 1) or has left it (-1); the join knows it by one matcher only.
    pub fn candidate(&mut self, store: &SeriesStore, selector: u128, slot: Slot, diff: isize) {
        let Some(at) = self.index.selector(selector) else { return };
        let rows = &mut self.selectors[at];
        if diff < 0 {
            rows.remove(slot);
        } else if rows.matchers.accept(store.labels(slot)) {
            rows.add(slot, store.labels(slot), None);
            self.fresh_rows.push((slot, rows.retain_ms));
        }
        self.index.touch(at);
    }

    /// Nodes that the last epoch looked at: none where no grid had an instant, whatever the number of rules.
    pub fn visited(&self) -> u64 {
        self.visited
    }

    /// Begins an epoch: finds the instants of every grid.
    pub fn begin(&mut self, times: EpochTimes) {
        self.times = times;
        whereabouts::epoch(times.epoch, &self.program);
        let (decisions, written) = (std::mem::take(&mut self.farewell), std::mem::take(&mut self.last_words));
        let watermark_ms = times.watermark_ms;
        self.output = EpochOutput { decisions, written, watermark_ms, ..EpochOutput::default() };
        self.board.clear();
        self.notes.clear();
        self.visited = 0;
        self.inbox.clear();
        self.reads_from_ms = self.retain_from_ms();
        self.after_ms = self.evaluated_upto_ms();
        self.steps = self.program.grids.iter().map(|g| self.instants(g)).collect();
        if self.worker == 0 {
            self.output.twice = self.twice.take();
            self.output.instants = self.steps.iter().map(|s| s.count as u64).sum();
        }
        for (grid, steps) in self.program.grids.iter().zip(&self.steps) {
            if let Some(last) = steps.last_ms() {
                self.done.insert(*grid, last);
            }
        }
        self.position = Position::start(&self.program, &self.steps);
    }

    /// Tells the store how far back new rows are read, so that it keeps what an epoch without stages brought.
    pub fn load(&mut self, store: &mut SeriesStore) {
        self.fresh_rows.drain(..).for_each(|(slot, retain_ms)| store.retain(slot, retain_ms));
    }

    /// Runs the next stage; `incoming` is what arrived since the last one, sorted by (node, sender). Returns whether
    /// the epoch has a further stage.
    pub fn stage(&mut self, store: &mut SeriesStore, incoming: Vec<Packet>, outgoing: &mut Vec<Packet>) -> bool {
        self.load(store);
        if self.hand_over(outgoing) {
            return true;
        }
        self.receive(incoming, store);
        let program = Arc::clone(&self.program);
        let Some((phase, stage)) = self.position.current() else { return false };
        let stage = &program.phases[phase].stages[stage];
        self.visited += (stage.eval.len() + stage.send.len()) as u64;
        // Behind a limit that was hit there are blocks of other epochs only, and nothing of this one is handed out.
        let all = stage.eval.iter().map(|n| (*n, true)).chain(stage.send.iter().map(|n| (*n, false)));
        for (n, is_eval) in all {
            if self.output.exceeded.is_some() {
                break;
            }
            whereabouts::node(Some(n));
            if is_eval { self.eval(n, store, outgoing) } else { self.send(n, store, outgoing) }
        }
        whereabouts::node(None);
        let mut post = Post { from: self.worker, peers: self.peers, out: outgoing };
        self.board.conclude(&mut post);
        self.advance(&program, phase);
        self.position.current().is_some()
    }

    fn advance(&mut self, program: &Program, phase: usize) {
        if self.position.advance(program) {
            self.scatter(program, phase);
            if self.position.current().is_none_or(|(p, _)| p != phase) {
                self.board.settle();
            }
        }
    }

    /// Copies the results of a stepwise phase's instant into the blocks that later phases read.
    fn scatter(&mut self, program: &Program, phase: usize) {
        let instant = self.position.finished_instant();
        for stage in &program.phases[phase].stages {
            for n in &stage.eval {
                let (n, grid) = (*n, program.nodes[*n].grid);
                let Some(at) = instant.at[grid] else { continue };
                self.board.put_aside(n, at, self.steps[grid].count);
                let rows = self.subs[n].rows();
                if self.blocks[n].steps() != self.steps[grid].count || at == 0 {
                    self.blocks[n].reset(rows, self.steps[grid].count);
                }
                if self.blocks[n].rows() < rows {
                    self.blocks[n].resize(rows);
                }
                for row in 0..rows {
                    if let Some(value) = self.subs[n].row(row).value(0) {
                        self.blocks[n].row_mut(row).put(at, value);
                    }
                }
            }
        }
    }

    fn receive(&mut self, incoming: Vec<Packet>, store: &mut SeriesStore) {
        for packet in incoming {
            let n = packet.node as NodeIdx;
            match packet.payload {
                Payload::Part(part) => self.board.part(n, part),
                Payload::Joint(joint) => self.board.joint(n, joint),
                Payload::Kept(list) => list.iter().for_each(|kept| self.restore_one(n, kept, store)),
                payload => self.inbox.entry(n).or_default().push(Packet { payload, ..packet }),
            }
        }
    }

    fn context<'a>(&'a self, store: &'a SeriesStore) -> Context<'a> {
        Context { view: self.view(), store, notes: &self.notes, costs: &self.costs, answers: self.answers.as_deref() }
    }

    fn eval(&mut self, n: NodeIdx, store: &mut SeriesStore, outgoing: &mut Vec<Packet>) {
        let program = Arc::clone(&self.program);
        let node = &program.nodes[n];
        let member = self.position.instant().is_some();
        let inbox = self.inbox.remove(&n).unwrap_or_default();
        if self.view().steps(n).count == 0 {
            return;
        }
        // A leaf that its reader pulls row by row gives as many elements.
        if let Some(exceeded) = self.beyond_limit(n) {
            self.output.exceeded.get_or_insert(exceeded);
            return;
        }
        if !(node.materialize || node.shape != Shape::Vector) {
            return;
        }
        let Some(mut state) = self.states[n].take() else { return };
        if node.shape == Shape::Effect {
            state.receive(inbox);
            self.apply(n, state.as_mut(), store);
        } else {
            let blocks = if member { &mut self.subs } else { &mut self.blocks };
            let mut block = std::mem::take(&mut blocks[n]);
            let cx = self.context(store);
            let part = state.eval(&cx, n, inbox, &mut block);
            if member {
                self.subs[n] = block
            } else {
                self.blocks[n] = block
            }
            self.dispatch(n, part, outgoing);
        }
        self.states[n] = Some(state);
    }

    fn send(&mut self, n: NodeIdx, store: &SeriesStore, outgoing: &mut Vec<Packet>) {
        if self.view().steps(n).count == 0 {
            return;
        }
        let Some(mut state) = self.states[n].take() else { return };
        let cx = self.context(store);
        let mut post = Post { from: self.worker, peers: self.peers, out: outgoing };
        let part = state.send(&cx, n, &mut post);
        self.states[n] = Some(state);
        self.dispatch(n, part, outgoing);
    }

    /// Sends a fallible node's partial verdict to its home.
    fn dispatch(&mut self, n: NodeIdx, part: Option<VerdictPart>, outgoing: &mut Vec<Packet>) {
        let node = &self.program.nodes[n];
        if let Some(part) = part
            && node.fallible
        {
            let home = (node.id % self.peers as u128) as usize;
            Board::send(n, home, part, &mut Post { from: self.worker, peers: self.peers, out: outgoing });
        }
    }

    fn apply(&mut self, n: NodeIdx, state: &mut dyn NodeState, store: &mut SeriesStore) {
        let mut output = std::mem::take(&mut self.output);
        let mut effects = Effects {
            times: self.times,
            board: &self.board,
            answers: self.answers.as_deref(),
            follows_alerts: self.follows_alerts,
            output: &mut output,
            retain_from_ms: self.reads_from_ms,
            after_ms: self.after_ms,
            producer: self.program.nodes[n].op.producer(),
            hands_out: self.handed_out(n),
            again: self.program.nodes[n].op.is_again(),
            published: Vec::new(),
            withdrawn: Vec::new(),
            absorbed: Vec::new(),
        };
        state.apply(&self.view(), n, store, &mut effects);
        let news = effects.news();
        self.output = output;
        self.publish(news, store);
    }

    /// The stamps of a rule's samples that are handed out, ms: those of the run's own steps.
    fn handed_out(&self, n: NodeIdx) -> Option<(i64, i64)> {
        let (offset_ms, times) = (self.program.nodes[n].op.query_offset_ms(), &self.times);
        let stamps = (times.from_ms.saturating_sub(offset_ms), times.to_ms.saturating_sub(offset_ms));
        (self.program.hands_out && !self.program.nodes[n].op.is_again()).then_some(stamps)
    }

    /// Tells selectors of produced series that came or went.
    fn publish(&mut self, news: News, store: &mut SeriesStore) {
        // An ingested series that a rule takes over may be anybody's; that is rare.
        for slot in news.absorbed {
            self.selectors.iter_mut().for_each(|rows| rows.remove(slot));
        }
        let readers = news.producer.map_or(&[][..], |p| self.index.readers(p));
        for at in readers {
            let rows = &mut self.selectors[*at];
            news.published.iter().for_each(|(slot, labels)| rows.offer(news.producer, *slot, labels));
            news.withdrawn.iter().for_each(|slot| rows.remove(*slot));
        }
        for slot in news.withdrawn {
            store.remove_produced(slot);
        }
    }

    /// Ends an epoch and hands out what it gave.
    pub fn finish(&mut self, _store: &mut SeriesStore) -> EpochOutput {
        if self.output.exceeded.is_some() {
            return std::mem::take(&mut self.output);
        }
        if self.visited == 0 {
            // Only candidates came or went: what they changed is known.
            for at in self.index.take_touched() {
                self.selectors[at].elements.trim();
            }
            return std::mem::take(&mut self.output);
        }
        self.visited += self.states.len() as u64;
        self.index.take_touched();
        for rows in &mut self.selectors {
            rows.elements.trim();
        }
        for state in self.states.iter_mut().flatten() {
            if let Some(elements) = state.elements_mut() {
                elements.trim();
            }
        }
        self.output.annotations = notes::annotations(&self.notes, &self.view(), &self.board, self.times);
        let mut output = std::mem::take(&mut self.output);
        self.cost(&mut output);
        output
    }

    fn view(&self) -> View<'_> {
        View {
            program: &self.program,
            states: &self.states,
            rows_of: &self.rows_of,
            selectors: &self.selectors,
            blocks: &self.blocks,
            steps: &self.steps,
            subs: &self.subs,
            instant: self.position.instant(),
            worker: self.worker,
            peers: self.peers,
        }
    }
}

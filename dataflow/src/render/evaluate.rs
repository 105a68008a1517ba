//! `evaluate`: the interpreter's operator. Bindings, candidates and packets of other workers in; packets and results out.
//!
//! # Position
//! bindings, `select` → **evaluate** → `commit`; packets go round the loop and arrive one round later
//!
//! # Time
//! An epoch begins when its binding is there and the frontier of the candidates has passed (epoch, round 0): then the
//! worker's store holds its samples. A stage runs at (epoch, round), sends its packets there, and keeps the capability of
//! the next round, so no worker's frontier passes a round before all workers have sent. The next stage runs when the
//! frontier of the loop has passed its own round. All workers take the same number of rounds, because that follows from
//! program and binding. An epoch that only loads installs its program and candidates and runs no stage.
//!
//! # State
//! Inputs of the epochs in flight; everything else is the [`Evaluator`]'s.
//!
//! # Errors
//! An epoch with more rounds than a timestamp holds ends the run, on all workers at the same round; so does a limit that is
//! hit, once the worker that hit it has finished the epoch, before anything of it is handed out.

use super::control::Control;
use super::error::RunError;
use crate::time::{Binding, Time};
use bellwether_operators::evaluate::{EpochOutput, Evaluator, KeptState, Packet};
use bellwether_operators::ingest::WorkerState;
use bellwether_operators::program::Exceeded;
use bellwether_operators::select::Candidate;
use bellwether_operators::window::Slot;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::{Capability, ConnectLoop, Feedback};

/// What the operator shares with the worker that runs it.
#[derive(Clone)]
pub(super) struct Shared {
    pub state: WorkerState,
    pub evaluator: Rc<RefCell<Evaluator>>,
    pub progress: Rc<Cell<Progress>>,
    pub control: Arc<Control>,
    /// State to be taken back once the first program is in force.
    pub restore: Option<Arc<Vec<KeptState>>>,
}

/// How far the evaluation has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub epochs: u64,
    pub rounds: u64,
    /// The last epoch, and its watermark.
    pub last: Option<(u64, i64)>,
}

/// The epoch that is being evaluated, before the stage of `round`.
struct Active {
    binding: Binding,
    round: u64,
    packets: Capability<u64>,
    results: Capability<u64>,
}

/// What the next step of the operator is to send, under the capability that it had.
enum Step {
    /// Packets of a stage.
    Packets(Capability<u64>, Vec<Packet>),
    /// Results of an epoch.
    Results(Capability<u64>, Box<EpochOutput>),
    /// Nothing.
    Silent,
}

/// Candidates of an epoch, come (1) or gone (-1).
type Changes = Vec<((u128, Slot), isize)>;

struct Evaluation {
    shared: Shared,
    pending: BTreeMap<u64, Active>,
    candidates: BTreeMap<u64, Changes>,
    packets: BTreeMap<u64, Vec<Packet>>,
    active: Option<Active>,
}

/// Builds the operator and its loop; gives the results.
pub(super) fn evaluate<'scope>(
    bindings: StreamVec<'scope, u64, Binding>,
    candidates: StreamVec<'scope, u64, Candidate>,
    shared: Shared,
) -> StreamVec<'scope, u64, EpochOutput> {
    let scope = bindings.scope();
    let (feedback, cycle) = scope.feedback::<Vec<Packet>>(1);
    let mut builder = OperatorBuilder::new("Evaluate".to_owned(), scope);
    let mut bindings = builder.new_input(bindings, Pipeline);
    let mut candidates = builder.new_input(candidates, Pipeline);
    let mut arriving = builder.new_input(cycle, Exchange::new(|p: &Packet| u64::from(p.to)));
    let (leaving, packet_stream) = builder.new_output();
    let (results, result_stream) = builder.new_output();
    let mut leaving = OutputBuilder::<u64, CapacityContainerBuilder<Vec<Packet>>>::from(leaving);
    let mut results = OutputBuilder::<u64, CapacityContainerBuilder<Vec<EpochOutput>>>::from(results);
    packet_stream.connect_loop(feedback);
    builder.build(move |_| {
        let mut evaluation = Evaluation::new(shared);
        move |frontiers| {
            bindings.for_each(|cap, data| {
                for binding in data.drain(..) {
                    let time = Time::pack(binding.epoch(), 0);
                    let (packets, results) = (cap.delayed(&time, 0), cap.delayed(&time, 1));
                    evaluation.pending.insert(binding.epoch(), Active { binding, round: 0, packets, results });
                }
            });
            candidates.for_each(|_, data| {
                for (candidate, time, diff) in data.drain(..) {
                    evaluation.candidates.entry(Time::epoch(time)).or_default().push((candidate, diff));
                }
            });
            arriving.for_each(|cap, data| {
                if let Some(time) = cap.least() {
                    evaluation.packets.entry(*time).or_default().append(data);
                }
            });
            let is_open = |input: usize, time: u64| frontiers[input].less_equal(&time);
            while let Some(step) = evaluation.step(|time| is_open(1, time), |time| is_open(2, time)) {
                match step {
                    Step::Packets(cap, list) => leaving.activate().session(&cap).give_iterator(list.into_iter()),
                    Step::Results(cap, output) => results.activate().session(&cap).give(*output),
                    Step::Silent => {}
                }
            }
        }
    });
    result_stream
}

impl Evaluation {
    fn new(shared: Shared) -> Self {
        let (pending, candidates, packets) = Default::default();
        Self { shared, pending, candidates, packets, active: None }
    }

    /// Does the next thing that can be done: begins an epoch, or runs a stage. `None` where it must wait.
    fn step(&mut self, awaits_candidates: impl Fn(u64) -> bool, awaits_packets: impl Fn(u64) -> bool) -> Option<Step> {
        let Some(active) = self.active.take() else {
            let epoch = *self.pending.keys().next()?;
            if awaits_candidates(Time::pack(epoch, 0)) {
                return None;
            }
            let active = self.pending.remove(&epoch)?;
            return Some(self.begin(active));
        };
        if active.round > 0 && awaits_packets(Time::pack(active.binding.epoch(), active.round)) {
            self.active = Some(active);
            return None;
        }
        Some(self.stage(active))
    }

    fn begin(&mut self, active: Active) -> Step {
        let binding = &active.binding;
        let candidates = self.candidates.remove(&binding.epoch()).unwrap_or_default();
        if !self.shared.control.gate.admits(binding.epoch()) {
            self.shared.state.evaluated(binding.epoch(), None);
            return Step::Silent;
        }
        let mut evaluator = self.shared.evaluator.borrow_mut();
        let store = &mut self.shared.state.store.borrow_mut();
        if let Some(program) = &binding.program {
            match &binding.warm {
                Some(warm) => evaluator.install_warm(Arc::clone(program), warm, store),
                None => evaluator.install(Arc::clone(program), store),
            }
            if let Some(kept) = self.shared.restore.take() {
                evaluator.restore(&kept, store);
            }
        }
        for ((selector, slot), diff) in consolidated(candidates) {
            evaluator.candidate(store, selector, slot, diff);
        }
        if binding.load_only {
            evaluator.load(store);
            // A new program may read further back than the last evaluation did: what is loaded now must stay.
            let retain_from_ms = binding.program.is_some().then(|| evaluator.retain_from_ms());
            self.shared.done(binding, 0, retain_from_ms);
        } else {
            evaluator.begin(binding.times);
            self.active = Some(active);
        }
        Step::Silent
    }

    fn stage(&mut self, mut active: Active) -> Step {
        let epoch = active.binding.epoch();
        let mut incoming = self.packets.remove(&Time::pack(epoch, active.round)).unwrap_or_default();
        incoming.sort_by_key(|p| (p.node, p.from));
        let mut evaluator = self.shared.evaluator.borrow_mut();
        let store = &mut self.shared.state.store.borrow_mut();
        let mut outgoing = Vec::new();
        let goes_on = evaluator.stage(store, incoming, &mut outgoing);
        active.round += 1;
        if !goes_on {
            // What the last stage sends has no reader.
            let mut output = evaluator.finish(store);
            if let Some(Exceeded { limit, allowed, found, expression, rules }) = output.exceeded.take() {
                self.shared.control.gate.close(epoch);
                self.shared.control.fail(RunError::Limit { epoch, limit, allowed, found, expression, rules });
                self.shared.state.evaluated(epoch, None);
                return Step::Silent;
            }
            output.kept = active.binding.snapshot.then(|| evaluator.snapshot(store));
            self.shared.done(&active.binding, active.round, Some(evaluator.retain_from_ms()));
            return Step::Results(active.results, Box::new(output));
        }
        if active.round >= Time::LAST_ROUND {
            self.shared.control.gate.close(epoch);
            self.shared.control.fail(RunError::Rounds { epoch });
            self.shared.state.evaluated(epoch, None);
            return Step::Silent;
        }
        let now = active.packets.clone();
        let next = Time::pack(epoch, active.round);
        active.packets.downgrade(&next);
        active.results.downgrade(&next);
        self.active = Some(active);
        Step::Packets(now, outgoing)
    }
}

impl Shared {
    fn done(&self, binding: &Binding, rounds: u64, retain_from_ms: Option<i64>) {
        let mut progress = self.progress.get();
        progress.epochs += 1;
        progress.rounds += rounds;
        progress.last = Some((binding.epoch(), binding.times.watermark_ms));
        self.progress.set(progress);
        self.state.evaluated(binding.epoch(), retain_from_ms);
    }
}

/// Sums the changes of each candidate; sorted, so that the interpreter sees them in one order on every run.
fn consolidated(mut list: Changes) -> impl Iterator<Item = ((u128, Slot), isize)> {
    list.sort_unstable();
    let mut sums: Changes = Vec::with_capacity(list.len());
    for (candidate, diff) in list {
        match sums.last_mut() {
            Some((last, sum)) if *last == candidate => *sum += diff,
            _ => sums.push((candidate, diff)),
        }
    }
    sums.into_iter().filter(|(_, sum)| *sum != 0)
}

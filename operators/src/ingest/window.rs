//! `window`: runs in, windows filled; the join keys of series that came or went out.
//!
//! # Position
//! bindings, runs exchanged by shard → **window** → `select`; the worker's store on the side
//!
//! # Time
//! Batches are stashed until the frontier of the runs has passed their epoch, its binding is there, and `evaluate` is
//! done with the epoch before. Epochs are admitted in order; updates carry (epoch, round 0). The binding's capability is
//! held until then, so the frontier behind says when the store is filled.
//!
//! # State
//! Batches of epochs in flight; admission keeps these few. The rest is [`Intake`] and the store.

use super::intake::{Changes, Intake};
use super::{Binding, Time, WorkerState};
use crate::exchange::RunBatch;
use crate::window::Slot;
use std::collections::BTreeMap;
use timely::dataflow::channels::pact::{ParallelizationContract, Pipeline};
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{Stream, StreamVec};

/// (join key, slot) at a time, come or gone.
pub type PairUpdate = ((u64, Slot), u64, isize);

/// A metric name at a time, and by how many series it changed.
pub type NameUpdate = (String, u64, isize);

/// A binding and the right to answer it on both outputs.
type Pending = (Binding, Capability<u64>, Capability<u64>);

struct Window {
    state: WorkerState,
    intake: Intake,
    pending: BTreeMap<u64, Pending>,
    batches: BTreeMap<u64, Vec<RunBatch>>,
    admitted: Option<u64>,
}

/// Builds the operator; gives the updates of join keys and of metric names.
pub fn window<'scope, P>(
    bindings: StreamVec<'scope, u64, Binding>,
    runs: Stream<'scope, u64, RunBatch>,
    pact: P,
    state: WorkerState,
) -> (StreamVec<'scope, u64, PairUpdate>, StreamVec<'scope, u64, NameUpdate>)
where
    P: ParallelizationContract<u64, RunBatch>,
{
    let scope = bindings.scope();
    let mut builder = OperatorBuilder::new("Window".to_owned(), scope);
    state.wake(scope.activator_for(builder.operator_info().address));
    let mut bindings = builder.new_input(bindings, Pipeline);
    let mut runs = builder.new_input(runs, pact);
    let (pairs, pair_stream) = builder.new_output::<Vec<PairUpdate>>();
    let (names, name_stream) = builder.new_output::<Vec<NameUpdate>>();
    let mut pairs = OutputBuilder::from(pairs);
    let mut names = OutputBuilder::from(names);
    builder.build(move |_| {
        let mut window = Window::new(state);
        move |frontiers| {
            bindings.for_each(|cap, data| {
                for binding in data.drain(..) {
                    let time = Time::pack(binding.epoch(), 0);
                    let caps = (cap.delayed(&time, 0), cap.delayed(&time, 1));
                    window.pending.insert(binding.epoch(), (binding, caps.0, caps.1));
                }
            });
            runs.for_each(|cap, batch| {
                if batch.unreadable_bytes > 0 {
                    window.state.cannot_read(batch.unreadable_bytes);
                }
                if let Some(time) = cap.least() {
                    window.batches.entry(Time::epoch(*time)).or_default().push(std::mem::take(batch));
                }
            });
            while let Some((changes, of_pairs, of_names)) = window.next(|time| frontiers[1].less_equal(&time)) {
                let (mut pairs, mut names) = (pairs.activate(), names.activate());
                let time = *of_pairs.time();
                let list = changes.pairs.into_iter().map(|(pair, diff)| (pair, time, diff));
                pairs.session(&of_pairs).give_iterator(list);
                let list = changes.names.into_iter().map(|(name, diff)| (name, time, diff));
                names.session(&of_names).give_iterator(list);
            }
        }
    });
    (pair_stream, name_stream)
}

impl Window {
    fn new(state: WorkerState) -> Self {
        Self { state, intake: Intake::default(), pending: BTreeMap::new(), batches: BTreeMap::new(), admitted: None }
    }

    /// Admits the next epoch, if its runs are complete and the evaluation is done with the one before.
    fn next(&mut self, is_open: impl Fn(u64) -> bool) -> Option<(Changes, Capability<u64>, Capability<u64>)> {
        let epoch = *self.pending.keys().next()?;
        let waits = self.admitted.is_some_and(|last| !self.state.is_evaluated(last));
        if waits || is_open(Time::pack(epoch, 0)) {
            return None;
        }
        let (binding, pairs, names) = self.pending.remove(&epoch)?;
        let batches = self.batches.remove(&epoch).unwrap_or_default();
        let changes = if self.state.gate.admits(epoch) { self.admit(&binding, batches) } else { Changes::default() };
        self.admitted = Some(epoch);
        Some((changes, pairs, names))
    }

    fn admit(&mut self, binding: &Binding, batches: Vec<RunBatch>) -> Changes {
        let mut counters = self.state.counters.get();
        let bound_ms = self.state.retain_from_ms();
        let store = &mut self.state.store.borrow_mut();
        let changes = self.intake.epoch(store, binding, batches, bound_ms, &mut counters);
        self.state.counters.set(counters);
        changes
    }
}

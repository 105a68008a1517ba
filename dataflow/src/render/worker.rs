//! One worker's part of a run: feeds epochs as admission allows, steps the dataflow, ends with the others.

use super::build::{Built, build};
use super::commit::Committed;
use super::control::Control;
use super::error::RunError;
use super::evaluate::Progress;
use super::feed::{EpochFeed, Feed, Next};
use super::output::Output;
use super::run::RunConfig;
use crate::time::Time;
use bellwether_operators::evaluate::{KeptState, whereabouts};
use bellwether_operators::exchange::RunBatch;
use bellwether_operators::ingest::Counters;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use timely::worker::Worker;

/// How long a worker without work sleeps before it looks at the flags: nothing wakes it when another has panicked.
const TICK: Duration = Duration::from_millis(20);

/// What a worker has to say at its end.
pub(super) struct WorkerReport {
    pub last_fed: Option<u64>,
    pub counters: Counters,
    pub progress: Progress,
    pub committed: Committed,
    pub operators: usize,
    pub kept: Option<KeptState>,
}

/// Runs a worker; a panic anywhere in it becomes the run's error. `None` if it did not come to its end.
pub(super) fn work(
    worker: &mut Worker,
    config: &RunConfig,
    control: &Arc<Control>,
    make_feed: impl FnOnce(usize, usize) -> Box<dyn Feed>,
    output: Option<Box<dyn Output>>,
) -> Option<WorkerReport> {
    let index = worker.index();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let feed = make_feed(index, worker.peers());
        let mut built = build(worker, config, control, output);
        let last_fed = drive(worker, config, control, feed, &mut built)?;
        let snapshots = config.snapshot_at_end && !control.has_failed();
        Some(WorkerReport {
            last_fed,
            counters: built.state.counters.get(),
            progress: built.progress.get(),
            committed: *built.committed.borrow(),
            operators: built.operators,
            kept: snapshots.then(|| built.evaluator.borrow().snapshot(&built.state.store.borrow())),
        })
    }));
    let report = result.unwrap_or_else(|panic| {
        let message = message(panic.as_ref());
        control.abort(RunError::Panic { worker: index, message, whereabouts: whereabouts() });
        None
    });
    if report.is_none() {
        // Other workers' inputs may never close: without this timely would step the dataflow for ever.
        let drop_all = || worker.installed_dataflows().into_iter().for_each(|d| worker.drop_dataflow(d));
        drop(catch_unwind(AssertUnwindSafe(drop_all)));
    }
    report
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

/// Feeds and steps until the end; gives the last epoch that was fed, `None` if the run was aborted.
fn drive(
    worker: &mut Worker,
    config: &RunConfig,
    control: &Control,
    mut feed: Box<dyn Feed>,
    built: &mut Built,
) -> Option<Option<u64>> {
    let mut in_flight: VecDeque<u64> = VecDeque::new();
    let mut last = None;
    while !is_over(worker.index(), control, built) && !control.leaves_off() {
        while in_flight.front().is_some_and(|epoch| !built.probe.less_than(&Time::after(*epoch))) {
            in_flight.pop_front();
        }
        if in_flight.len() >= config.max_in_flight.max(1) {
            worker.step_or_park(Some(TICK));
            continue;
        }
        match next(feed.as_mut(), worker.index(), last) {
            Ok(Next::Epoch(epoch_feed)) => {
                let epoch = epoch_feed.binding.epoch();
                give(worker.index(), epoch_feed, built);
                in_flight.push_back(epoch);
                last = Some(epoch);
                worker.step();
            }
            Ok(Next::NotYet) => {
                worker.step_or_park(Some(TICK));
            }
            Ok(Next::End) => break,
            Err(error) => control.fail(error),
        }
    }
    // Before the inputs close: whoever sees them closed must see the gate closed too.
    control.gate.close(last.map_or(0, |epoch| epoch + 1));
    built.close();
    while !built.probe.done() {
        if is_over(worker.index(), control, built) {
            return None;
        }
        worker.step_or_park(Some(TICK));
    }
    (!control.is_aborted()).then_some(last)
}

/// Whether nobody waits for anybody any more; what could not be read is accounted for by no frontier.
fn is_over(worker: usize, control: &Control, built: &Built) -> bool {
    if let Some(bytes) = built.state.unreadable_bytes() {
        control.abort(RunError::Link { worker, bytes });
    }
    control.is_aborted()
}

fn next(feed: &mut dyn Feed, worker: usize, last: Option<u64>) -> Result<Next, RunError> {
    let next = feed.next().map_err(|error| RunError::Feed { worker, error })?;
    match (last, &next) {
        (Some(last), Next::Epoch(fed)) if fed.binding.epoch() <= last => {
            Err(RunError::EpochOrder { worker, epoch: fed.binding.epoch(), last })
        }
        _ => Ok(next),
    }
}

fn give(worker: usize, epoch_feed: EpochFeed, built: &mut Built) {
    let Some((bindings, runs)) = &mut built.inputs else { return };
    let epoch = epoch_feed.binding.epoch();
    bindings.advance_to(Time::pack(epoch, 0));
    runs.advance_to(Time::pack(epoch, 0));
    if worker == 0 {
        bindings.send(epoch_feed.binding);
    }
    for batch in epoch_feed.runs {
        runs.send_batch(&mut RunBatch::new(worker as u32, batch));
    }
    bindings.advance_to(Time::after(epoch));
    runs.advance_to(Time::after(epoch));
}

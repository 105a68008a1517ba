//! The warm start of rules: a rule that is added or edited begins with the state that it would have, had it been in force
//! all along.
//!
//! # Semantics
//! New rules, and the rules that they read, run in shadow over the log, and over the archive where the log does not reach back
//! far enough: a dataflow of their own, under the log's own bindings, whose decisions nobody sees. When it has come as far as the live run, the commit thread takes what it keeps
//! behind the last epoch, brings that to disk, and lets the next epoch's binding name it together with the new rules. So a
//! restart and a replay begin those rules with the same bytes. An alert that is active by then is told with the first step
//! that still sees it: its hold duration has run meanwhile.
//!
//! The windows of what was not read before are filled from the log too ([`Picker`]).
//!
//! # Limits
//! Shadow goes as far back as archive and log do. Nothing is evaluated before their oldest stamp and the lookback have gone by:
//! where there is no sample yet, nothing is absent.

mod begin;
mod changed;
mod file;
mod shadow;

#[cfg(test)]
mod tests;

pub(super) use file::WarmFiles;

use self::begin::Parts;
use super::commit::CommitterHandle;
use super::error::LiveError;
use super::feed::Placing;
use super::queue::Epoch;
use super::reads::Picker;
use super::rules::{RuleTable, RuleTables};
use bellwether_connectors::source::intake::{Dictionary, Rows};
use bellwether_connectors::source::log::{LogReader, LogView};
use bellwether_dataflow::time::Bound;
use bellwether_operators::evaluate::KeptState;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of epochs that wait for the shadow; beyond, it reads the log again.
const MOST_WAITING: usize = 256 << 20;

/// What rules begin with.
#[derive(Debug, Default)]
pub(super) struct Start {
    /// What they keep behind the last epoch.
    pub kept: Vec<KeptState>,
    /// What was in the log of series that nobody read.
    pub history: Vec<Rows>,
}

/// What a warm start is made from.
pub(super) struct Job {
    pub tables: RuleTables,
    pub table: RuleTable,
    /// In force now.
    pub before: RuleTable,
    pub log: LogView,
    /// The archive's folder, if there is one.
    pub archive: Option<PathBuf>,
    pub dictionary: Arc<Dictionary>,
    pub placing: Placing,
    pub watermark_ms: i64,
    /// When the run took its first sample, ms.
    pub begun_ms: i64,
    /// Woken when the shadow needs something or has it.
    pub commit: CommitterHandle,
}

/// An epoch on its way to the shadow.
type Passed = (Bound, Arc<Epoch>);

#[derive(Default)]
struct State {
    /// The shadow has nearly caught up and wants epochs as they come.
    wants_epochs: bool,
    /// The log at the moment from which on epochs are passed.
    rest: Option<LogReader>,
    passes: bool,
    passed: VecDeque<Passed>,
    waiting_bytes: usize,
    /// The last epoch that the shadow has evaluated, and what it keeps behind it.
    newest: Option<(u64, Vec<KeptState>)>,
    /// What was picked, by the epoch that it came with.
    history: Vec<(u64, Rows)>,
    failed: Option<String>,
}

/// Between the commit thread and the shadow.
#[derive(Default)]
struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
    cancelled: Arc<AtomicBool>,
}

impl Meeting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// Waits until there is something; `None` if it was cancelled.
    fn wait<T>(&self, mut take: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let mut state = self.state();
        loop {
            if self.is_cancelled() {
                return None;
            }
            if let Some(taken) = take(&mut state) {
                return Some(taken);
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(50));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The commit thread's side of a warm start.
pub(super) struct Warmer {
    meeting: Arc<Meeting>,
}

impl Warmer {
    /// Begins a warm start; `None` if no rule would notice.
    pub fn begin(job: Job) -> Result<Option<Self>, LiveError> {
        let parts = Parts::of(&job)?;
        let shadow = changed::shadow_of(&job, parts.as_ref())?;
        let picker = Picker::new(&job.table.program, &job.before.program, job.watermark_ms);
        if shadow.is_none() && picker.is_idle() {
            return Ok(None);
        }
        let meeting = Arc::<Meeting>::default();
        let (of_thread, commit) = (Arc::clone(&meeting), job.commit.clone());
        std::thread::spawn(move || {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                shadow::run(job, shadow, picker, parts, &of_thread).map_err(|e| e.to_string())
            }));
            if let Err(why) = done.unwrap_or_else(|_| Err("it panicked".to_owned())) {
                of_thread.state().failed = Some(why);
            }
            commit.poke();
        });
        Ok(Some(Self { meeting }))
    }

    /// Whether epochs are to be passed from now on, given the log as it is; to be asked between two epochs.
    pub fn serve(&self, log: impl FnOnce() -> LogReader) {
        let mut state = self.meeting.state();
        if std::mem::take(&mut state.wants_epochs) {
            state.rest = Some(log());
            state.passes = true;
            self.meeting.changed.notify_all();
        }
    }

    /// Passes an epoch that is durable.
    pub fn pass(&self, bound: &Bound, epoch: &Arc<Epoch>) {
        let mut state = self.meeting.state();
        if !state.passes {
            return;
        }
        state.waiting_bytes += epoch.bytes();
        if state.waiting_bytes > MOST_WAITING {
            // The shadow finds them in the log.
            state.passes = false;
            state.passed.clear();
            state.waiting_bytes = 0;
        } else {
            state.passed.push_back((bound.clone(), Arc::clone(epoch)));
        }
        self.meeting.changed.notify_all();
    }

    /// What rules begin with behind an epoch; `None` as long as the shadow has not come there. `patience`: how long to wait
    /// for a shadow that is close.
    pub fn take(&self, last_epoch: u64, patience: Duration) -> Result<Option<Start>, String> {
        let mut state = self.meeting.state();
        if state.newest.as_ref().is_none_or(|(epoch, _)| *epoch < last_epoch) && !patience.is_zero() && state.passes {
            let waits = |s: &mut State| s.failed.is_none() && s.newest.as_ref().is_none_or(|n| n.0 < last_epoch);
            let waited = self.meeting.changed.wait_timeout_while(state, patience, waits);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if let Some(why) = state.failed.take() {
            return Err(why);
        }
        if state.newest.as_ref().is_none_or(|(epoch, _)| *epoch != last_epoch) {
            return Ok(None);
        }
        let kept = state.newest.take().map(|(_, kept)| kept).unwrap_or_default();
        let history = std::mem::take(&mut state.history);
        let history = history.into_iter().filter(|(epoch, _)| *epoch <= last_epoch).map(|(_, rows)| rows).collect();
        Ok(Some(Start { kept, history: super::reads::by_series(history) }))
    }
}

impl Drop for Warmer {
    /// Ends it, wherever it is; nobody waits for that, because it only reads.
    fn drop(&mut self) {
        self.meeting.cancelled.store(true, Ordering::SeqCst);
        self.meeting.changed.notify_all();
    }
}

//! How workers end together.
//!
//! # Semantics
//! * **stop**: the user asks for an end. Each worker closes the gate at its next epoch, then its inputs; epochs that all
//!   have fed go through.
//! * **fail**: the same, and the first error is kept. What the failed epoch gave is not handed out.
//! * **abort**: a worker has panicked and will not answer any more: the others drop their dataflows and go.

use super::error::RunError;
use bellwether_operators::ingest::Gate;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by all workers of a run.
#[derive(Debug)]
pub(super) struct Control {
    /// Which epochs are whole.
    pub gate: Gate,
    stop: Arc<AtomicBool>,
    /// Whether some worker left off before its input ended.
    stopped: AtomicBool,
    failed: AtomicBool,
    aborted: AtomicBool,
    error: Mutex<Option<RunError>>,
}

impl Control {
    /// A run that listens to a stop flag.
    pub fn new(stop: Arc<AtomicBool>) -> Self {
        Self {
            gate: Gate::default(),
            stop,
            stopped: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            error: Mutex::new(None),
        }
    }

    /// Keeps the first error and lets every worker end.
    pub fn fail(&self, error: RunError) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.failed.store(true, Ordering::SeqCst);
    }

    /// As [`Control::fail`], and nobody waits for anybody any more.
    pub fn abort(&self, error: RunError) {
        self.fail(error);
        self.aborted.store(true, Ordering::SeqCst);
    }

    /// Whether to feed no further epoch. `true` marks the run as stopped.
    pub fn leaves_off(&self) -> bool {
        let now = self.stop.load(Ordering::SeqCst) || self.has_failed();
        if now {
            self.stopped.store(true, Ordering::SeqCst);
        }
        now
    }

    /// Whether something has failed.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Whether to drop everything.
    pub fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::SeqCst)
    }

    /// Whether some worker left off before its input ended.
    pub fn was_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// The first error.
    pub fn take_error(&self) -> Option<RunError> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

//! What the operators of one worker share.
//!
//! # Semantics
//! `window` writes the store and `evaluate` reads it, as an arrangement's trace is shared: `evaluate` begins an epoch
//! only after the frontier says that `window` is done with it, and `window` begins the next one only after `evaluate` is
//! done with the last, because a late sample of the next epoch must not reach its steps.

use super::{Counters, Gate};
use crate::window::SeriesStore;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use timely::scheduling::Activator;

/// Shared by `window` and `evaluate` of a worker; cloning shares it.
#[derive(Clone, Debug)]
pub struct WorkerState {
    /// Samples by series.
    pub store: Rc<RefCell<SeriesStore>>,
    /// Which epochs are whole.
    pub gate: Gate,
    /// What admission counted.
    pub counters: Rc<Cell<Counters>>,
    /// The oldest stamp that a later evaluation may read, ms, as `evaluate` found at the end of its last epoch.
    retain_from_ms: Rc<Cell<i64>>,
    /// The first epoch that `evaluate` is not done with.
    open_epoch: Rc<Cell<u64>>,
    window: Rc<RefCell<Option<Activator>>>,
    unreadable_bytes: Rc<Cell<usize>>,
}

impl WorkerState {
    /// The state of a worker that has seen nothing.
    pub fn new(gate: Gate) -> Self {
        Self {
            store: Rc::new(RefCell::new(SeriesStore::default())),
            gate,
            counters: Rc::default(),
            retain_from_ms: Rc::new(Cell::new(i64::MIN)),
            open_epoch: Rc::default(),
            window: Rc::default(),
            unreadable_bytes: Rc::default(),
        }
    }

    /// Length of what came from another worker and is no batch of runs: the run must end.
    pub fn unreadable_bytes(&self) -> Option<usize> {
        Some(self.unreadable_bytes.get()).filter(|bytes| *bytes > 0)
    }

    pub(super) fn cannot_read(&self, bytes: usize) {
        self.unreadable_bytes.set(bytes);
    }

    /// `evaluate` is done with an epoch; from now on it may read stamps from `retain_from_ms` on.
    pub fn evaluated(&self, epoch: u64, retain_from_ms: Option<i64>) {
        if let Some(bound_ms) = retain_from_ms {
            self.retain_from_ms.set(bound_ms);
        }
        self.open_epoch.set(epoch + 1);
        if let Some(window) = self.window.borrow().as_ref() {
            window.activate();
        }
    }

    /// The oldest stamp that a later evaluation may read, ms.
    pub fn retain_from_ms(&self) -> i64 {
        self.retain_from_ms.get()
    }

    /// Whether `evaluate` is done with an epoch.
    pub(super) fn is_evaluated(&self, epoch: u64) -> bool {
        epoch < self.open_epoch.get()
    }

    pub(super) fn wake(&self, window: Activator) {
        *self.window.borrow_mut() = Some(window);
    }
}

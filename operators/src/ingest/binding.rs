//! Bindings: all that an epoch knows of time and of the rules in force.
//!
//! # Semantics
//! Worker 0 sends the binding of an epoch to all workers; given the bindings, a run is a pure function of its input.
//! A backtest's bindings follow from event time alone. Live adds what its watermark came from (end offset, newest append
//! time and "at end" by partition, the wall clock, the hashes of plan and build, the previous binding's hash): these are
//! fields of the durable binding, of which this is what the dataflow reads.

use crate::evaluate::{EpochTimes, KeptState};
use crate::program::Program;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The binding of one epoch, as the dataflow reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// The epoch, its watermark and the bounds of evaluation.
    pub times: EpochTimes,
    /// The program in force from this epoch on; `None` where it stays.
    pub program: Option<Arc<Program>>,
    /// What rules that the program is the first to have would have kept by now, had they been in force all along.
    pub warm: Option<Arc<Vec<KeptState>>>,
    /// Batches with a lower number fill windows with what was there before: they are not counted.
    pub loads_before_seq: u64,
    /// Whether the epoch only loads samples: windows are rebuilt after a restart, no step is evaluated.
    pub load_only: bool,
    /// Whether kept state as it is behind this epoch goes out with its results: a checkpoint that stops nothing.
    pub snapshot: bool,
}

impl Binding {
    /// The binding of an epoch that is evaluated.
    pub fn new(times: EpochTimes, program: Option<Arc<Program>>) -> Self {
        Self { times, program, warm: None, loads_before_seq: 0, load_only: false, snapshot: false }
    }

    /// The epoch.
    pub fn epoch(&self) -> u64 {
        self.times.epoch
    }
}

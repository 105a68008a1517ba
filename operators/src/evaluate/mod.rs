//! (being written) Interprets programs over step blocks.
#![allow(missing_docs)]
mod output;
mod packet;

pub use output::{EpochOutput, EpochTimes, ExpressionError, VectorRow};
pub use packet::{Packet, PartialsPayload, Payload, RowsPayload, Verdict, VerdictPart};

use crate::program::Program;
use crate::window::{SeriesStore, Slot};
use std::sync::Arc;

/// One worker's interpreter. Called by the [evaluate] operator, always in this order for an epoch: `install` (if the
/// binding carries a new program), `candidate`…, `begin`, `stage` until it returns false, `finish`.
#[derive(Debug, Default)]
pub struct Evaluator {}

/// Kept state, by shard: what a checkpoint stores of the evaluator.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct KeptState {
    pub shards: Vec<(u16, Vec<u8>)>,
}

impl Evaluator {
    pub fn new(_worker: usize, _peers: usize) -> Self {
        Self {}
    }
    /// Puts a program in force: nodes with equal ids keep their state.
    pub fn install(&mut self, _program: Arc<Program>, _store: &mut SeriesStore) {}
    /// A series may match a selector (diff 1) or left it (-1); from the differential join, keyed by one matcher only.
    pub fn candidate(&mut self, _store: &SeriesStore, _selector: u128, _slot: Slot, _diff: isize) {}
    pub fn begin(&mut self, _times: EpochTimes) {}
    /// Runs the next stage; `incoming` is what arrived since the last one. False when the epoch has no further stage.
    pub fn stage(&mut self, _store: &mut SeriesStore, _incoming: Vec<Packet>, _outgoing: &mut Vec<Packet>) -> bool {
        false
    }
    pub fn finish(&mut self, _store: &mut SeriesStore) -> EpochOutput {
        EpochOutput::default()
    }
    /// Oldest stamp that a later evaluation may read, ms.
    pub fn retain_from_ms(&self) -> i64 {
        i64::MIN
    }
    pub fn snapshot(&self, _store: &SeriesStore) -> KeptState {
        KeptState::default()
    }
    pub fn restore(&mut self, _kept: &[KeptState], _store: &mut SeriesStore) {}
}

//! Sources: files of samples in, runs in time order out.
//!
//! # Position
//! files → `open` → one [`SampleSource`] a worker → ingest
//!
//! # Semantics
//! A source is read span by span: each call of [`SampleSource::read_upto`] hands out every sample of this worker's
//! share up to a stamp. What stands in time order is read as it stands; everything else is imported first, into an
//! [`archive`] in a temporary folder, and the caller is told so.
//!
//! # Errors
//! [`SourceError`] says what is wrong, where, and what to do about it. A damaged file is an error, never a panic.

pub mod archive;
mod error;
pub mod fleet;
mod group;
mod inputs;
pub mod intake;
pub mod log;
pub mod open;
pub mod openmetrics;
pub mod otlp;
pub mod parquet;
pub mod protobuf;
pub mod remote_write;
mod table;

pub(crate) use error::io_advice;
pub use error::{ErrorClass, SourceError};
pub use open::{OpenOptions, Opened, open, open_with_progress};

use bellwether_model::{Labels, Runs};
use std::sync::Arc;

/// Says which series somebody reads; the others may be skipped.
pub type Keep = Arc<dyn Fn(&Labels) -> bool + Send + Sync>;

/// A share of time-ordered samples: one instance a worker.
pub trait SampleSource: Send {
    /// The oldest and the newest stamp of the whole input, all workers' shares together; `None` if it is empty.
    fn span(&self) -> Option<(i64, i64)>;

    /// Appends all samples of this worker's share with a stamp of at most `upto_ms` that were not handed out yet;
    /// returns whether nothing is left. `upto_ms` must not fall from call to call.
    fn read_upto(&mut self, upto_ms: i64, out: &mut Vec<Runs>) -> Result<bool, SourceError>;

    /// Leaves out everything older than `from_ms`. To be called before the first read.
    fn seek(&mut self, from_ms: i64) -> Result<(), SourceError>;

    /// Samples of the whole input, all workers' shares together: for progress bars.
    fn total_samples(&self) -> u64;
}

/// How far a long piece of work has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `"reading"` or `"writing"`.
    pub phase: &'static str,
    /// Samples done in this phase.
    pub samples: u64,
    /// Samples there are, where that is known.
    pub total: Option<u64>,
}

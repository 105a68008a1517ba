//! Feeds: what a source hands to a worker, epoch by epoch.

use crate::time::Binding;
use bellwether_model::Runs;

/// One worker's input of an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochFeed {
    /// The epoch's binding; the same on all workers (worker 0's is sent).
    pub binding: Binding,
    /// This worker's runs, in log order: `seq` ascends, and a series' definition comes with or before its first run. The
    /// numbers of series are this worker's own.
    pub runs: Vec<Runs>,
}

/// What a feed has to give.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The next epoch.
    Epoch(EpochFeed),
    /// Nothing for now: the worker goes on with what it has and asks again, at the latest after some milliseconds. A live
    /// feed unparks the worker's thread (the one that asked) when there is more.
    NotYet,
    /// The input is over.
    End,
}

/// Input of one worker.
///
/// # Contract
/// * Epochs ascend, and all workers' feeds give the same epochs (asserted: [`super::RunError::FeedsDisagree`]).
/// * `next` is called on the worker's thread. It may block while it reads; other workers then wait for the epoch. Where
///   the epoch itself does not exist yet it says so ([`Next::NotYet`]) instead: the worker has others to serve.
pub trait Feed {
    /// The next epoch, if there is one.
    fn next(&mut self) -> Result<Next, FeedError>;
}

/// Why a feed cannot go on.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct FeedError(Box<dyn std::error::Error + Send + Sync>);

impl FeedError {
    /// Wraps a source's error.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// The source's error.
    pub fn into_inner(self) -> Box<dyn std::error::Error + Send + Sync> {
        self.0
    }
}

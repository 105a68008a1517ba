//! Why a run ended before its input did.

use super::feed::FeedError;
use super::output::OutputError;
use crate::time::Time;
use bellwether_operators::evaluate::Whereabouts;

/// Why a run failed. All of them mean: fix the cause and run again; a run that only hit a flaky source may be retried
/// as the source's own error says.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The workers could not be started.
    #[error("cannot start {workers} workers: {reason}")]
    Start {
        /// How many were asked for.
        workers: usize,
        /// What was in the way.
        reason: String,
    },
    /// A source failed.
    #[error("input of worker {worker}: {error}")]
    Feed {
        /// Whose feed.
        worker: usize,
        /// What it said.
        #[source]
        error: FeedError,
    },
    /// A sink failed.
    #[error("output of epoch {epoch}: {error}")]
    Output {
        /// The epoch that it did not take.
        epoch: u64,
        /// What it said.
        #[source]
        error: OutputError,
    },
    /// A sink could not be completed.
    #[error("end of the output: {error}")]
    Finish {
        /// What it said.
        #[source]
        error: OutputError,
    },
    /// Too many rounds for a timestamp.
    #[error("epoch {epoch} takes more than {} rounds: take shorter blocks", Time::LAST_ROUND - 1)]
    Rounds {
        /// The epoch.
        epoch: u64,
    },
    /// An expression takes more than the configuration allows.
    #[error("epoch {epoch}: {expression}{}: {found} {limit}, more than the limit {limit}={allowed}", of(rules))]
    Limit {
        /// The epoch.
        epoch: u64,
        /// The limit's name.
        limit: String,
        /// What it is set to.
        allowed: u64,
        /// What was asked for.
        found: u64,
        /// The expression.
        expression: String,
        /// The rules that contain it, as `group/name`.
        rules: Vec<String>,
    },
    /// A feed broke its contract.
    #[error("worker {worker}: epoch {epoch} follows epoch {last}")]
    EpochOrder {
        /// Whose feed.
        worker: usize,
        /// The epoch that it gave.
        epoch: u64,
        /// The epoch before.
        last: u64,
    },
    /// The feeds broke their contract.
    #[error("the workers' inputs end at different epochs: {last:?}")]
    FeedsDisagree {
        /// The last epoch of each worker.
        last: Vec<Option<u64>>,
    },
    /// Another worker sent what is no batch of runs.
    #[error(
        "worker {worker}: {bytes} bytes from another worker are no batch of runs: all workers must be of one build, and the \
         link between them must not change what it carries"
    )]
    Link {
        /// Who received them.
        worker: usize,
        /// How many they were.
        bytes: usize,
    },
    /// A bug.
    #[error("worker {worker} panicked{}: {message}", at(whereabouts.as_ref()))]
    Panic {
        /// Who.
        worker: usize,
        /// With what words.
        message: String,
        /// What it was doing, if it was evaluating.
        whereabouts: Option<Whereabouts>,
    },
}

fn of(rules: &[String]) -> String {
    if rules.is_empty() { String::new() } else { format!(" of {}", rules.join(", ")) }
}

fn at(whereabouts: Option<&Whereabouts>) -> String {
    whereabouts.map_or_else(String::new, |at| format!(" at {at}"))
}

impl RunError {
    /// The epoch that cannot be evaluated and the rules that it fails for, where it is the evaluation that failed: it would
    /// fail again.
    pub fn poison(&self) -> Option<(u64, &[String])> {
        match self {
            Self::Limit { epoch, rules, .. } => Some((*epoch, rules)),
            Self::Rounds { epoch } => Some((*epoch, &[])),
            Self::Panic { whereabouts: Some(at), .. } => Some((at.epoch, &at.rules)),
            _ => None,
        }
    }
}

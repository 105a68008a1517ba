//! Why a live run cannot begin or go on.

use super::api::rfc3339;
use bellwether_connectors::objects::ObjectsError;
use bellwether_connectors::sink::http::HttpError;
use bellwether_connectors::source::SourceError;
use bellwether_connectors::source::log::LogError;
use bellwether_dataflow::checkpoint::CheckpointError;
use bellwether_dataflow::render::RunError;
use bellwether_dataflow::rules::Diagnostic;
use std::io;
use std::path::Path;

/// Why a live run cannot begin or go on. All of them leave the folder as a restart wants it.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// Another process has the folder.
    #[error("{path} is in use by another process: stop that one, or give this one a folder of its own (--state)")]
    InUse {
        /// The folder.
        path: String,
    },
    /// The disk said no.
    #[error("{path}: {doing} failed: {source}")]
    Io {
        /// Where.
        path: String,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] SourceError),
    /// A checkpoint.
    #[error("{path}: {error}")]
    Checkpoint {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: CheckpointError,
    },
    /// A file of ours that is not what it has to be.
    #[error("{path}: {what}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// The bucket.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// The bucket cannot be read, and there is nothing else.
    #[error(
        "the state folder is empty, and whether another machine left something to go on from is not known: {source}. Start again \
         when the bucket answers, or without state.checkpoints to begin with nothing"
    )]
    NothingKnown {
        /// Why not.
        source: ObjectsError,
    },
    /// Another machine goes on from the bucket.
    #[error(
        "{place}: generation {theirs} has taken over{}, ours is {ours}. Let one process alone have this prefix. To go on from what \
         is there, stop the other one, move the state folder away and start on an empty one; to go on from this folder, give it \
         another prefix (state.checkpoints.url)", since(*.at_ms)
    )]
    Overtaken {
        /// The bucket.
        place: String,
        /// Our generation.
        ours: u64,
        /// The newer one.
        theirs: u64,
        /// When it was taken, ms; 0 where that is not known.
        at_ms: i64,
    },
    /// The folder is older than the bucket.
    #[error(
        "{place} has a checkpoint of epoch {remote}, and the state folder's last is of epoch {local}: the folder is an older copy. \
         Move it away and start on an empty one to go on from the bucket, or give it another prefix (state.checkpoints.url)"
    )]
    Behind {
        /// The bucket.
        place: String,
        /// The folder's epoch.
        local: u64,
        /// The bucket's.
        remote: u64,
    },
    /// What was set for a receiver of samples.
    #[error("remote_write: {0}")]
    Receiver(#[from] HttpError),
    /// Rules that do not compile.
    #[error("{} in the rules", .0.len())]
    Rules(Vec<Diagnostic>),
    /// The dataflow.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A replay did not give what was given before.
    #[error(
        "decision {position} of epoch {epoch} is {found} and was {written} before, under the same rules and build: this is a \
         defect. The folder is left as it is; please report it"
    )]
    Diverged {
        /// The epoch.
        epoch: u64,
        /// Its decision.
        position: u32,
        /// The id that the replay gave.
        found: String,
        /// The id in the ledger.
        written: String,
    },
    /// One epoch has brought the run down again and again.
    #[error(
        "{times} starts have died at one epoch, the last one so: {error}. Leave out what kills it, then start again:\n  \
         bellwether quarantine --state {state} {}\nor, once the cause is gone, try again: bellwether quarantine --state {state} --retry",
        remedy(rules)
    )]
    Poisoned {
        /// The epoch.
        epoch: u64,
        /// How often.
        times: u32,
        /// What the last one said.
        error: String,
        /// The rules that it failed for, as `group/name`.
        rules: Vec<String>,
        /// The state folder.
        state: String,
    },
    /// A thread ended that should not have.
    #[error("{what} ended: {reason}")]
    Ended {
        /// Which.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

/// When something was, for a sentence.
fn since(at_ms: i64) -> String {
    if at_ms == 0 { String::new() } else { format!(" at {}", rfc3339(at_ms)) }
}

fn remedy(rules: &[String]) -> String {
    if rules.is_empty() {
        return "--rule GROUP/NAME".to_owned();
    }
    rules.iter().map(|rule| format!("--rule {rule:?}")).collect::<Vec<_>>().join(" ")
}

impl LiveError {
    /// Wraps an I/O error.
    pub fn io(path: &Path, doing: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), doing, source }
    }
}

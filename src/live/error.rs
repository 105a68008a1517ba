//! Why a live run cannot begin or go on.

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
    /// A thread ended that should not have.
    #[error("{what} ended: {reason}")]
    Ended {
        /// Which.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

impl LiveError {
    /// Wraps an I/O error.
    pub fn io(path: &Path, doing: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), doing, source }
    }
}

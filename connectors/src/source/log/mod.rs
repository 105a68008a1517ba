//! The durable log: what was acknowledged, and the bindings that cut it into epochs.
//!
//! ```text
//! log/series                 label set of each number
//! log/0000000000000001.seg   frames; named by the number of its first one
//! ```
//!
//! # Position
//! push protocols → `Intake` → **log** → the dataflow; it stands where a Kafka topic would
//!
//! # Semantics
//! One writer. A commit writes one frame and brings it to disk with one fsync, which both acknowledges requests and mints an
//! epoch. Readers read segments in order; a binding covers the rows of its frame and of those before it that no binding
//! covers. Segments go once nothing needs their epochs or stamps any more.
//!
//! # Errors
//! [`LogError`]. An end that a crash tore is cut on opening and reported; damage before intact frames is an error that names
//! the file and the byte, because something acknowledged is gone. After a write or an fsync that failed the log takes
//! nothing more: the kernel may have dropped what it could not write.

mod frame;
mod reader;
mod scan;
mod segment;
mod series;
mod view;
mod writer;

#[cfg(test)]
mod tests;

pub use frame::{Bind, Frame, FrameError};
pub use reader::LogReader;
pub use scan::read_log;
pub use segment::Segment;
pub use view::LogView;
pub use writer::{Log, LogSpec, Opened};

use std::io;
use std::path::Path;

/// Why the log cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk said no.
    #[error("{path}: {doing} failed: {source}{}", crate::source::io_advice(source))]
    Io {
        /// Where.
        path: String,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Bits have changed.
    #[error(
        "{path} is damaged at byte {at}, and what follows is intact: acknowledged samples are lost. Restore the file from a copy, \
         or move the folder away to begin anew"
    )]
    Damaged {
        /// Where.
        path: String,
        /// The first byte that makes no sense.
        at: u64,
    },
    /// A segment is missing.
    #[error(
        "{path}: frame {expected} should be next and is not there: a segment is missing. Restore it, or move the folder away"
    )]
    Missing {
        /// The folder.
        path: String,
        /// The frame.
        expected: u64,
    },
    /// Another version wrote it.
    #[error("{path} has format version {found}, this build reads {}: use the build that wrote it", segment::VERSION)]
    Version {
        /// Where.
        path: String,
        /// Its version.
        found: u32,
    },
    /// A write failed before.
    #[error("the log failed before and takes nothing more: restart")]
    Broken,
    /// More rows in one commit than a frame holds.
    #[error("one commit holds more than a frame can")]
    TooLarge,
}

impl LogError {
    fn io(path: &Path, doing: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), doing, source }
    }
}

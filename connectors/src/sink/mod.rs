//! Sinks: decisions and vectors in, files out.
//!
//! # Position
//! decide → [`DecisionSink`] (Parquet or JSON lines); evaluate → [`VectorFile`], [`HistogramFile`] (Parquet)
//!
//! # Semantics
//! A file stands under its name only when it is whole: it is written beside it as `.NAME.partial`, brought to disk and
//! renamed. An output that exists is refused unless the caller says to replace it.
//!
//! # Errors
//! [`SinkError`]: a full disk, a refused output, an ending that stands for no format. A sink that failed writes nothing
//! more and leaves nothing behind.

mod alertmanager;
mod decisions;
mod elements;
mod error;
mod histograms;
pub mod http;
mod json;
mod jsonl;
mod partial;
pub mod protobuf;
mod push;
pub mod remote_write;
mod remote_writer;
mod vectors;

pub use alertmanager::{Alertmanager, MOST_ALERTS, Notification, NotifyError};
pub use decisions::DecisionFile;
pub use error::SinkError;
pub use histograms::HistogramFile;
pub use json::labels_json;
pub use jsonl::{JsonLines, append_line};
pub use partial::{IfExists, Output, PartialFile};
pub use push::{MOST_SAMPLES, Push, PushError};
pub use remote_writer::{RemoteWriter, WriteError, check_header};
pub use vectors::VectorFile;

use bellwether_model::decision::Placed;
use std::path::Path;

/// Takes decisions in canonical order.
pub trait DecisionSink: Send {
    /// Takes the next decisions.
    fn write(&mut self, decisions: &[Placed]) -> Result<(), SinkError>;

    /// Completes the output; returns the number of decisions in it. A sink that is dropped without this leaves nothing.
    fn finish(self: Box<Self>) -> Result<u64, SinkError>;
}

/// Opens the sink that a file's ending asks for: `.parquet`, or `.jsonl`, `.ndjson`, `.json` for JSON lines; `-` is JSON
/// lines to standard output.
pub fn open_decisions(path: &str, if_exists: IfExists) -> Result<Box<dyn DecisionSink>, SinkError> {
    if path == "-" {
        return Ok(Box::new(JsonLines::new(std::io::stdout(), "standard output")));
    }
    let path = Path::new(path);
    match path.extension().and_then(|e| e.to_str()).unwrap_or("") {
        "parquet" => Ok(Box::new(DecisionFile::new(PartialFile::create(path, if_exists)?, path.display())?)),
        "jsonl" | "ndjson" | "json" => {
            Ok(Box::new(JsonLines::new(PartialFile::create(path, if_exists)?, path.display())))
        }
        other => Err(SinkError::Format { place: path.display().to_string(), ending: other.to_owned() }),
    }
}

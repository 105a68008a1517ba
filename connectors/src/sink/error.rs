//! What can go wrong at a sink: what, where, and what to do.

use crate::source::{ErrorClass, io_advice};
use std::fmt::Display;
use std::io;

/// An error of a sink.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Writing failed.
    #[error("{place}: {doing} failed: {source}{}", io_advice(source))]
    Io {
        /// The output.
        place: String,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The output is there already.
    #[error("{path} exists already; choose another name, remove it, or ask to overwrite it")]
    Exists {
        /// The output.
        path: String,
    },
    /// The ending stands for no format.
    #[error("{place}: the ending '{ending}' stands for no format; use .parquet or .jsonl")]
    Format {
        /// The output.
        place: String,
        /// Its ending.
        ending: String,
    },
    /// The rows can't be written as Parquet.
    #[error("{place}: {what}")]
    Parquet {
        /// The output.
        place: String,
        /// What is wrong.
        what: String,
    },
}

impl SinkError {
    /// What the caller has to do.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ErrorClass::Retry,
                // Nobody reads any more.
                io::ErrorKind::BrokenPipe => ErrorClass::Stop,
                _ => ErrorClass::Fix,
            },
            Self::Exists { .. } | Self::Format { .. } => ErrorClass::Fix,
            Self::Parquet { .. } => ErrorClass::Stop,
        }
    }

    pub(crate) fn io(place: impl Display, doing: &'static str, source: io::Error) -> Self {
        Self::Io { place: place.to_string(), doing, source }
    }

    /// An error of the Parquet writer; an I/O error inside stays one.
    pub(crate) fn parquet(place: impl Display, e: parquet::errors::ParquetError) -> Self {
        let place = place.to_string();
        match e {
            parquet::errors::ParquetError::External(e) => match e.downcast::<io::Error>() {
                Ok(e) => Self::Io { place, doing: "writing", source: *e },
                Err(e) => Self::Parquet { place, what: e.to_string() },
            },
            other => Self::Parquet { place, what: other.to_string() },
        }
    }
}

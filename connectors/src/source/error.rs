//! What can go wrong at a source: what, where, and what to do.

use parquet::errors::ParquetError;
use std::io;
use std::path::Path;

/// What the caller has to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The same call may work later.
    Retry,
    /// The user has to change the input, the options or the machine.
    Fix,
    /// Nothing helps: stop.
    Stop,
}

/// An error of a source or of an import.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Reading or writing failed.
    #[error("{place}: {doing} failed: {source}{}", io_advice(source))]
    Io {
        /// File or folder.
        place: String,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The input is not what it has to be.
    #[error("{place}: {what}; {advice}")]
    Invalid {
        /// File, and line, row group or column where they are known.
        place: String,
        /// What is wrong.
        what: String,
        /// What to do about it.
        advice: String,
    },
    /// The output is there already.
    #[error("{path} exists already; choose another name or remove it first")]
    Exists {
        /// The output.
        path: String,
    },
}

impl SourceError {
    /// What the caller has to do.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ErrorClass::Retry,
                _ => ErrorClass::Fix,
            },
            Self::Invalid { .. } | Self::Exists { .. } => ErrorClass::Fix,
        }
    }

    pub(crate) fn io(path: &Path, doing: &'static str, source: io::Error) -> Self {
        Self::Io { place: path.display().to_string(), doing, source }
    }

    pub(crate) fn invalid(place: impl Into<String>, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Invalid { place: place.into(), what: what.into(), advice: advice.into() }
    }

    /// A Parquet file that can't be decoded; an I/O error inside stays one.
    pub(crate) fn parquet(place: impl Into<String>, error: ParquetError) -> Self {
        Self::of_parquet(place.into(), "reading", error, DAMAGED)
    }

    /// A Parquet file that can't be written; an I/O error inside stays one.
    pub(crate) fn parquet_writing(path: &Path, error: ParquetError) -> Self {
        Self::of_parquet(path.display().to_string(), "writing", error, "report this: it should not happen")
    }

    fn of_parquet(place: String, doing: &'static str, error: ParquetError, advice: &str) -> Self {
        match error {
            ParquetError::External(e) => match e.downcast::<io::Error>() {
                Ok(e) => Self::Io { place, doing, source: *e },
                Err(e) => Self::invalid(place, e.to_string(), advice),
            },
            other => Self::invalid(place, other.to_string(), advice),
        }
    }
}

/// What the user can do about an I/O error, if that is plain.
pub(crate) fn io_advice(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and run it again",
        io::ErrorKind::PermissionDenied => "; it may not be opened by this user",
        _ => "",
    }
}

pub(crate) const DAMAGED: &str = "the file is damaged or cut short: write or copy it again";

/// Runs a decoder that may panic on damaged input, and makes its panic an error.
pub(crate) fn guarded<T>(
    place: &dyn Fn() -> String,
    decode: impl FnOnce() -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    // What the closure leaves half-written is dropped by every caller together with the reader.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(SourceError::invalid(place(), "the decoder gave up on its content", DAMAGED)))
}

//! Objects in a bucket, as far as durable state needs them: so that tests can take a bucket that loses answers and fails.
//!
//! # Semantics
//! An object is there as a whole once a put has come back, for everybody. A put that gave an error may have worked all the
//! same: the answer may be what was lost. [`Objects::put_if_absent`] never replaces an object; where it says
//! [`Put::Exists`] there was one, or somebody else was putting one at that moment and may still fail, so the caller looks.
//!
//! # Errors
//! [`ObjectsError`] says where, what was tried, why it did not work, and what to do. Requests were tried again for a bounded
//! time before.

mod s3;
mod transport;

#[cfg(any(test, feature = "fault-disk"))]
pub mod memory;

pub use s3::{S3, S3Keys, S3Spec, bucket_and_prefix};

use std::fmt::Debug;

/// What became of putting an object where none may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is there.
    Made,
    /// There is another one, or somebody else is putting one at this moment.
    Exists,
}

/// Why the bucket did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectsError {
    /// What was set cannot be used.
    #[error("{place}: {reason}")]
    Settings {
        /// Which setting, file or address.
        place: String,
        /// Why not, and what to do; never a secret.
        reason: String,
    },
    /// It said no, or was not reached.
    #[error("{place}: {doing} failed: {reason}; {advice}")]
    Failed {
        /// The bucket.
        place: String,
        /// What was tried.
        doing: String,
        /// What it said.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
}

/// What durable state does with a bucket; keys are relative to a prefix.
pub trait Objects: Send + Sync + Debug {
    /// Where it is, for messages.
    fn place(&self) -> String;

    /// An object's bytes; `None` if there is none.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ObjectsError>;

    /// Puts an object; one of that name is replaced.
    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), ObjectsError>;

    /// Puts an object where there is none.
    fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> Result<Put, ObjectsError>;

    /// The first keys in a folder (`name/`), in order, without the folder; at most `most`, and a thousand.
    fn list(&self, folder: &str, most: usize) -> Result<Vec<String>, ObjectsError>;

    /// Removes an object; one that is not there is removed.
    fn delete(&self, key: &str) -> Result<(), ObjectsError>;
}

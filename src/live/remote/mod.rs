//! Checkpoints in a bucket: what a machine that has nothing needs to go on.
//!
//! ```text
//! gen/<g>                          who took generation g            put if absent, never removed
//! manifest/<n>                     which file the n-th checkpoint is  put if absent, never removed
//! data/<epoch>-<g>-<nonce>         manifest, rules, kept state        goes once two newer ones are committed
//! ```
//!
//! # Semantics
//! The local folder is the first place, the bucket the second: a thread of its own brings the newest local checkpoint there, at
//! most one an interval; what came in between is left out. The bucket never stops anything, with one exception: a process that
//! finds a newer generation there ends, because another machine goes on with what it had.
//!
//! A start mints a generation above that of the folder and of the bucket. An empty folder is filled from the bucket
//! ([`restore`]); a folder that has something wins over the bucket, unless the bucket knows a generation that the folder does
//! not: then the start is refused.
//!
//! Numbers in keys count down from the greatest, so the first key listed is the newest: a start, and a look whether somebody
//! has taken over, is one request for one key, however many checkpoints there were.
//!
//! # Errors
//! A put that failed may have worked. So what a key must hold alone has a nonce, and whoever gets an error, or hears that the key is
//! there, reads it: absent, try again; mine, done; somebody else's, they were first.
//!
//! # Limits
//! What only the log has is not in the bucket: samples, and decisions behind the last checkpoint. A checkpoint is one object.

mod bucket;
mod leader;
mod restore;
#[cfg(test)]
mod tests;
mod upload;

pub(super) use restore::{Joined, Remote};
pub(super) use upload::Uploader;

use bellwether_connectors::objects::Objects;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where checkpoints are brought beside.
#[derive(Clone, Debug)]
pub struct RemoteSpec {
    /// The bucket.
    pub objects: Arc<dyn Objects>,
    /// Least distance of two checkpoints there, ms.
    pub interval_ms: i64,
}

/// A checkpoint that a new machine would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteNews {
    /// The last epoch in it.
    pub epoch: u64,
    /// Wall clock of that epoch, ms: what came later is not in it.
    pub wall_ms: i64,
    /// Bytes of its file.
    pub bytes: u64,
    /// How long it took to upload, ms.
    pub took_ms: u64,
}

/// What came out of an empty folder and a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where it came from.
    pub place: String,
    /// The last epoch in it.
    pub epoch: u64,
    /// Wall clock of that epoch, ms.
    pub wall_ms: i64,
    /// Its watermark, ms, and the first step here: nobody evaluates what is between.
    pub missed_ms: (i64, i64),
}

/// What the uploads do, for metrics.
#[derive(Debug, Default)]
pub struct RemoteStats {
    /// The bucket.
    pub place: String,
    /// Uploads that failed and are tried again.
    pub failures: AtomicU64,
    last: Mutex<Option<RemoteNews>>,
    trouble: Mutex<Option<String>>,
    /// Whether the run ends in order, and the last checkpoint is to be brought there.
    ends_in_order: AtomicBool,
}

impl RemoteStats {
    /// The newest checkpoint there that this process knows of.
    pub fn last(&self) -> Option<RemoteNews> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the last attempt failed, if it did.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The run will end in order.
    pub(super) fn end_in_order(&self) {
        self.ends_in_order.store(true, Ordering::SeqCst);
    }

    fn note(&self, done: Result<Option<RemoteNews>, String>) {
        let trouble = match done {
            Ok(news) => {
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                *last = news.or(*last);
                None
            }
            Err(why) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                Some(why)
            }
        };
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

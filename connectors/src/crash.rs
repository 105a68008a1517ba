//! Named points at which a test ends the process, as `kill -9` would: the rows of the crash table.
//!
//! # Semantics
//! Where the environment says `BELLWETHER_CRASH_AT=NAME:N`, the N-th pass of the point NAME ends the process, without a
//! destructor or a flush. Only in builds with debug assertions: a release passes every point.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every point, in the order in which a sample passes them.
pub const CRASH_POINTS: [&str; 22] = [
    "start.generation",
    "replay.loaded",
    "replay.epoch",
    "log.series",
    "log.before-sync",
    "log.after-sync",
    "log.rotated",
    "commit.acknowledged",
    "ledger.before-sync",
    "ledger.after-sync",
    "forward.appended",
    "forward.sent",
    "checkpoint.before-file",
    "checkpoint.before-manifest",
    "checkpoint.after-manifest",
    "archive.before-part",
    "archive.before-manifest",
    "archive.after-manifest",
    "archive.merging",
    "archive.merged",
    "archive.before-sweep",
    "log.collected",
];

/// Ends the process here, if a test says so.
pub fn crash_point(name: &'static str) {
    if !cfg!(debug_assertions) {
        return;
    }
    static AT: OnceLock<Option<(String, AtomicU64)>> = OnceLock::new();
    let at = AT.get_or_init(|| {
        let text = std::env::var("BELLWETHER_CRASH_AT").ok()?;
        let (name, n) = text.rsplit_once(':')?;
        Some((name.to_owned(), AtomicU64::new(n.parse().ok()?)))
    });
    if let Some((wanted, left)) = at
        && wanted == name
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        std::process::abort();
    }
}

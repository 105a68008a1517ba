//! The live run: requests in, decisions out, nothing lost or doubled over a `kill -9`.
//!
//! ```text
//!  push protocols ─▶ Intake ─▶ [commit] ── one fsync: rows and binding ─▶ log
//!                                  │ epochs
//!                                  ▼
//!                               [queue] ─▶ feeds of the workers ─▶ dataflow ─▶ [output]
//!                                  ▲                                             │
//!                                  └── durable frontier ── [ledger] ◀────────────┘
//!                                        decisions, alerts, checkpoints
//! ```
//!
//! # Semantics
//! Threads beside the workers. **commit** owns the log and the clock: it writes what came, mints the binding of the
//! next epoch with it, and hands the epoch to the workers' feeds. **ledger** takes what the dataflow gives, writes decisions
//! to disk, keeps the alerts in force, and writes checkpoints. **archive** rolls what the log has into
//! Parquet, and the log goes only behind it. **replay** runs once, at the start: it reads back what the
//! last checkpoint does not hold. **uploads** brings checkpoints to a bucket, if there is one. Given the log, everything behind it is a pure function of it.
//!
//! # Errors
//! [`LiveError`]. What cannot be written ends the run; a restart goes on from what is on disk.

mod again;
pub mod api;
mod archive;
mod book;
mod clock;
mod commit;
mod costs;
mod deaths;
mod error;
mod exponential;
mod feed;
mod folder;
mod forward;
mod frames;
mod install;
mod latency;
mod ledger;
mod notify;
mod output;
mod pairs;
mod quarantine;
pub mod query;
mod queue;
mod reads;
mod remote;
mod replay;
mod rules;
mod run;
mod start;
mod store;
#[cfg(test)]
mod tests;
mod totals;
mod warm;

pub use again::{Arrival, replay_folder};
pub use archive::{ArchiveSpec, ArchiveStats};
pub use book::{Active, Book};
pub use clock::{ManualClock, SystemClock, WallClock};
pub use commit::{CommitStats, Committer, CommitterHandle};
pub use costs::{RuleCosts, RuleTotals};
pub use deaths::forget as forget_deaths;
pub use error::LiveError;
pub use folder::Folder;
pub use forward::{ForwardReceiver, ForwardSpec, Progress};
pub use latency::Latency;
pub use notify::{Notifier, NotifySource, NotifySpec, ReceiverSpec, ReceiverStats};
pub use output::{CheckpointNews, LedgerStats, SharedView, View};
pub use pairs::{PairSpec, ReplicaStats};
pub use quarantine::Quarantine;
pub use remote::{RemoteNews, RemoteSpec, RemoteStats, Restored};
pub use rules::{RuleTable, RuleTables};
pub use run::{LiveHandle, LiveRun, Reload};
pub use start::{LiveConfig, Started};
pub use store::Manifest;

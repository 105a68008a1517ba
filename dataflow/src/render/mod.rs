//! Builds the dataflow and runs it.
//!
//! ```text
//! bindings ─ broadcast ─┬────────────┬──────────────────┐
//! (worker 0)            ▼            ▼                  ▼
//! runs ─ by shard ─▶ `window` ─▶ `select` ─ slots ─▶ `evaluate` ─ results ─▶ `commit` ─▶ probe
//! (every worker)        └── store ──────────────────▶ │    ▲     to worker 0     │
//!                                                     └────┘                     ▼
//!                                      packets, by receiver, + 1 round         Output
//! ```
//!
//! # Semantics
//! One dataflow, the same on every worker, whatever the rules are: rules are rows. Its only loop is the feedback edge of
//! `evaluate`. Given the bindings and the input, what reaches the [`Output`] is the same for any number of workers.
//!
//! # Time
//! A timestamp is (epoch, round). At most [`RunConfig::max_in_flight`] epochs are between feed and output: timely's
//! queues know no bound, so admission is the only valve.
//!
//! # Errors
//! [`RunError`]: whatever fails on one worker, a panic included, ends all of them, and nothing of the epoch in which it
//! failed reaches the output.

mod build;
mod collect;
mod commit;
mod control;
mod corrections;
mod error;
mod evaluate;
mod feed;
mod output;
mod run;
#[cfg(test)]
mod tests;
mod vec_feed;
mod worker;

pub use collect::{Collect, Collected};
pub use error::RunError;
pub use feed::{EpochFeed, Feed, FeedError, Next};
pub use output::{MergedOutput, Output, OutputError};
pub use run::{Mode, RunConfig, RunReport, run};
pub use vec_feed::{VecFeed, VecSource};

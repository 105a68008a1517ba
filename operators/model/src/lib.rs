//! The vocabulary of every other crate: labels, samples, step blocks, decisions, hashes and ids.
//!
//! # Position
//! A leaf: it depends on no engine, no file format and no network type, so that sources, operators, sinks and
//! tests can share it.
//!
//! # Terms
//! * **series**: a tenant and a set of labels; identified between workers and in files by a [`SeriesId`].
//! * **sample**: a series, a timestamp in milliseconds and an `f64` or a native [`Histogram`]; NaN with the bits of
//!   [`STALE_NAN_BITS`] ends the series.
//! * **step block**: elements × steps of values with a presence mask ([`Block`]).
//! * **decision**: one transition of one alert at one step ([`Decision`]).

pub mod block;
pub mod civil;
pub mod column;
pub mod decision;
pub mod hash;
pub mod histogram;
pub mod labels;
pub mod runs;
pub mod sample;
pub mod shard;
pub mod steps;
pub mod xxh64;

pub use block::{Block, Row, RowMut};
pub use column::{HistogramColumn, Value};
pub use decision::{Decision, Transition};
pub use hash::{HASH_VERSION, hash64, hash128};
pub use histogram::Histogram;
pub use labels::{DROPPED, Labels, LabelsBuilder, METADATA, METRIC_NAME, is_metadata};
pub use runs::{HistogramSample, Run, Runs};
pub use sample::{STALE_NAN_BITS, Sample, is_stale, stale_nan};
pub use shard::{SHARDS, VNODES, shard_of_vnode, vnode, worker_of_shard, worker_shards};
pub use steps::StepRange;

/// A series between workers and in files: a 128-bit versioned hash of tenant and sorted labels.
pub type SeriesId = u128;

/// A plan node: a 128-bit hash of its normalised expression, grid and semantics flags.
pub type NodeId = u128;

//! Prometheus's test scripts: parsed, run against a query engine, counted.
//!
//! ```text
//! script ──parse──▶ commands ──runner──▶ storage (load, clear) ──▶ engine ──outcome──▶ verdict ──▶ report
//! ```
//!
//! # Semantics
//! The language is Prometheus's `promql/promqltest`: `load`, `clear` and `eval`, in their old (`eval_fail`) and new
//! (`expect fail`) forms. Annotations (`expect warn`, `expect info` and their like) are checked where the engine gives
//! any.
//!
//! # Limits
//! A series line that cannot be read is left out of the load and counted, an evaluation that expects such a series is counted
//! as not supported.

mod manifest;
mod nhcb;
// The one implementation of the notation. It is included, not depended on: the dataflow crate tests with this one.
#[path = "../../../../dataflow/src/unittest/notation.rs"]
pub mod notation;
mod parse;
mod runner;
mod starts;
mod storage;
mod verdict;

pub use manifest::{Manifest, ManifestError};
pub use notation::Value;
pub use parse::{ScriptError, parse_script};
pub use runner::{Counts, Failure, QueryEngine, QueryOutcome, Report, Runner};
pub use starts::Starts;
pub use storage::TestStorage;
pub use verdict::almost_equal;

use bellwether_model::Labels;
use std::collections::BTreeMap;

/// One command of a script.
#[derive(Clone, Debug)]
pub enum Command {
    /// Adds samples.
    Load(Load),
    /// Forgets all samples.
    Clear,
    /// Runs a query and compares.
    Eval(Eval),
}

/// A `load` command.
#[derive(Clone, Debug)]
pub struct Load {
    /// Line in the script, from 1.
    pub line: usize,
    /// Distance of two samples, ms.
    pub interval_ms: i64,
    /// Whether classic histograms are loaded as native ones too.
    pub with_nhcb: bool,
    /// The series.
    pub series: Vec<notation::Series>,
    /// Start timestamps of series that have any.
    pub starts: BTreeMap<Labels, Starts>,
    /// Series lines that could not be read.
    pub not_supported: Vec<String>,
}

/// When an `eval` command evaluates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvalTime {
    /// Once.
    Instant {
        /// The instant, ms.
        at_ms: i64,
    },
    /// At steps.
    Range {
        /// First step, ms.
        start_ms: i64,
        /// Last possible step, ms.
        end_ms: i64,
        /// Distance of two steps, ms.
        step_ms: i64,
    },
}

/// How an expected error is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailMatch {
    /// Any error.
    Any,
    /// An error with this text.
    Message(String),
    /// An error that matches this regular expression.
    Regex(String),
}

/// Annotations of one level that an `eval` command expects; without any line none are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// There must be none.
    pub none: bool,
    /// Each must match one of those that are there, and each of those one of these.
    pub some: Vec<FailMatch>,
}

/// What an `eval` command expects.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// One number: a scalar.
    Scalar(f64),
    /// A string.
    Text(String),
    /// Series, by their position; an instant query's series have one value.
    Series(Vec<(Labels, Vec<Option<Value>>)>),
}

/// An `eval` command.
#[derive(Clone, Debug)]
pub struct Eval {
    /// Line in the script, from 1.
    pub line: usize,
    /// The query.
    pub query: String,
    /// When.
    pub time: EvalTime,
    /// The expected error, if one is expected.
    pub fail: Option<FailMatch>,
    /// Whether the order of the result counts.
    pub ordered: bool,
    /// The expected warnings.
    pub warnings: Notes,
    /// The expected infos.
    pub infos: Notes,
    /// Stamps of an expected range vector: start, end and step in ms.
    pub range_vector: Option<(i64, i64, i64)>,
    /// The expected result.
    pub expected: Expected,
    /// An expected series that could not be read.
    pub unreadable: Option<String>,
}

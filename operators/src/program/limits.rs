//! What an expression may cost: limits that a configuration sets, each with the name by which messages call it.
//!
//! # Semantics
//! Some are known before any sample and refuse a rule when it is compiled; others are seen while a program runs and end the
//! run before the memory is taken. A limit that ends a run is an error of the run, not of the rule: nothing of its epoch
//! is handed out.

use serde::{Deserialize, Serialize};

/// How far back one selector may read, ms: what the 32-bit stamps of a series hold, less room for an epoch.
pub const MOST_REACH_MS: i64 = 45 * 86_400_000;

/// Limits of expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// `reach`: window and offset of one selector or subquery, ms; at most [`MOST_REACH_MS`].
    pub reach_ms: i64,
    /// `subquery-steps`: inner steps that one subquery holds for each element.
    pub subquery_steps: u64,
    /// `nodes`: plan nodes of one rule.
    pub nodes: usize,
    /// `elements`: series that one selector gives at a time, on one worker.
    pub elements: u64,
    /// `samples`: inner steps that one subquery holds for all its elements, on one worker.
    pub samples: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reach_ms: MOST_REACH_MS,
            subquery_steps: 1_000_000,
            nodes: 10_000,
            elements: 10_000_000,
            samples: 100_000_000,
        }
    }
}

/// A limit that a running program has hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceeded {
    /// The limit's name.
    pub limit: String,
    /// What it is set to.
    pub allowed: u64,
    /// What was asked for.
    pub found: u64,
    /// The expression that asks for it.
    pub expression: String,
    /// The rules that contain it, as `group/name`.
    pub rules: Vec<String>,
}

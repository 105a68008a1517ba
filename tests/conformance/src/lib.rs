//! What is held to Prometheus, counted: its scripts and their re-runs, promtool's unit tests, rule files, its answers.
//!
//! ```text
//! shared/conformance, shared/bench ──▶ scripts, answers, … ──engine──▶ counts ──▶ a table (the binary), floors (the tests)
//! ```
//!
//! # Errors
//! A text that says which file cannot be read or what the engine said; a difference from Prometheus is a count, not an
//! error.

pub mod answers;
pub mod corpus;
pub mod engine;
pub mod outside;
pub mod pin;
pub mod rules;
pub mod scripts;
pub mod unit;

//! Random rules over random samples: the engine must say what the naive evaluator says.
//!
//! ```text
//! seed ──▶ [case] rules, samples, how to run ──┬─▶ [engine] workers, blocks, cut, swapped ──┐
//!            (grammar, groups, data)            └─▶ [oracle] step by step ───────────────────┴─▶ [told] differences
//! ```
//!
//! # Semantics
//! A case is made of its seed alone. Compared are the result of every rule at every step (presence exactly, values within
//! 1e-9), the steps at which a rule fails, and every transition of every alert. Where they differ, the oracle runs again
//! with its rounded results disturbed in the 13th digit: if that alone changes its answer, the case decides nothing.
//!
//! # Limits
//! Error messages and annotations are not compared: of several errors of one step either may be told. What no case makes
//! use of:
//!
//! | construct | why |
//! |---|---|
//! | functions of [`coverage::LEFT_OUT`] | as it says there |
//! | start timestamps | the oracle knows none |
//! | series of rules within subqueries, and under `@` | at the step itself they are seen one evaluation early (`lower/order.rs`) |
//! | ingested series that a rule records | the engine ignores them |
//! | `query` in templates, annotations | the oracle has none |

pub mod case;
pub mod coverage;
pub mod data;
pub mod engine;
pub mod grammar;
pub mod groups;
pub mod oracle;
pub mod random;
pub mod shrink;
pub mod told;
pub mod tree;
pub mod verdict;

//! Rules and queries in, one program out.
//!
//! # Position
//! rules, promql (AST) → **lower** → plan (place, schedule, fuse) → `bellwether_operators::program`
//!
//! ```text
//! rules ──catalogue──▶ who reads whom, how far ──lower──▶ Dag ──plan──▶ Program
//!         (producers)   (order of evaluations)   one file a construct
//! ```
//!
//! # Semantics
//! * Equal sub-expressions on one grid are one node, whoever writes them.
//! * Evaluations are totally ordered by (step, file, group, rule); a selector sees the series of rules as earlier
//!   evaluations left them (module `order`).
//! * A rule is evaluated at `t = step - query_offset`; its grid carries how far past `t` it reads.
//!
//! # Errors
//! Every construct that is not supported yet, of every rule, is a [`LowerError`]; nothing is compiled in part.

mod absent;
mod aggregate;
mod arith;
mod at;
mod binary;
mod bounds;
mod calendar;
mod call;
mod catalogue;
mod compile;
mod context;
mod effect;
mod error;
mod expr;
mod extended;
mod histogram;
mod info;
mod input;
mod labels;
mod late;
mod look_ahead;
mod math;
mod names;
mod note;
mod options;
mod order;
mod phase;
mod range;
mod rule_set;
mod selector;
mod sort;
mod template_query;
mod text;
mod unit;
mod vector;
pub(crate) mod walk;
mod whole;

#[cfg(test)]
mod tests;

pub(crate) use absent::labels as absent_labels;
pub use bounds::{LIMITS, set_limit};
pub use catalogue::rules_read;
pub use compile::{Compiled, Gives, RuleInfo, compile};
pub use error::LowerError;
pub use input::{QueryInput, RuleInput, RuleKind};
pub use late::{Late, LatePolicy, LateRule};
pub use options::{GridKind, Options, Recorded, TemplateQueries};
pub use phase::{group_phase_ms, steps_between};
pub use rule_set::rule_inputs;

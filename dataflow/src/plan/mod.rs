//! One shared DAG over all rules: from what the rules say to the rows that the operators run.
//!
//! # Position
//! lower (AST → [`Dag`]) → **plan** (place, schedule, passes) → `bellwether_operators::program`
//!
//! ```text
//! Dag ──place──▶ nodes with placements and exchanges ──schedule──▶ stages and phases ──fuse──▶ Program
//!                 (plan nodes inserted)                  (numbers follow the order)
//! ```
//!
//! # Terms
//! * **read**: a selector may see the series of a producer (a recording rule, or an alert's `ALERTS`); the read says
//!   which of its samples belong to earlier evaluations.
//! * **facts**: what is known about the labels of a node's elements without any sample: which may be there, which are
//!   fixed, whether elements are distinct without their names. They decide which nodes can raise an error.
//! * **component**: nodes that read each other through recorded series; they run instant by instant.
//!
//! # Limits
//! The plan is data without a timely type. It knows no costs: placement looks at labels only.

mod absence;
mod assemble;
mod dag;
mod dot;
mod explain;
mod facts;
mod graph;
mod horizon;
mod identity;
mod label;
pub mod passes;
mod place;
mod scc;
mod schedule;

pub use assemble::{Assembled, Run, assemble};
pub use dag::{Dag, Part};
pub use dot::dot;
pub use explain::explain;
pub use facts::Facts;
pub use graph::{below, sampled};
pub use horizon::{Horizons, horizons, pins};
pub use identity::node_id;
pub use label::{duration, op_label, seconds, set_text};
pub use place::{PlaceOptions, Placed, place};
pub use scc::components;
pub use schedule::ScheduleError;

//! The fixed set of operators that interprets plan rows.
//!
//! `operators` reads programs ([`program`]); it never sees a rule file, and does no I/O.

pub mod aggregate;
pub mod annotation;
pub mod arith;
pub mod evaluate;
pub mod exchange;
pub mod functions;
pub mod histogram;
pub mod ingest;
pub mod instant;
pub mod labels_fn;
mod lookup;
pub mod math;
pub mod native;
pub mod over_time;
pub mod program;
pub mod range;
pub mod rate;
pub mod regression;
pub mod relabel;
pub mod samples;
pub mod select;
pub mod sum;
pub mod template;
pub mod window;

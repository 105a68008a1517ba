//! The fixed set of operators that interprets plan rows.
//!
//! `operators` reads programs ([`program`]); it never sees a rule file, and does no I/O.

pub mod evaluate;
pub mod exchange;
pub mod functions;
pub mod ingest;
pub mod program;
pub mod select;
pub mod stub;
pub mod template;
pub mod window;

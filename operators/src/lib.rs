//! The fixed set of operators that interprets plan rows.
//!
//! `operators` reads programs ([`program`]); it never sees a rule file, and does no I/O.

pub mod evaluate;
pub mod functions;
pub mod program;
pub mod stub;
pub mod template;
pub mod window;

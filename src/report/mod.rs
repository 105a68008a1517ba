//! Text for people: what a run gave, as tables and timelines.
//!
//! # Semantics
//! Plain text; colours only on a terminal and only where `NO_COLOR` is unset. Instants are UTC.

pub mod clock;
pub mod count;
pub mod paint;
pub mod summary;
pub mod table;
pub mod timeline;

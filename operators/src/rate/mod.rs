//! Counters and their kin: `rate`, `increase`, `delta`, `irate`, `idelta`, `changes`, `resets`.
//!
//! # Semantics (Prometheus promql/functions.go)
//! See [`extrapolated`], [`instant_rate`], [`changes`]; each file says what it implements.

mod counts;
mod extrapolated;
mod instant_rate;

pub use counts::{changes, resets};
pub use extrapolated::{extrapolated, seconds};
pub use instant_rate::instant_rate;

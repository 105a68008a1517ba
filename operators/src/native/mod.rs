//! Native histograms through functions and operators, and start timestamps through the functions that read them.
//!
//! # Position
//! The kernels of floats see a step with a histogram as absent, and know no start timestamps. Where a row or a series has
//! either, the files here add what Prometheus computes of them, step by step: a simple path, taken by what has them and by
//! nothing else.
//!
//! # Semantics (Prometheus promql/functions.go, promql/engine.go)
//! * [`instant`]: of floats and histograms the newest sample counts.
//! * [`range`]: range functions that know histograms; the others look at a window's floats only. `rate` and its kin know
//!   start timestamps too.
//! * [`map`], [`vector_scalar`], [`vector_vector`]: `-h`, `h * 2`, `h + h`, `h == h`, `h </ 3`; everything else drops
//!   histograms.
//! * [`stat`], [`quantile`], [`fraction`]: a float of a histogram.

mod arith;
mod changes;
mod estimate;
mod extended;
mod instant;
mod over_time;
mod range;
mod rate;
mod started;
mod starts;
mod stat;

pub use arith::{map, takes_histograms, vector_scalar, vector_vector};
pub use estimate::{fraction, has_nan, quantile};
pub use instant::instant;
pub use over_time::Mean;
pub use range::range;
pub use stat::{HistogramFn, stat};

#[cfg(test)]
mod tests;

//! Plain addition and subtraction of two histograms.
//!
//! # Semantics (Prometheus model/histogram, `Add` and `Sub`)
//! The result's layout has the buckets of both, empty ones included; [`Histogram::compact`] drops those. A difference
//! takes its hint as a sum does: whoever computes PromQL's `-` makes it a gauge.

use super::{Accumulator, Facts, Histogram, Incompatible};

impl Histogram {
    /// Adds a histogram.
    pub fn add(&mut self, other: &Self) -> Result<Facts, Incompatible> {
        let mut sum = Accumulator::of(self, false);
        let facts = sum.add(other)?;
        *self = sum.finish();
        Ok(facts)
    }

    /// Subtracts a histogram.
    pub fn subtract(&mut self, other: &Self) -> Result<Facts, Incompatible> {
        let mut sum = Accumulator::of(self, false);
        let mut negated = Accumulator::of(other, false);
        negated.multiply(-1.0);
        let facts = sum.merge(negated)?;
        *self = sum.finish();
        Ok(facts)
    }
}

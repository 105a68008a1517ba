//! Compensated summation: what Prometheus calls Kahan summation (Neumaier's variant).
//!
//! # Semantics (Prometheus util/kahansum)
//! The rounding error of every addition is collected beside the sum; a sum that overflows drops it. Prometheus finds
//! the error by comparing magnitudes; here Knuth's two-sum finds it without a branch. Both are exact, so the bits are
//! the same.

use serde::{Deserialize, Serialize};

/// A sum with its compensation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kahan {
    /// The rounded sum.
    pub sum: f64,
    /// What rounding lost.
    pub comp: f64,
}

/// The rounded sum and its rounding error.
#[inline(always)]
pub fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let t = a + b;
    let b_part = t - a;
    (t, (a - (t - b_part)) + (b - b_part))
}

/// One step of the summation over bare numbers, for loops over lanes.
#[inline(always)]
pub fn add(sum: f64, comp: f64, x: f64) -> (f64, f64) {
    let (t, error) = two_sum(sum, x);
    (t, if t.abs() > f64::MAX { 0.0 } else { comp + error })
}

impl Kahan {
    /// A sum of one value.
    #[inline(always)]
    pub fn of(x: f64) -> Self {
        Self { sum: x, comp: 0.0 }
    }

    /// Adds a value.
    #[inline(always)]
    pub fn add(&mut self, x: f64) {
        (self.sum, self.comp) = add(self.sum, self.comp, x);
    }

    /// Adds a value while the sum is finite: what an infinite one leaves in `comp` is no compensation.
    #[inline(always)]
    pub fn add_finite(&mut self, x: f64) {
        let (t, error) = two_sum(self.sum, x);
        self.sum = t;
        self.comp += error;
    }

    /// Adds a later sum.
    #[inline(always)]
    pub fn join(&mut self, later: Self) {
        let (t, error) = two_sum(self.sum, later.sum);
        self.comp = if t.abs() > f64::MAX { 0.0 } else { (self.comp + later.comp) + error };
        self.sum = t;
    }

    /// The sum of all values.
    #[inline(always)]
    pub fn total(&self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.comp }
    }
}

/// Prometheus's own formula, kept as the oracle of [`add`].
#[cfg(test)]
pub(crate) fn neumaier(sum: f64, comp: f64, x: f64) -> (f64, f64) {
    let t = sum + x;
    if t.is_infinite() {
        (t, 0.0)
    } else if sum.abs() >= x.abs() {
        (t, comp + ((sum - t) + x))
    } else {
        (t, comp + ((x - t) + sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(a: f64, b: f64) -> bool {
        a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
    }

    proptest! {
        #[test]
        fn two_sum_is_neumaier(values in prop::collection::vec(prop::num::f64::ANY, 1..20)) {
            let (mut ours, mut theirs) = (Kahan::default(), (0.0, 0.0));
            for x in values {
                ours.add(x);
                theirs = neumaier(theirs.0, theirs.1, x);
                prop_assert!(same(ours.sum, theirs.0));
                // An infinite sum's compensation is never read again.
                prop_assert!(same(ours.comp, theirs.1) || !theirs.0.is_finite(), "{ours:?} {theirs:?}");
            }
        }
    }

    #[test]
    fn cancellation_is_compensated() {
        let mut k = Kahan::default();
        [1.0, 1e100, 1.0, -1e100].into_iter().for_each(|x| k.add(x));
        assert_eq!(k.total(), 2.0);
        let (mut a, mut b) = (Kahan::of(1e100), Kahan::of(1.0));
        b.add(-1e100);
        a.join(b);
        assert_eq!(a.total(), 1.0);
    }
}

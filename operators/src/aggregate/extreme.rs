//! `min` and `max`.
//!
//! # Semantics (Prometheus `aggregation`, MIN and MAX)
//! NaN counts only where nothing else is there. Of 0 and -0 Prometheus keeps whichever comes first, in an order of elements
//! that it leaves open; here -0 is below 0, so that a template prints the same sign wherever elements are placed.

use super::lanes::Lanes;
use serde::{Deserialize, Serialize};
use std::ops::Range;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Extreme<const MAX: bool> {
    pub(super) best: Vec<f64>,
}

#[inline(always)]
fn better<const MAX: bool>(a: f64, b: f64) -> f64 {
    let wins = if MAX { a < b } else { a > b };
    // Other equal values are the same bits.
    let other_zero = (a == b) & (b.is_sign_negative() != MAX);
    if wins | other_zero | a.is_nan() { b } else { a }
}

impl<const MAX: bool> Lanes for Extreme<MAX> {
    fn resize(&mut self, steps: usize) {
        self.best.resize(steps, 0.0);
    }
    fn first(&mut self, at: Range<usize>, values: &[f64]) {
        self.best[at].copy_from_slice(values);
    }
    fn next(&mut self, at: Range<usize>, values: &[f64]) {
        self.best[at].iter_mut().zip(values).for_each(|(a, b)| *a = better::<MAX>(*a, *b));
    }
    fn copy(&mut self, at: Range<usize>, later: &Self) {
        self.first(at.clone(), &later.best[at]);
    }
    fn join(&mut self, at: Range<usize>, later: &Self) {
        self.next(at.clone(), &later.best[at]);
    }
}

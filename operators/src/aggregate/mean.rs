//! `avg`: a compensated sum and a count; where the sum would overflow, a mean that is updated value by value.
//!
//! # Semantics (Prometheus `aggregation`, AVG)
//! A step turns to the mean for good when its sum is infinite. Merged, two sums stay a sum while that is finite; else
//! both become means, weighted by their counts.

use super::lanes::Lanes;
use crate::sum::{Kahan, add, two_sum};
use serde::{Deserialize, Serialize};
use std::ops::Range;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Mean {
    /// Sum, or mean where the bit is set.
    sum: Vec<f64>,
    comp: Vec<f64>,
    count: Vec<f64>,
    /// By step: whether it is a mean.
    is_mean: Vec<bool>,
    /// Whether any step is; if none, the bits need not be looked at.
    any_mean: bool,
}

impl Lanes for Mean {
    fn resize(&mut self, steps: usize) {
        self.sum.resize(steps, 0.0);
        self.comp.resize(steps, 0.0);
        self.count.resize(steps, 0.0);
        self.is_mean.clear();
        self.is_mean.resize(steps, false);
        self.any_mean = false;
    }

    fn first(&mut self, at: Range<usize>, values: &[f64]) {
        self.sum[at.clone()].copy_from_slice(values);
        self.comp[at.clone()].fill(0.0);
        self.count[at].fill(1.0);
    }

    fn next(&mut self, at: Range<usize>, values: &[f64]) {
        let overflows = |any, (s, x): (&f64, &f64)| any | ((s + x).abs() > f64::MAX);
        let overflow = self.sum[at.clone()].iter().zip(values).fold(false, overflows);
        if overflow || self.any_mean {
            at.zip(values).for_each(|(i, x)| self.next_one(i, *x));
            return;
        }
        let lanes = self.sum[at.clone()].iter_mut().zip(&mut self.comp[at.clone()]).zip(&mut self.count[at]);
        for (((sum, comp), count), x) in lanes.zip(values) {
            let (t, error) = two_sum(*sum, *x);
            (*sum, *comp) = (t, *comp + error);
            *count += 1.0;
        }
    }

    fn copy(&mut self, at: Range<usize>, later: &Self) {
        self.sum[at.clone()].copy_from_slice(&later.sum[at.clone()]);
        self.comp[at.clone()].copy_from_slice(&later.comp[at.clone()]);
        self.count[at.clone()].copy_from_slice(&later.count[at.clone()]);
        if self.any_mean || later.any_mean {
            self.is_mean[at.clone()].copy_from_slice(&later.is_mean[at]);
            self.any_mean = true;
        }
    }

    fn join(&mut self, at: Range<usize>, later: &Self) {
        let overflows = |any, (a, b): (&f64, &f64)| any | ((a + b).abs() > f64::MAX);
        let overflow = self.sum[at.clone()].iter().zip(&later.sum[at.clone()]).fold(false, overflows);
        if overflow || self.any_mean || later.any_mean {
            at.for_each(|i| self.join_one(i, later));
            return;
        }
        let ours = self.sum[at.clone()].iter_mut().zip(&mut self.comp[at.clone()]).zip(&mut self.count[at.clone()]);
        let theirs = later.sum[at.clone()].iter().zip(&later.comp[at.clone()]).zip(&later.count[at]);
        for (((sum, comp), count), ((s, c), n)) in ours.zip(theirs) {
            let (t, error) = two_sum(*sum, *s);
            (*sum, *comp) = (t, (*comp + c) + error);
            *count += n;
        }
    }
}

impl Mean {
    fn next_one(&mut self, i: usize, x: f64) {
        self.count[i] += 1.0;
        let n = self.count[i];
        if !self.is_mean[i] {
            let (sum, comp) = add(self.sum[i], self.comp[i], x);
            if !sum.is_infinite() {
                (self.sum[i], self.comp[i]) = (sum, comp);
                return;
            }
            self.turn(i, n - 1.0);
        }
        let q = (n - 1.0) / n;
        (self.sum[i], self.comp[i]) = add(q * self.sum[i], q * self.comp[i], x / n);
    }

    fn turn(&mut self, i: usize, count: f64) {
        self.sum[i] /= count;
        self.comp[i] /= count;
        self.is_mean[i] = true;
        self.any_mean = true;
    }

    fn join_one(&mut self, i: usize, later: &Self) {
        let (ours, theirs) = (self.count[i], later.count[i]);
        self.count[i] = ours + theirs;
        let mut joined = Kahan { sum: self.sum[i], comp: self.comp[i] };
        let mut other = Kahan { sum: later.sum[i], comp: later.comp[i] };
        let mut longer = joined;
        longer.join(other);
        if !self.is_mean[i] && !later.is_mean[i] && !longer.sum.is_infinite() {
            (self.sum[i], self.comp[i]) = (longer.sum, longer.comp);
            return;
        }
        if !self.is_mean[i] {
            self.turn(i, ours);
            joined = Kahan { sum: self.sum[i], comp: self.comp[i] };
        }
        if !later.is_mean[i] {
            other = Kahan { sum: other.sum / theirs, comp: other.comp / theirs };
        }
        let (p, q) = (ours / (ours + theirs), theirs / (ours + theirs));
        let mut mean = Kahan { sum: p * joined.sum, comp: p * joined.comp };
        mean.join(Kahan { sum: q * other.sum, comp: q * other.comp });
        (self.sum[i], self.comp[i]) = (mean.sum, mean.comp);
    }

    pub(super) fn finish(&self, out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            let (sum, comp, n) = (self.sum[i], self.comp[i], self.count[i]);
            *out = if self.is_mean[i] { sum + comp } else { sum / n + comp / n };
        }
    }
}

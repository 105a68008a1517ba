//! `stddev` and `stdvar`: population variance by Welford's update; merged by Chan's formula.
//!
//! # Semantics (Prometheus `aggregation`, STDDEV and STDVAR)
//! A first value that is not finite makes the result NaN.

use super::lanes::Lanes;
use serde::{Deserialize, Serialize};
use std::ops::Range;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Moments {
    count: Vec<f64>,
    mean: Vec<f64>,
    /// Sum of squared distances from the mean.
    squares: Vec<f64>,
}

impl Lanes for Moments {
    fn resize(&mut self, steps: usize) {
        self.count.resize(steps, 0.0);
        self.mean.resize(steps, 0.0);
        self.squares.resize(steps, 0.0);
    }

    fn first(&mut self, at: Range<usize>, values: &[f64]) {
        self.count[at.clone()].fill(1.0);
        self.mean[at.clone()].copy_from_slice(values);
        // 0 for a finite value, else NaN.
        self.squares[at].iter_mut().zip(values).for_each(|(s, x)| *s = if x.is_finite() { 0.0 } else { f64::NAN });
    }

    fn next(&mut self, at: Range<usize>, values: &[f64]) {
        let lanes = self.count[at.clone()].iter_mut().zip(&mut self.mean[at.clone()]).zip(&mut self.squares[at]);
        for (((count, mean), squares), x) in lanes.zip(values) {
            *count += 1.0;
            let delta = x - *mean;
            *mean += delta / *count;
            *squares += delta * (x - *mean);
        }
    }

    fn copy(&mut self, at: Range<usize>, later: &Self) {
        self.count[at.clone()].copy_from_slice(&later.count[at.clone()]);
        self.mean[at.clone()].copy_from_slice(&later.mean[at.clone()]);
        self.squares[at.clone()].copy_from_slice(&later.squares[at]);
    }

    fn join(&mut self, at: Range<usize>, later: &Self) {
        let ours = self.count[at.clone()].iter_mut().zip(&mut self.mean[at.clone()]).zip(&mut self.squares[at.clone()]);
        let theirs = later.count[at.clone()].iter().zip(&later.mean[at.clone()]).zip(&later.squares[at]);
        for (((count, mean), squares), ((n, m), s)) in ours.zip(theirs) {
            let all = *count + n;
            let delta = m - *mean;
            *squares = (*squares + s) + delta * delta * (*count * n / all);
            *mean += delta * (n / all);
            *count = all;
        }
    }
}

impl Moments {
    pub(super) fn finish(&self, root: bool, out: &mut [f64]) {
        for ((out, squares), count) in out.iter_mut().zip(&self.squares).zip(&self.count) {
            *out = squares / count;
        }
        if root {
            out.iter_mut().for_each(|v| *v = v.sqrt());
        }
    }
}

//! `sum`: compensated summation by step.

use super::lanes::Lanes;
use crate::sum::{add, two_sum};
use serde::{Deserialize, Serialize};
use std::ops::Range;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sum {
    sum: Vec<f64>,
    comp: Vec<f64>,
}

impl Lanes for Sum {
    fn resize(&mut self, steps: usize) {
        self.sum.resize(steps, 0.0);
        self.comp.resize(steps, 0.0);
    }

    fn first(&mut self, at: Range<usize>, values: &[f64]) {
        self.sum[at.clone()].copy_from_slice(values);
        self.comp[at].fill(0.0);
    }

    fn next(&mut self, at: Range<usize>, values: &[f64]) {
        let lanes = self.sum[at.clone()].iter_mut().zip(&mut self.comp[at]);
        for ((sum, comp), x) in lanes.zip(values) {
            (*sum, *comp) = add(*sum, *comp, *x);
        }
    }

    fn copy(&mut self, at: Range<usize>, later: &Self) {
        self.sum[at.clone()].copy_from_slice(&later.sum[at.clone()]);
        self.comp[at.clone()].copy_from_slice(&later.comp[at]);
    }

    fn join(&mut self, at: Range<usize>, later: &Self) {
        let lanes = self.sum[at.clone()].iter_mut().zip(&mut self.comp[at.clone()]);
        for ((sum, comp), (s, c)) in lanes.zip(later.sum[at.clone()].iter().zip(&later.comp[at])) {
            let (t, error) = two_sum(*sum, *s);
            *comp = if t.abs() > f64::MAX { 0.0 } else { (*comp + c) + error };
            *sum = t;
        }
    }
}

impl Sum {
    pub(super) fn finish(&self, out: &mut [f64]) {
        for ((out, sum), comp) in out.iter_mut().zip(&self.sum).zip(&self.comp) {
            *out = sum + comp;
        }
    }
}

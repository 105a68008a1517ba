//! `sum_over_time` and `avg_over_time`.
//!
//! # Semantics (Prometheus `funcSumOverTime`, `funcAvgOverTime`)
//! Compensated summation. An average is the sum divided by the count as long as the sum is finite; where it overflows
//! the mean is updated sample by sample from there on, so that an average of huge values is finite.
//!
//! # State
//! Short windows are scanned; where they slide along together several steps at a time, which changes no bit. Long windows
//! are folded. A result that is not finite is scanned for again in Prometheus's way, so infinities and NaN come out as
//! there; only then can a sum have been infinite on the way.

use crate::range::fold::{Fold, fold};
use crate::range::{LANES, Scratch, Windows};
use crate::sum::{Kahan, two_sum};
use bellwether_model::RowMut;
use std::ops::Range;

impl Fold for Kahan {
    fn of(_: i64, value: f64) -> Self {
        Kahan::of(value)
    }
    fn older(mut self, _: i64, value: f64) -> Self {
        self.add_finite(value);
        self
    }
    fn merge(mut self, later: Self) -> Self {
        self.join(later);
        self
    }
}

/// Sum of the values.
pub fn sum(w: &Windows<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    summed(w, scratch, out, scan_sum, |k, _| k.sum + k.comp);
}

/// Mean of the values.
pub fn avg(w: &Windows<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    summed(w, scratch, out, scan_avg, |k, n| k.sum / n + k.comp / n);
}

#[inline(always)]
fn summed(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut RowMut<'_>,
    scan: impl Fn(&[f64]) -> f64,
    result: impl Fn(Kahan, f64) -> f64,
) {
    let checked = |k: Kahan, window: Range<usize>| {
        let value = result(k, window.len() as f64);
        if value.is_finite() { value } else { scan(&w.values[window]) }
    };
    fold::<Kahan>(
        w,
        1,
        &mut scratch.sums,
        out,
        |slide, out| {
            let (mut sums, mut comps) = ([0.0; LANES], [0.0; LANES]);
            slide.columns(w.values, |_, column| {
                for i in 0..LANES {
                    let (t, error) = two_sum(sums[i], column[i]);
                    sums[i] = t;
                    comps[i] += error;
                }
            });
            for (i, out) in out.iter_mut().enumerate() {
                *out = checked(Kahan { sum: sums[i], comp: comps[i] }, slide.window(i));
            }
            true
        },
        |_, window| {
            let mut k = Kahan::default();
            w.values[window.clone()].iter().for_each(|x| k.add_finite(*x));
            checked(k, window)
        },
        |_, window, k, _| Some(checked(k, window)),
    );
}

#[cold]
fn scan_sum(values: &[f64]) -> f64 {
    let mut k = Kahan::default();
    values.iter().for_each(|x| k.add(*x));
    k.total()
}

#[cold]
fn scan_avg(values: &[f64]) -> f64 {
    let Some((first, rest)) = values.split_first() else { return f64::NAN };
    let mut k = Kahan::of(*first);
    let mut mean: Option<Kahan> = None;
    for (i, x) in rest.iter().enumerate() {
        let n = (i + 2) as f64;
        let mut m = match mean {
            Some(m) => m,
            None => {
                let mut longer = k;
                longer.add(*x);
                if !longer.sum.is_infinite() {
                    k = longer;
                    continue;
                }
                Kahan { sum: k.sum / (n - 1.0), comp: k.comp / (n - 1.0) }
            }
        };
        let q = (n - 1.0) / n;
        m = Kahan { sum: q * m.sum, comp: q * m.comp };
        m.add(x / n);
        mean = Some(m);
    }
    let n = values.len() as f64;
    mean.map_or(k.sum / n + k.comp / n, |m| m.sum + m.comp)
}

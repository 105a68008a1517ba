//! `sum_over_time` and `avg_over_time`.
//!
//! # Semantics (Prometheus `funcSumOverTime`, `funcAvgOverTime`)
//! Compensated summation. An average is the sum divided by the count as long as the sum is finite; where it overflows
//! the mean is updated sample by sample from there on, so that an average of huge values is finite.
//!
//! # State
//! Short windows are scanned; like windows are scanned several steps at a time, which changes no bit. Long windows are
//! folded; if such a sum is not finite, the window is scanned after all, so infinities and NaN come out as in
//! Prometheus.

use crate::range::fold::{Fold, fold};
use crate::range::{Even, SHORT, Scratch, Windows};
use crate::sum::{Kahan, add};
use bellwether_model::RowMut;

/// Steps that are summed at a time.
const LANES: usize = 8;

impl Fold for Kahan {
    fn of(_: i64, value: f64) -> Self {
        Kahan::of(value)
    }
    fn older(mut self, _: i64, value: f64) -> Self {
        self.add(value);
        self
    }
    fn newer(mut self, _: i64, value: f64) -> Self {
        self.add(value);
        self
    }
    fn merge(mut self, later: Self) -> Self {
        self.join(later);
        self
    }
}

/// Sum of the values.
pub fn sum(w: &Windows<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    summed(w, scratch, out, scan_sum, |k, _| k.total());
}

/// Mean of the values.
pub fn avg(w: &Windows<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    summed(w, scratch, out, scan_avg, |k, n| k.sum / n + k.comp / n);
}

fn summed(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut RowMut<'_>,
    scan: impl Fn(&[f64]) -> f64,
    result: impl Fn(Kahan, f64) -> f64,
) {
    let mut done = 0..0;
    if let Some(even) = w.lanes().filter(|e| e.len <= SHORT) {
        over_lanes(w.values, even, &mut out.values[even.steps.clone()], |k, window| {
            if k.sum.is_finite() { result(k, even.len as f64) } else { scan(window) }
        });
        done = even.steps.clone();
    }
    let short = |_, window: std::ops::Range<usize>| scan(&w.values[window]);
    fold::<Kahan>(w, done, 1, &mut scratch.sums, out, short, |_, window, k, _| {
        Some(if k.sum.is_finite() { result(k, window.len() as f64) } else { scan(&w.values[window]) })
    });
}

fn over_lanes(values: &[f64], even: &Even, out: &mut [f64], finish: impl Fn(Kahan, &[f64]) -> f64) {
    let mut lo = even.lo;
    for out in out.chunks_mut(LANES) {
        let (mut sums, mut comps) = ([0.0; LANES], [0.0; LANES]);
        if even.stride == 1 && out.len() == LANES {
            for at in lo..lo + even.len {
                let lane: &[f64] = &values[at..at + LANES];
                for i in 0..LANES {
                    (sums[i], comps[i]) = add(sums[i], comps[i], lane[i]);
                }
            }
        } else {
            for i in 0..out.len() {
                let lo = lo + even.stride * i;
                for x in &values[lo..lo + even.len] {
                    (sums[i], comps[i]) = add(sums[i], comps[i], *x);
                }
            }
        }
        for (i, out) in out.iter_mut().enumerate() {
            let lo = lo + even.stride * i;
            *out = finish(Kahan { sum: sums[i], comp: comps[i] }, &values[lo..lo + even.len]);
        }
        lo += even.stride * LANES;
    }
}

fn scan_sum(values: &[f64]) -> f64 {
    let mut k = Kahan::default();
    values.iter().for_each(|x| k.add(*x));
    k.total()
}

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

//! `min_over_time`, `max_over_time` and the times of the extremes.
//!
//! # Semantics (Prometheus `compareOverTime`)
//! NaN counts only where nothing else is there. Of equal values (0 and -0) the oldest is the result; the time is that
//! of the newest.

use super::pick::seconds;
use crate::range::fold::{Fold, fold};
use crate::range::{Even, SHORT, Scratch, Windows};
use bellwether_model::RowMut;

/// Steps that are compared at a time.
const LANES: usize = 8;

/// The better of two runs of samples, `a` the older.
#[inline(always)]
fn better<const MAX: bool>(a: f64, b: f64) -> f64 {
    let wins = if MAX { b > a } else { b < a };
    if wins | a.is_nan() { b } else { a }
}

#[derive(Clone, Copy)]
struct Extreme<const MAX: bool>(f64);

impl<const MAX: bool> Fold for Extreme<MAX> {
    fn of(_: i64, value: f64) -> Self {
        Self(value)
    }
    fn older(self, _: i64, value: f64) -> Self {
        Self(better::<MAX>(value, self.0))
    }
    fn newer(self, _: i64, value: f64) -> Self {
        Self(better::<MAX>(self.0, value))
    }
    fn merge(self, later: Self) -> Self {
        Self(better::<MAX>(self.0, later.0))
    }
}

/// The greatest value where `MAX`, else the least.
pub fn extreme<const MAX: bool>(w: &Windows<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    let mut done = 0..0;
    if let Some(even) = w.lanes().filter(|e| e.len <= SHORT && e.stride == 1) {
        over_lanes::<MAX>(w.values, even, &mut out.values[even.steps.clone()]);
        done = even.steps.clone();
    }
    scratch.extremes.clear();
    let mut memory: Vec<Extreme<MAX>> = std::mem::take(&mut scratch.extremes).into_iter().map(Extreme).collect();
    let short = |_, window: std::ops::Range<usize>| scan::<MAX>(&w.values[window]);
    fold(w, done, 1, &mut memory, out, short, |_, _, e, _| Some(e.0));
    memory.clear();
    scratch.extremes = memory.into_iter().map(|e| e.0).collect();
}

fn scan<const MAX: bool>(values: &[f64]) -> f64 {
    values.iter().copied().reduce(better::<MAX>).unwrap_or(f64::NAN)
}

fn over_lanes<const MAX: bool>(values: &[f64], even: &Even, out: &mut [f64]) {
    let mut lo = even.lo;
    for out in out.chunks_mut(LANES) {
        if out.len() == LANES {
            let mut best = [0.0; LANES];
            best.copy_from_slice(&values[lo..lo + LANES]);
            for at in lo + 1..lo + even.len {
                let lane = &values[at..at + LANES];
                for i in 0..LANES {
                    best[i] = better::<MAX>(best[i], lane[i]);
                }
            }
            out.copy_from_slice(&best);
        } else {
            for (i, out) in out.iter_mut().enumerate() {
                *out = scan::<MAX>(&values[lo + i..lo + i + even.len]);
            }
        }
        lo += LANES;
    }
}

/// Time of the greatest value where `MAX`, else of the least, in seconds.
pub fn time_of_extreme<const MAX: bool>(w: &Windows<'_>, out: &mut RowMut<'_>) {
    w.each(1, out, |_, window| {
        let mut best = window.start;
        for i in window {
            let (value, so_far) = (w.values[i], w.values[best]);
            let wins = if MAX { value >= so_far } else { value <= so_far };
            if wins || so_far.is_nan() {
                best = i;
            }
        }
        Some(seconds(w, best))
    });
}

//! `min_over_time`, `max_over_time` and the times of the extremes.
//!
//! # Semantics (Prometheus `compareOverTime`)
//! NaN counts only where nothing else is there. Of equal values (0 and -0) the oldest is the result; the time is that
//! of the newest.

use super::pick::seconds;
use crate::range::fold::{Fold, fold};
use crate::range::{Scratch, Windows};
use bellwether_model::RowMut;

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
    scratch.extremes.clear();
    let mut memory: Vec<Extreme<MAX>> = std::mem::take(&mut scratch.extremes).into_iter().map(Extreme).collect();
    fold(
        w,
        1,
        &mut memory,
        out,
        |slide, best| {
            slide.columns(w.values, |j, column| match j {
                0 => *best = *column,
                _ => best.iter_mut().zip(column).for_each(|(a, b)| *a = better::<MAX>(*a, *b)),
            });
            true
        },
        |_, window| scan::<MAX>(&w.values[window]),
        |_, _, e, _| Some(e.0),
    );
    memory.clear();
    scratch.extremes = memory.into_iter().map(|e| e.0).collect();
}

fn scan<const MAX: bool>(values: &[f64]) -> f64 {
    values.iter().copied().reduce(better::<MAX>).unwrap_or(f64::NAN)
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

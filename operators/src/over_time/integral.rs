//! `integral`: the area under a series' samples.
//!
//! # Semantics (Prometheus `funcIntegral`)
//! Between two samples the value is the older one (strategy 0), the newer one (1), or the mean of both (2, the default),
//! times the seconds between them; NaN counts as 0. Sums are compensated. Before the first and after the last sample is
//! nothing, so a window of one sample has no area. Another strategy is taken for the default, with a warning that is the
//! caller's.
//!
//! # State
//! A recurrence over the window's samples: every window is scanned.

use crate::range::Windows;
use crate::sum::two_sum;
use bellwether_model::{Row, RowMut};
use std::ops::Range;

/// The mean of both samples.
const TRAPEZOIDAL: f64 = 2.0;

/// Whether a strategy is none of those there are.
pub fn is_bad_strategy(strategy: f64) -> bool {
    ![0.0, 1.0, TRAPEZOIDAL].contains(&strategy)
}

/// The area in each window; `strategy` by step.
pub fn integral(w: &Windows<'_>, strategy: Option<Row<'_>>, out: &mut RowMut<'_>) {
    w.each(1, out, |step, window| {
        let strategy = strategy.map_or(TRAPEZOIDAL, |s| s.values[step]);
        Some(area(w, window, if is_bad_strategy(strategy) { TRAPEZOIDAL } else { strategy }))
    });
}

fn area(w: &Windows<'_>, window: Range<usize>, strategy: f64) -> f64 {
    let zero_for_nan = |v: f64| if v.is_nan() { 0.0 } else { v };
    let (mut sum, mut comp) = (0.0, 0.0);
    for i in window.start + 1..window.end {
        let (before, now) = (zero_for_nan(w.values[i - 1]), zero_for_nan(w.values[i]));
        let (value, error) = match strategy {
            0.0 => (before, 0.0),
            1.0 => (now, 0.0),
            _ => mean(before, now),
        };
        if value != 0.0 || error != 0.0 {
            let seconds = f64::from(w.stamps[i] - w.stamps[i - 1]) / 1000.0;
            (sum, comp) = compensated(value * seconds, sum, comp + error * seconds);
        }
    }
    if sum.is_infinite() { sum } else { sum + comp }
}

/// The mean of two values and what rounding lost; of finite ones it is finite.
fn mean(before: f64, now: f64) -> (f64, f64) {
    let (sum, error) = compensated(now, before, 0.0);
    if sum.is_infinite() && now.is_finite() && before.is_finite() {
        return compensated(now / 2.0, before / 2.0, 0.0);
    }
    (sum / 2.0, error / 2.0)
}

/// `sum + x`, with what rounding lost added to `comp`; an infinite sum loses nothing.
fn compensated(x: f64, sum: f64, comp: f64) -> (f64, f64) {
    let (total, error) = two_sum(sum, x);
    if total.is_infinite() { (total, 0.0) } else { (total, comp + error) }
}

//! `deriv` and `predict_linear`: least-squares lines.
//!
//! # Semantics (Prometheus `linearRegression`)
//! Sums of x, y, xy and x² with compensation, x in seconds from an instant near the window: the first sample (`deriv`)
//! or `t` (`predict_linear`). Equal values give slope 0 exactly, equal infinities NaN.
//!
//! # State
//! Long windows fold the sums with x from the fold's boundary and move the line afterwards: slope and centre do not
//! depend on where x begins. A line that is not finite is scanned after all.

use crate::range::fold::{Fold, fold};
use crate::range::{Scratch, Windows};
use crate::sum::Kahan;
use bellwether_model::{Row, RowMut};
use std::cell::Cell;
use std::ops::Range;

/// The sums of a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    count: f64,
    x: Kahan,
    y: Kahan,
    xy: Kahan,
    xx: Kahan,
}

impl Line {
    #[inline(always)]
    fn add(&mut self, x_ms: i64, y: f64) {
        let x = x_ms as f64 / 1000.0;
        self.count += 1.0;
        self.x.add(x);
        self.y.add(y);
        self.xy.add(x * y);
        self.xx.add(x * x);
    }

    /// Slope and value at x = 0.
    fn solve(&self) -> (f64, f64) {
        let total = |k: Kahan| k.sum + k.comp;
        let (n, x, y) = (self.count, total(self.x), total(self.y));
        let covariance = total(self.xy) - x * y / n;
        let variance = total(self.xx) - x * x / n;
        let slope = covariance / variance;
        (slope, y / n - slope * x / n)
    }
}

impl Fold for Line {
    fn of(x_ms: i64, value: f64) -> Self {
        let mut l = Self::default();
        l.add(x_ms, value);
        l
    }
    fn older(mut self, x_ms: i64, value: f64) -> Self {
        self.add(x_ms, value);
        self
    }
    fn newer(mut self, x_ms: i64, value: f64) -> Self {
        self.add(x_ms, value);
        self
    }
    fn merge(mut self, later: Self) -> Self {
        self.count += later.count;
        self.x.join(later.x);
        self.y.join(later.y);
        self.xy.join(later.xy);
        self.xx.join(later.xx);
        self
    }
}

/// Slope a second.
pub fn deriv(w: &Windows<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    lines(w, scratch, out, |_, window| i64::from(w.stamps[window.start]), |_, slope, _| slope);
}

/// The line's value `ahead` seconds after the step.
pub fn predict_linear(w: &Windows<'_>, ahead: Row<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    // The intercept is at `t`, not at the window's end.
    let origin = |step, _: &Range<usize>| w.end(step) + w.offset_ms;
    lines(w, scratch, out, origin, |step, slope, intercept| slope * ahead.values[step] + intercept);
}

fn lines(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut RowMut<'_>,
    origin: impl Fn(usize, &Range<usize>) -> i64,
    result: impl Fn(usize, f64, f64) -> f64,
) {
    let level = Level { values: w.values, run: Cell::new((0, 0)) };
    let scan = |step: usize, window: Range<usize>| {
        let origin = origin(step, &window);
        let mut line = Line::default();
        for i in window {
            line.add(i64::from(w.stamps[i]) - origin, w.values[i]);
        }
        line.solve()
    };
    let short = |step, window: Range<usize>| {
        let (slope, intercept) = level.line(&window).unwrap_or_else(|| scan(step, window));
        result(step, slope, intercept)
    };
    fold::<Line>(w, 0..0, 2, &mut scratch.lines, out, short, |step, window, line, boundary| {
        if let Some((slope, intercept)) = level.line(&window) {
            return Some(result(step, slope, intercept));
        }
        let (mut slope, at_boundary) = line.solve();
        let mut intercept = at_boundary - slope * ((boundary - origin(step, &window)) as f64 / 1000.0);
        if !(slope.is_finite() && intercept.is_finite()) {
            (slope, intercept) = scan(step, window);
        }
        Some(result(step, slope, intercept))
    });
}

/// Finds windows of equal values, whose line is known without a sum.
struct Level<'a> {
    values: &'a [f64],
    /// The run of equal values that ends with the newest sample looked at: first sample, one past the last.
    run: Cell<(usize, usize)>,
}

impl Level<'_> {
    #[inline(always)]
    fn line(&self, window: &Range<usize>) -> Option<(f64, f64)> {
        let (mut start, upto) = self.run.get();
        if window.end > upto {
            for i in upto.max(1)..window.end {
                if self.values[i] != self.values[i - 1] {
                    start = i;
                }
            }
            self.run.set((start, window.end));
        }
        (start <= window.start).then(|| {
            let value = self.values[window.start];
            if value.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, value) }
        })
    }
}

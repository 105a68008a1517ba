//! `rate` and `increase` of `anchored` and `smoothed` windows of floats whose start timestamps are known.
//!
//! # Semantics (Prometheus promql/functions.go: extendedRate, pickOrInterpolateLeft, pickOrInterpolateRight)
//! A counter was zero when it began to count: a sample of zero stands there, and lines are drawn from or to it. Where no
//! sample is before a border, one behind it counts from its start, if that is within the lookback.

use super::range::Window;
use super::starts::Started;
use crate::range::{Extended, ExtendedFn};
use crate::rate::seconds;

/// A sample, or what stands for one.
#[derive(Clone, Copy)]
struct Point {
    started: Started,
    value: f64,
}

impl Point {
    fn at_ms(&self) -> i64 {
        self.started.at_ms
    }

    /// Where the counter began to count.
    fn begin(&self) -> Self {
        let at_ms = self.started.start_ms;
        Self { started: Started { at_ms, start_ms: 0 }, value: 0.0 }
    }

    /// The value on the line to a later point; of a counter that fell the line starts from zero.
    fn towards(&self, next: &Self, at_ms: i64) -> f64 {
        let from = if next.value < self.value { 0.0 } else { self.value };
        from + (next.value - from) * (at_ms - self.at_ms()) as f64 / (next.at_ms() - self.at_ms()) as f64
    }

    /// A border's value, whose start counts if it is not behind the border.
    fn at_border(self, border_ms: i64, start_ms: i64) -> Self {
        let start_ms = if start_ms > border_ms { 0 } else { start_ms };
        Self { started: Started { at_ms: border_ms, start_ms }, ..self }
    }
}

/// The increase of the window, or the rate.
pub(super) fn change(w: &Window<'_>, f: Extended, begin_ms: i64, end_ms: i64) -> Option<f64> {
    let point = |(at_ms, value): (i64, f64)| Point { started: w.started(at_ms), value };
    let points: Vec<Point> = w.floats.each().map(point).collect();
    let (first, last) = f.borders(points.len(), |i| points[i].at_ms(), begin_ms, end_ms)?;
    let window = Around { points: &points, smoothed: f.smoothed, lookback_ms: w.begin_ms };
    if points[first].at_ms() > end_ms {
        let started = points[first].started;
        if !f.smoothed || !started.reset_since(window.lookback_ms) || started.reset_since(end_ms) {
            return None;
        }
    }
    let (left, right) = (window.left(first, begin_ms), window.right(last, end_ms));
    let from = first + usize::from(points[first].at_ms() <= begin_ms);
    let upto = last + usize::from(points[last].at_ms() < end_ms);
    let (mut grown, mut before) = (right.value - left.value, left);
    for now in points[from..upto.max(from)].iter().chain([&right]) {
        if now.value < before.value || now.started.reset_after(before.started) {
            grown += before.value;
        }
        before = *now;
    }
    Some(if f.func == ExtendedFn::Rate { grown / seconds(f.range_ms) } else { grown })
}

/// The samples around a window.
struct Around<'a> {
    points: &'a [Point],
    smoothed: bool,
    /// Samples count that are behind it.
    lookback_ms: i64,
}

impl Around<'_> {
    /// The value at the begin.
    fn left(&self, first: usize, begin_ms: i64) -> Point {
        let point = self.points[first];
        if point.at_ms() == begin_ms {
            return point;
        }
        if point.at_ms() > begin_ms {
            return self.alone(point, begin_ms);
        }
        let (mut before, mut next, mut start_ms) = (point, self.points[first + 1], point.started.start_ms);
        if next.started.reset_since(begin_ms) {
            next = next.begin();
        } else if next.started.reset_after(before.started) {
            start_ms = next.started.start_ms;
            before = next.begin();
        }
        let value = if self.smoothed { before.towards(&next, begin_ms) } else { before.value };
        Point { value, ..point }.at_border(begin_ms, start_ms)
    }

    /// The value at the end.
    fn right(&self, last: usize, end_ms: i64) -> Point {
        let point = self.points[last];
        if point.at_ms() <= end_ms {
            return point.at_border(end_ms, point.started.start_ms);
        }
        let Some(before) = last.checked_sub(1).map(|i| self.points[i]) else { return self.alone(point, end_ms) };
        let (mut before, mut next, mut start_ms) = (before, point, point.started.start_ms);
        if point.started.reset_since(end_ms) {
            start_ms = before.started.start_ms;
            next = point.begin();
        } else if point.started.reset_after(before.started) {
            before = point.begin();
        }
        let value = if self.smoothed { before.towards(&next, end_ms) } else { before.value };
        Point { value, ..point }.at_border(end_ms, start_ms)
    }

    /// The value at a border that no sample is before.
    fn alone(&self, behind: Point, border_ms: i64) -> Point {
        let value = if !behind.started.reset_since(self.lookback_ms) {
            behind.value
        } else if self.smoothed && !behind.started.reset_since(border_ms) {
            behind.begin().towards(&behind, border_ms)
        } else {
            0.0
        };
        Point { value, ..behind }.at_border(border_ms, behind.started.start_ms)
    }
}

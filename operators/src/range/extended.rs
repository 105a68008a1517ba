//! `anchored` and `smoothed` windows: what a counter or gauge did between the borders of a window, with the samples around.
//!
//! # Semantics (Prometheus promql/functions.go: extendedRate, extendFloats; promql/engine.go: smoothSeries)
//! An anchored window begins with the last sample at or before its start. A smoothed one has at each border the value on the
//! line between the samples before and after; between two samples of a counter that was reset the line starts from zero.
//! Samples count that are at most the lookback away from a border, so that the operator's window is longer than the
//! expression's: [`Extended`] knows the latter.
//!
//! # Errors
//! Other functions refuse the modifiers; lowering says so.

use super::Windows;
use crate::rate::seconds;
use bellwether_model::RowMut;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What is computed of an extended window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ExtendedFn {
    /// `rate`
    Rate,
    /// `increase`
    Increase,
    /// `delta`
    Delta,
    /// `changes`
    Changes,
    /// `resets`
    Resets,
    /// The value at the step, of a smoothed instant selector.
    Value,
}

/// A function of extended windows; the window is the expression's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Extended {
    /// The function.
    pub func: ExtendedFn,
    /// `smoothed`, else `anchored`.
    pub smoothed: bool,
    /// ms.
    pub range_ms: i64,
    /// ms; may be negative.
    pub offset_ms: i64,
}

impl ExtendedFn {
    /// Its name in PromQL; that of a selector is empty.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Increase => "increase",
            Self::Delta => "delta",
            Self::Changes => "changes",
            Self::Resets => "resets",
            Self::Value => "",
        }
    }

    /// Whether a fall of the value is a reset.
    pub(crate) fn of_counter(self) -> bool {
        matches!(self, Self::Rate | Self::Increase)
    }
}

impl Extended {
    /// The samples that a window `(begin_ms, end_ms]` begins and ends with, of `count` ascending stamps, at least one; `None`
    /// where nothing is behind its begin. The first one may be behind its end.
    pub(crate) fn borders(
        self,
        count: usize,
        stamp_ms: impl Fn(usize) -> i64,
        begin_ms: i64,
        end_ms: i64,
    ) -> Option<(usize, usize)> {
        let newest = count - 1;
        let first = least(newest, |i| stamp_ms(i) > begin_ms).saturating_sub(1);
        let last = if self.smoothed { least(newest, |i| stamp_ms(i) >= end_ms) } else { newest };
        (stamp_ms(last) > begin_ms).then_some((first, last))
    }
}

/// The least index below `count` from which on `reached` holds, else `count`.
fn least(count: usize, reached: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut upto) = (0, count);
    while from < upto {
        let middle = usize::midpoint(from, upto);
        if reached(middle) { upto = middle } else { from = middle + 1 }
    }
    from
}

/// Computes the function at each step.
pub fn extended(w: &Windows<'_>, f: Extended, out: &mut RowMut<'_>) {
    w.each(1, out, |step, window| {
        let end = w.end(step) + w.offset_ms - f.offset_ms;
        let points = Points { stamps: &w.stamps[window.clone()], values: &w.values[window] };
        match f.func {
            ExtendedFn::Value => points.value_at(end),
            _ => points.cut(f, end - f.range_ms, end).map(|cut| cut.result(f, &points)),
        }
    });
}

/// The points of a window as it is: its borders, and the samples strictly between them. `at_ms` is where the expression
/// stands, `samples` are those around the window.
pub fn framed(samples: &[(i64, f64)], f: Extended, at_ms: i64) -> Vec<(i64, f64)> {
    let Some((base_ms, _)) = samples.first().copied() else { return Vec::new() };
    let stamps: Vec<u32> = samples.iter().map_while(|(t, _)| u32::try_from(t - base_ms).ok()).collect();
    let values: Vec<f64> = samples.iter().map(|(_, v)| *v).take(stamps.len()).collect();
    let end_ms = at_ms.saturating_sub(f.offset_ms);
    let begin_ms = end_ms.saturating_sub(f.range_ms);
    let points = Points { stamps: &stamps, values: &values };
    let Some(cut) = points.cut(f, begin_ms - base_ms, end_ms - base_ms) else { return Vec::new() };
    let inner = samples[cut.inner.clone()].iter().copied();
    std::iter::once((begin_ms, cut.left)).chain(inner).chain([(end_ms, cut.right)]).collect()
}

/// The samples around a window; not empty.
struct Points<'a> {
    stamps: &'a [u32],
    values: &'a [f64],
}

/// The values at a window's borders, and the samples strictly between them.
struct Cut {
    left: f64,
    right: f64,
    inner: Range<usize>,
}

impl Points<'_> {
    fn stamp(&self, i: usize) -> i64 {
        i64::from(self.stamps[i])
    }

    fn between(&self, before: usize, at: i64, counter: bool) -> f64 {
        let (a, b) = (self.values[before], self.values[before + 1]);
        let from = if counter && b < a { 0.0 } else { a };
        let (start, end) = (self.stamp(before), self.stamp(before + 1));
        from + (b - from) * (at - start) as f64 / (end - start) as f64
    }

    fn value_at(&self, at: i64) -> Option<f64> {
        let next = self.stamps.partition_point(|s| i64::from(*s) < at);
        if next < self.stamps.len() && self.stamp(next) == at {
            return Some(self.values[next]);
        }
        let before = next.checked_sub(1)?;
        Some(if next < self.stamps.len() { self.between(before, at, false) } else { self.values[before] })
    }

    /// `None` where the window has nothing.
    fn cut(&self, f: Extended, start: i64, end: i64) -> Option<Cut> {
        let (first, last) = f.borders(self.stamps.len(), |i| self.stamp(i), start, end)?;
        if self.stamp(first) > end {
            return None;
        }
        let counter = f.func.of_counter();
        let left = match f.smoothed && self.stamp(first) < start {
            true => self.between(first, start, counter),
            false => self.values[first],
        };
        let right = match f.smoothed && last > 0 && self.stamp(last) > end {
            true => self.between(last - 1, end, counter),
            false => self.values[last],
        };
        let from = first + usize::from(self.stamp(first) <= start);
        let upto = last + usize::from(self.stamp(last) < end);
        Some(Cut { left, right, inner: from..upto.max(from) })
    }
}

impl Cut {
    fn result(&self, f: Extended, points: &Points<'_>) -> f64 {
        let change = self.right - self.left;
        match f.func {
            ExtendedFn::Delta | ExtendedFn::Value => change,
            ExtendedFn::Increase => change + self.lost_by_resets(points),
            ExtendedFn::Rate => (change + self.lost_by_resets(points)) / seconds(f.range_ms),
            ExtendedFn::Changes => self.count(points, |a, b| a != b && !(a.is_nan() && b.is_nan())),
            ExtendedFn::Resets => self.count(points, |a, b| b < a),
        }
    }

    /// The values from border to border, each with its successor.
    fn pairs<'p>(&self, points: &'p Points<'_>) -> impl Iterator<Item = (f64, f64)> + 'p {
        let mut before = self.left;
        points.values[self.inner.clone()].iter().copied().chain([self.right]).map(move |v| {
            let pair = (before, v);
            before = v;
            pair
        })
    }

    fn lost_by_resets(&self, points: &Points<'_>) -> f64 {
        self.pairs(points).filter(|(a, b)| b < a).map(|(a, _)| a).sum()
    }

    fn count(&self, points: &Points<'_>, hit: impl Fn(f64, f64) -> bool) -> f64 {
        self.pairs(points).filter(|(a, b)| hit(*a, *b)).count() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::{RangeFn, Scratch, WindowSpec, range};
    use crate::samples::Samples;
    use bellwether_model::{Block, StepRange};

    const LOOKBACK_MS: i64 = 300_000;

    fn at(stamps: &[u32], values: &[f64], t_ms: i64, f: Extended) -> Option<f64> {
        let samples = Samples { base_ms: 0, stamps, values };
        let ahead_ms = if f.smoothed { LOOKBACK_MS } else { 0 };
        let spec = WindowSpec {
            range_ms: f.range_ms + LOOKBACK_MS + ahead_ms,
            offset_ms: f.offset_ms - ahead_ms,
            hidden_ms: 0,
        };
        let steps = StepRange { first_ms: t_ms, interval_ms: 1, count: 1 };
        let mut block = Block::with_rows(1, 1);
        range(RangeFn::Extended(f), samples, steps, spec, &[], None, &mut Scratch::default(), block.row_mut(0));
        block.row(0).get(0)
    }

    /// The first proposal's example (PROM-52): a counter scraped every 15 s that jumps once.
    #[test]
    fn increases_are_read_at_the_borders() {
        let stamps: Vec<u32> = (0..10).map(|i| i * 15_000).collect();
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 10.0, 11.0, 12.0, 13.0];
        let of = |smoothed, t_s: i64| {
            let f = Extended { func: ExtendedFn::Increase, smoothed, range_ms: 60_000, offset_ms: 0 };
            at(&stamps, &values, t_s * 1000, f)
        };
        assert_eq!((of(false, 5), of(false, 65), of(false, 80)), (Some(0.0), Some(4.0), Some(7.0)));
        let near =
            |got: Option<f64>, want: f64| assert!(got.is_some_and(|g| (g - want).abs() < 1e-9), "{got:?} {want}");
        near(of(true, 5), 1.0 / 3.0);
        near(of(true, 65), 5.0);
        near(of(true, 125), 6.0);
    }

    #[test]
    fn a_reset_at_a_border_starts_from_zero() {
        let f = Extended { func: ExtendedFn::Rate, smoothed: true, range_ms: 10_000, offset_ms: 0 };
        let rate = at(&[0, 15_000], &[100.0, 10.0], 12_000, f);
        assert!(rate.is_some_and(|r| (r - 2.0 / 3.0).abs() < 1e-9), "{rate:?}");
    }

    #[test]
    fn a_smoothed_selector_is_on_the_line_or_at_the_last_sample() {
        let f = Extended { func: ExtendedFn::Value, smoothed: true, range_ms: 0, offset_ms: 0 };
        let of = |t_ms| at(&[10_000, 20_000], &[2.0, 4.0], t_ms, f);
        assert_eq!((of(5_000), of(10_000), of(15_000), of(25_000)), (None, Some(2.0), Some(3.0), Some(4.0)));
    }
}

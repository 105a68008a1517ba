//! `rate`, `increase`, `delta`, `irate` and `idelta`.
//!
//! # Semantics
//! The first three extrapolate to the ends of the window, by at most half the mean distance of samples where the end
//! is farther than 1.1 of it, and a counter never below zero. The last two use the last two samples. All need two
//! samples; an extended range needs one and does not extrapolate.

use super::extended::cut;
use super::histogram_range;
use crate::value::{FloatPoint, Kinds, Point, Sampled, Windows};
use std::sync::Arc;

/// What a function makes of a difference.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Whether a fall is a reset.
    pub counter: bool,
    /// Whether the result is by second.
    pub per_second: bool,
}

/// A change and what a counter lost by resets, added one by one as Prometheus does, because that rounds.
fn regained(change: f64, first: f64, rest: impl Iterator<Item = f64>) -> f64 {
    rest.fold((first, change), |(before, change), v| (v, if v < before { change + before } else { change })).1
}

/// `rate`, `increase` and `delta` of one series; of floats and histograms together there is none.
pub fn extrapolated(points: &[Point], w: &Windows, kind: Kind) -> Option<Sampled> {
    match (Kinds::of(points), w.extension) {
        (Kinds::Floats(points), None) => of_floats(&points, w, kind).map(Sampled::Float),
        (Kinds::Floats(points), Some(_)) => extended(&points, w, kind).map(Sampled::Float),
        (Kinds::Histograms(points), None) => histogram_range::extrapolated(&points, w, kind),
        (Kinds::Histograms(points), Some(_)) => histogram_range::extended(&points, w, kind),
        (Kinds::Mixed, _) => None,
    }
}

fn of_floats(points: &[FloatPoint], w: &Windows, kind: Kind) -> Option<f64> {
    let (first, last) = (*points.first()?, *points.last()?);
    if points.len() < 2 {
        return None;
    }
    let mut change = last.1 - first.1;
    if kind.counter {
        change = regained(change, first.1, points.iter().skip(1).map(|p| p.1));
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let sampled = seconds(last.0 - first.0);
    let between = sampled / (points.len() - 1) as f64;
    let threshold = between * 1.1;
    let (mut to_start, mut to_end) = (seconds(first.0 - w.start_ms), seconds(w.end_ms - last.0));
    if to_start >= threshold {
        to_start = between / 2.0;
    }
    if kind.counter && change > 0.0 && first.1 >= 0.0 {
        let to_zero = sampled * (first.1 / change);
        to_start = if to_zero < to_start { to_zero } else { to_start };
    }
    if to_end >= threshold {
        to_end = between / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if kind.per_second {
        factor /= seconds(w.end_ms - w.start_ms);
    }
    Some(change * factor)
}

fn extended(points: &[FloatPoint], w: &Windows, kind: Kind) -> Option<f64> {
    let c = cut(points, w, kind.counter)?;
    let mut change = c.right - c.left;
    if kind.counter {
        change += regained(0.0, c.left, c.inner.iter().map(|p| p.1).chain([c.right]));
    }
    let seconds = (w.end_ms - w.start_ms) as f64 / 1000.0;
    Some(if kind.per_second { change / seconds } else { change })
}

/// `irate` and `idelta` of one series.
pub fn instantaneous(points: &[Point], kind: Kind) -> Option<Sampled> {
    let [.., before, last] = points else { return None };
    match (&before.1, &last.1) {
        (Sampled::Float(a), Sampled::Float(b)) => of_two((before.0, *a), (last.0, *b), kind).map(Sampled::Float),
        (Sampled::Histogram(a), Sampled::Histogram(b)) => {
            histogram_range::instantaneous(&(before.0, Arc::clone(a)), &(last.0, Arc::clone(b)), kind)
        }
        _ => None,
    }
}

fn of_two(before: FloatPoint, last: FloatPoint, kind: Kind) -> Option<f64> {
    let reset = kind.counter && last.1 < before.1;
    let change = if reset { last.1 } else { last.1 - before.1 };
    let ms = last.0 - before.0;
    (ms != 0).then(|| if kind.per_second { change / (ms as f64 / 1000.0) } else { change })
}

//! `changes` and `resets`: how often a series changed its value, or fell.

use crate::value::{Point, Sampled};

fn count(points: &[Point], counts: impl Fn(&Sampled, &Sampled) -> bool) -> Option<f64> {
    let pairs = points.windows(2).filter(|p| counts(&p[0].1, &p[1].1));
    (!points.is_empty()).then(|| pairs.count() as f64)
}

/// `changes`; NaN to NaN is none, from a float to a histogram or back is one.
pub fn changes(points: &[Point]) -> Option<f64> {
    count(points, |before, now| match (before, now) {
        (Sampled::Float(before), Sampled::Float(now)) => now != before && !(now.is_nan() && before.is_nan()),
        (Sampled::Histogram(before), Sampled::Histogram(now)) => !now.equals(before),
        _ => true,
    })
}

/// `resets`; from a float to a histogram or back is one.
pub fn resets(points: &[Point]) -> Option<f64> {
    count(points, |before, now| match (before, now) {
        (Sampled::Float(before), Sampled::Float(now)) => now < before,
        (Sampled::Histogram(before), Sampled::Histogram(now)) => now.detect_reset(before),
        _ => true,
    })
}

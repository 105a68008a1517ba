//! `changes` and `resets`: how often a series changed its value, or fell.

use crate::value::Point;

fn count(points: &[Point], counts: impl Fn(f64, f64) -> bool) -> Option<f64> {
    let pairs = points.windows(2).filter(|p| counts(p[0].1, p[1].1));
    (!points.is_empty()).then(|| pairs.count() as f64)
}

/// `changes`; NaN to NaN is none.
pub fn changes(points: &[Point]) -> Option<f64> {
    count(points, |before, now| now != before && !(now.is_nan() && before.is_nan()))
}

/// `resets`.
pub fn resets(points: &[Point]) -> Option<f64> {
    count(points, |before, now| now < before)
}

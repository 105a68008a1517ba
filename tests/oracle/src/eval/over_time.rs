//! `…_over_time`: one number of the values of a window.

use super::histogram_sum;
use crate::numeric::{maximum, mean, minimum, quantile, sum, variance_over_time};
use crate::value::{Fault, FloatPoint, Point, Sampled, fail};

/// The functions that take any values, on those of a window that is not empty; `None` of another function.
pub fn of_any(name: &str, points: &[Point]) -> Option<Option<Sampled>> {
    Some(match name {
        "sum_over_time" => histogram_sum::of(points, sum, histogram_sum::sum),
        "avg_over_time" => histogram_sum::of(points, mean, histogram_sum::mean),
        "count_over_time" => Some(Sampled::Float(points.len() as f64)),
        "present_over_time" => Some(Sampled::Float(1.0)),
        "last_over_time" => points.last().map(|p| p.1.clone()),
        "first_over_time" => points.first().map(|p| p.1.clone()),
        "ts_of_first_over_time" => points.first().map(|p| Sampled::Float(p.0 as f64 / 1000.0)),
        "ts_of_last_over_time" => points.last().map(|p| Sampled::Float(p.0 as f64 / 1000.0)),
        _ => return None,
    })
}

/// The function of that name on the floats of a window, at least one.
pub fn function(name: &str) -> Option<fn(&[f64]) -> f64> {
    Some(match name {
        "min_over_time" => minimum,
        "max_over_time" => maximum,
        "stdvar_over_time" => variance_over_time,
        "mad_over_time" => median_deviation,
        "stddev_over_time" => |v| variance_over_time(v).sqrt(),
        _ => return None,
    })
}

/// When the least or greatest value was, in seconds; of equal extremes the newest counts.
pub fn time_of(name: &str, points: &[FloatPoint]) -> Option<f64> {
    let extreme = |value: f64| points.iter().rev().find(|p| p.1 == value || (p.1.is_nan() && value.is_nan()));
    let point = match name {
        "ts_of_min_over_time" => extreme(minimum(&values(points))),
        "ts_of_max_over_time" => extreme(maximum(&values(points))),
        _ => None,
    };
    point.map(|p| p.0 as f64 / 1000.0)
}

/// `mad_over_time`: the median distance from the median; with a NaN there is none.
fn median_deviation(values: &[f64]) -> f64 {
    if values.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let median = quantile(0.5, values);
    quantile(0.5, &values.iter().map(|v| (v - median).abs()).collect::<Vec<_>>())
}

/// `double_exponential_smoothing`.
pub fn smoothed(values: &[f64], smoothing: f64, trend: f64) -> Result<Option<f64>, Fault> {
    for (what, short, factor) in [("smoothing", "sf", smoothing), ("trend", "tf", trend)] {
        if factor <= 0.0 || factor >= 1.0 {
            return fail(format!("invalid {what} factor. Expected: 0 < {short} < 1, got: {factor:.6}"));
        }
    }
    let [first, second, ..] = values else { return Ok(None) };
    let (mut level, mut slope) = (*first, second - first);
    for (i, value) in values.iter().enumerate().skip(1) {
        let before = level;
        level = smoothing * value + (1.0 - smoothing) * (level + slope);
        // The first slope is that of the first two values: it is not smoothed before the third.
        if i + 1 < values.len() {
            slope = trend * (level - before) + (1.0 - trend) * slope;
        }
    }
    Ok(Some(level))
}

/// `integral`: the area under the points by the left point, the right one, or the mean of both.
pub fn integral(points: &[FloatPoint], strategy: Option<f64>) -> f64 {
    let number = |v: f64| if v.is_nan() { 0.0 } else { v };
    let areas = points.windows(2).map(|p| {
        let (before, now) = (number(p[0].1), number(p[1].1));
        let value = match strategy {
            Some(0.0) => before,
            Some(1.0) => now,
            _ => before / 2.0 + now / 2.0,
        };
        value * (p[1].0 - p[0].0) as f64 / 1000.0
    });
    sum(&areas.collect::<Vec<_>>())
}

/// Whether the function keeps the name: its result is one of the series' own values.
pub fn keeps_name(name: &str) -> bool {
    matches!(name, "last_over_time" | "first_over_time")
}

/// The values of points.
pub fn values(points: &[FloatPoint]) -> Vec<f64> {
    points.iter().map(|p| p.1).collect()
}

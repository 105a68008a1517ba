//! `…_over_time`: one number of the values of a window.

use crate::numeric::{maximum, mean, minimum, sum, variance_over_time};
use crate::value::Point;

/// The function of that name on the values of a window that is not empty.
pub fn function(name: &str) -> Option<fn(&[f64]) -> f64> {
    Some(match name {
        "sum_over_time" => sum,
        "avg_over_time" => mean,
        "min_over_time" => minimum,
        "max_over_time" => maximum,
        "count_over_time" => |v| v.len() as f64,
        "present_over_time" => |_| 1.0,
        "last_over_time" => |v| v[v.len() - 1],
        "first_over_time" => |v| v[0],
        "stdvar_over_time" => variance_over_time,
        "stddev_over_time" => |v| variance_over_time(v).sqrt(),
        _ => return None,
    })
}

/// Whether the function keeps the name: its result is one of the series' own values.
pub fn keeps_name(name: &str) -> bool {
    matches!(name, "last_over_time" | "first_over_time")
}

/// The values of points.
pub fn values(points: &[Point]) -> Vec<f64> {
    points.iter().map(|p| p.1).collect()
}

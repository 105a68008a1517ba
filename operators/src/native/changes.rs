//! `changes` and `resets` over samples with histograms among them.
//!
//! # Semantics (Prometheus `funcChanges`, `funcResets`)
//! From a float to a histogram or back is a change and a reset.

use bellwether_model::Value;

/// Number of changes.
pub(super) fn changes(points: impl Iterator<Item = Value>) -> f64 {
    count(points, |before, after| match (before, after) {
        (Value::Float(a), Value::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Value::Histogram(a), Value::Histogram(b)) => !a.equals(b),
        _ => true,
    })
}

/// Number of counter resets.
pub(super) fn resets(points: impl Iterator<Item = Value>) -> f64 {
    count(points, |before, after| match (before, after) {
        (Value::Float(a), Value::Float(b)) => b < a,
        (Value::Histogram(a), Value::Histogram(b)) => b.detect_reset(a),
        _ => true,
    })
}

fn count(mut points: impl Iterator<Item = Value>, differ: impl Fn(&Value, &Value) -> bool) -> f64 {
    let Some(mut before) = points.next() else { return 0.0 };
    let mut n = 0;
    for after in points {
        n += u32::from(differ(&before, &after));
        before = after;
    }
    f64::from(n)
}

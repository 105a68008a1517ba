//! `changes` and `resets` over samples with histograms, or start timestamps, among them.
//!
//! # Semantics (Prometheus `funcChanges`, `funcResets`)
//! From a float to a histogram or back is a change and a reset. A counter that began to count later was reset.

use super::range::Window;
use bellwether_model::Value;

/// A sample and its stamp, ms.
type Point = (i64, Value);

/// Number of changes.
pub(super) fn changes(points: impl Iterator<Item = Point>) -> f64 {
    count(points, |(_, before), (_, after)| match (before, after) {
        (Value::Float(a), Value::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Value::Histogram(a), Value::Histogram(b)) => !a.equals(b),
        _ => true,
    })
}

/// Number of counter resets among samples of a window.
pub(super) fn resets(w: &Window<'_>, points: impl Iterator<Item = Point>) -> f64 {
    count(points, |(t0, before), (t1, after)| match (before, after) {
        (Value::Float(a), Value::Float(b)) => b < a || w.reset(*t0, *t1),
        (Value::Histogram(a), Value::Histogram(b)) => w.reset(*t0, *t1) || b.detect_reset(a),
        _ => true,
    })
}

fn count(mut points: impl Iterator<Item = Point>, differ: impl Fn(&Point, &Point) -> bool) -> f64 {
    let Some(mut before) = points.next() else { return 0.0 };
    let mut n = 0;
    for after in points {
        n += u32::from(differ(&before, &after));
        before = after;
    }
    f64::from(n)
}

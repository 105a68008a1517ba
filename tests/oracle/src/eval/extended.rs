//! `anchored` and `smoothed` ranges.
//!
//! # Semantics
//! Prometheus 3.16's `extendFloats` and `extendedRate`: an anchored range starts at the last sample at or before its
//! start; a smoothed one interpolates at both ends. Between two samples of a counter that was reset, interpolation
//! starts from zero.
//!
//! # Errors
//! A function that knows no extension refuses it.

use crate::value::{Extension, Fault, FloatPoint, Kinds, Point, Sampled, Windows, fail};

/// The value at `at_ms` on the line between two points.
pub fn interpolate(before: FloatPoint, after: FloatPoint, at_ms: i64, counter: bool) -> f64 {
    let from = if counter && after.1 < before.1 { 0.0 } else { before.1 };
    from + (after.1 - from) * (at_ms - before.0) as f64 / (after.0 - before.0) as f64
}

/// Refuses an extension that the function does not know.
pub fn check(function: &str, extension: Option<Extension>) -> Result<(), Fault> {
    let (word, known): (&str, &[&str]) = match extension {
        None => return Ok(()),
        Some(Extension::Anchored) => ("anchored", &["changes", "delta", "increase", "rate", "resets"]),
        Some(Extension::Smoothed) => ("smoothed", &["delta", "increase", "rate"]),
    };
    if known.contains(&function) {
        return Ok(());
    }
    fail(format!("{word} modifier can only be used with: {} - not with {function}", known.join(", ")))
}

/// A window cut at both ends: the values there, and the points strictly between.
pub struct Cut {
    /// Value at the start.
    pub left: f64,
    /// Value at the end.
    pub right: f64,
    /// Points in between.
    pub inner: Vec<FloatPoint>,
}

/// Cuts the points of an extended window; `None` if it holds nothing.
pub fn cut(points: &[FloatPoint], w: &Windows, counter: bool) -> Option<Cut> {
    let smoothed = w.extension == Some(Extension::Smoothed);
    let newest = points.len().checked_sub(1)?;
    let mut first = points[..newest].partition_point(|(t, _)| *t <= w.start_ms).saturating_sub(1);
    let mut last = newest;
    if smoothed {
        last = points[..newest].partition_point(|(t, _)| *t < w.end_ms);
    }
    if points[last].0 <= w.start_ms || points[first].0 > w.end_ms {
        return None;
    }
    let left = if smoothed && points[first].0 < w.start_ms {
        interpolate(points[first], points[first + 1], w.start_ms, counter)
    } else {
        points[first].1
    };
    let right = if smoothed && last > 0 && points[last].0 > w.end_ms {
        interpolate(points[last - 1], points[last], w.end_ms, counter)
    } else {
        points[last].1
    };
    if points[first].0 <= w.start_ms {
        first += 1;
    }
    let end = if points[last].0 >= w.end_ms { last } else { last + 1 };
    let inner = points.get(first..end).unwrap_or_default().to_vec();
    Some(Cut { left, right, inner })
}

/// The floats of an extended window as a range vector has them: its ends are points too.
pub fn points_of(points: &[Point], w: &Windows) -> Result<Vec<Point>, Fault> {
    let Kinds::Floats(points) = Kinds::of(points) else {
        return fail("anchored and smoothed modifiers are not supported with histograms");
    };
    let Some(c) = cut(&points, w, false) else { return Ok(Vec::new()) };
    let ends = ([(w.start_ms, c.left)], [(w.end_ms, c.right)]);
    Ok(ends.0.into_iter().chain(c.inner).chain(ends.1).map(|(t, v)| (t, Sampled::Float(v))).collect())
}

/// The points that changes are counted of: of an anchored window the last one at or before its start, and those behind,
/// if there are any.
pub fn counted<'p>(points: &'p [Point], w: &Windows) -> &'p [Point] {
    if w.extension.is_none() {
        return points;
    }
    let behind = points.partition_point(|(t, _)| *t <= w.start_ms);
    if behind == points.len() { &[] } else { &points[behind.saturating_sub(1)..] }
}

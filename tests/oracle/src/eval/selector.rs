//! Selectors: `metric{a="b"} offset 5m @ 100`, `metric[5m]`.
//!
//! # Semantics
//! An instant selector gives the newest sample in (t - lookback, t], unless that is a stale marker. A range selector
//! gives the samples in (t - range, t] without stale markers. `@` sets t, then `offset` is taken off. `smoothed`
//! interpolates between the neighbours within the lookback on both sides.

use super::extended::interpolate;
use super::{Env, histogram_range};
use crate::store::between;
use crate::value::{Element, Extension, Fault, FloatPoint, Kinds, Point, Sampled, Windows};
use bellwether_model::{Labels, is_stale};
use promql_parser::parser::{AtModifier, MatrixSelector, Offset, VectorSelector};
use std::time::{Duration, SystemTime};

/// A duration of the tree, ms.
pub fn millis(duration: &Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The instant that a selector or subquery reads at.
pub fn reference_ms(at: Option<&AtModifier>, offset: Option<&Offset>, env: &Env<'_>) -> i64 {
    let at_ms = match at {
        None => env.at_ms,
        Some(AtModifier::Start) => env.bounds.start_ms,
        Some(AtModifier::End) => env.bounds.end_ms,
        Some(AtModifier::At(time)) => match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => millis(&after),
            Err(before) => -millis(&before.duration()),
        },
    };
    match offset {
        None => at_ms,
        Some(Offset::Pos(d)) => at_ms - millis(d),
        Some(Offset::Neg(d)) => at_ms + millis(d),
    }
}

fn selected<'a>(vs: &'a VectorSelector, env: &Env<'a>) -> impl Iterator<Item = (&'a Labels, &'a [Point])> {
    let matches = |labels: &Labels| vs.matchers.matchers.iter().all(|m| m.is_match(labels.get(&m.name)));
    env.store.series(vs.name.as_deref()).filter(move |(labels, _)| matches(labels))
}

/// An instant selector.
pub fn instant(vs: &VectorSelector, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let at_ms = reference_ms(vs.at.as_ref(), vs.offset.as_ref(), env);
    let newest = |points: &[Point]| between(points, at_ms - env.options.lookback_ms, at_ms).last().cloned();
    let read = |(labels, points): (&Labels, &[Point])| {
        let (stamp_ms, value) = newest(points)?;
        (!ends(&value)).then(|| Element { labels: labels.clone(), value, stamp_ms })
    };
    Ok(selected(vs, env).filter_map(read).collect())
}

/// `metric smoothed`.
pub fn smoothed(vs: &VectorSelector, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let at_ms = reference_ms(vs.at.as_ref(), vs.offset.as_ref(), env);
    let lookback = env.options.lookback_ms;
    let read = |(labels, points): (&Labels, &[Point])| {
        let value = match Kinds::of(&live(between(points, at_ms - lookback, at_ms + lookback))) {
            Kinds::Floats(points) => Sampled::Float(on_the_line(&points, at_ms)?),
            Kinds::Histograms(points) => histogram_range::on_the_line(&points, at_ms)?,
            Kinds::Mixed => return None,
        };
        Some(env.sampled(labels.clone(), value))
    };
    Ok(selected(vs, env).filter_map(read).collect())
}

fn on_the_line(points: &[FloatPoint], at_ms: i64) -> Option<f64> {
    let next = points.partition_point(|(stamp, _)| *stamp < at_ms);
    Some(match (next.checked_sub(1).map(|i| points[i]), points.get(next)) {
        (_, Some((stamp, value))) if *stamp == at_ms => *value,
        (Some(before), Some(after)) => interpolate(before, *after, at_ms, false),
        (Some((_, value)), None) => value,
        (None, _) => return None,
    })
}

/// Whether a value is a stale marker.
fn ends(value: &Sampled) -> bool {
    matches!(value, Sampled::Float(v) if is_stale(*v))
}

fn live(points: &[Point]) -> Vec<Point> {
    points.iter().filter(|(_, value)| !ends(value)).cloned().collect()
}

/// A range selector.
pub fn range(ms: &MatrixSelector, env: &Env<'_>) -> Result<Windows, Fault> {
    let end_ms = reference_ms(ms.vs.at.as_ref(), ms.vs.offset.as_ref(), env);
    let start_ms = end_ms - millis(&ms.range);
    let rows = rows(&ms.vs, env, start_ms, end_ms);
    Ok(Windows { rows, start_ms, end_ms, extension: None })
}

/// A range selector with the samples around it that its extension may use.
pub fn extended(ms: &MatrixSelector, extension: Extension, env: &Env<'_>) -> Result<Windows, Fault> {
    let window = range(ms, env)?;
    let lookback = env.options.lookback_ms;
    let ahead = if extension == Extension::Smoothed { lookback } else { 0 };
    let rows = rows(&ms.vs, env, window.start_ms - lookback, window.end_ms + ahead);
    Ok(Windows { rows, extension: Some(extension), ..window })
}

fn rows(vs: &VectorSelector, env: &Env<'_>, after_ms: i64, upto_ms: i64) -> Vec<(Labels, Vec<Point>)> {
    let read = |(labels, points): (&Labels, &[Point])| (labels.clone(), live(between(points, after_ms, upto_ms)));
    selected(vs, env).map(read).filter(|(_, points)| !points.is_empty()).collect()
}

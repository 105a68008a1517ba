//! `rate` and its kin over windows of native histograms.
//!
//! # Semantics
//! Prometheus's `histogramRate`, `instantValue`, `extendedHistogramRate` and `smoothSeries`: as of floats, the count of
//! observations being the counter. A reset right after the first histogram makes that one nothing. Exponential and custom
//! buckets together have no result. What grew is a gauge without empty buckets.

use super::rate::Kind;
use crate::value::{Extension, HistogramPoint, Sampled, Windows};
use bellwether_model::Histogram;
use bellwether_model::histogram::Hint;
use std::sync::Arc;

fn gauge(mut h: Histogram) -> Histogram {
    h.hint = Hint::Gauge;
    h.compact();
    h
}

fn sampled(h: Histogram) -> Sampled {
    Sampled::Histogram(Arc::new(h))
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn one_layout(points: &[HistogramPoint]) -> bool {
    points.windows(2).all(|p| p[0].1.is_custom() == p[1].1.is_custom())
}

/// What was there before each reset, added to what grew.
fn add_lost<'h>(grown: &mut Histogram, all: impl Iterator<Item = &'h Histogram>) -> Option<()> {
    let all: Vec<&Histogram> = all.collect();
    for pair in all.windows(2).filter(|pair| pair[1].detect_reset(pair[0])) {
        grown.add(pair[0]).ok()?;
    }
    Some(())
}

fn growth(points: &[HistogramPoint], counter: bool) -> Option<Histogram> {
    let mut all: Vec<&Histogram> = points.iter().map(|p| &*p.1).collect();
    let (second, last) = (all[1], all[all.len() - 1]);
    let nothing =
        Histogram { schema: second.schema, custom_values: second.custom_values.clone(), ..Histogram::default() };
    if counter && second.detect_reset(all[0]) {
        all[0] = &nothing;
    }
    let looked_at = if counter { all.as_slice() } else { &[all[0], last] };
    if looked_at.iter().any(|h| h.is_custom() != last.is_custom()) {
        return None;
    }
    let mut grown = last.clone();
    grown.reduce(looked_at.iter().map(|h| h.schema).min()?);
    grown.subtract(all[0]).ok()?;
    if counter {
        add_lost(&mut grown, all.into_iter())?;
    }
    Some(gauge(grown))
}

/// `rate`, `increase` and `delta` of one series.
pub fn extrapolated(points: &[HistogramPoint], w: &Windows, kind: Kind) -> Option<Sampled> {
    if points.len() < 2 {
        return None;
    }
    let mut grown = growth(points, kind.counter)?;
    let (first, last) = (&points[0], &points[points.len() - 1]);
    let sampled_s = seconds(last.0 - first.0);
    let between = sampled_s / (points.len() - 1) as f64;
    let reach = |to_end: f64| if to_end >= between * 1.1 { between / 2.0 } else { to_end };
    let (mut to_start, to_end) = (reach(seconds(first.0 - w.start_ms)), reach(seconds(w.end_ms - last.0)));
    if kind.counter && grown.count > 0.0 && first.1.count >= 0.0 {
        to_start = to_start.min(sampled_s * (first.1.count / grown.count));
    }
    let mut factor = (sampled_s + to_start + to_end) / sampled_s;
    if kind.per_second {
        factor /= seconds(w.end_ms - w.start_ms);
    }
    grown.multiply(factor);
    Some(sampled(grown))
}

/// `irate` and `idelta` of one series.
pub fn instantaneous(before: &HistogramPoint, last: &HistogramPoint, kind: Kind) -> Option<Sampled> {
    let mut grown = (*last.1).clone();
    if !(kind.counter && last.1.detect_reset(&before.1)) {
        grown.subtract(&before.1).ok()?;
    }
    let mut grown = gauge(grown);
    if kind.per_second {
        grown.divide(seconds(last.0 - before.0));
    }
    Some(sampled(grown))
}

/// The histogram on the line between two points; the line of a counter that was reset starts from nothing.
fn interpolate(before: &HistogramPoint, after: &HistogramPoint, at_ms: i64, counter: bool) -> Option<Histogram> {
    if at_ms == before.0 {
        return Some((*before.1).clone());
    }
    let mut h = (*after.1).clone();
    if at_ms == after.0 {
        return Some(h);
    }
    let part = (at_ms - before.0) as f64 / (after.0 - before.0) as f64;
    if counter && h.detect_reset(&before.1) {
        h.multiply(part);
        return Some(h);
    }
    h.subtract(&before.1).ok()?;
    h.multiply(part);
    h.add(&before.1).ok()?;
    Some(h)
}

/// `metric smoothed`.
pub fn on_the_line(points: &[HistogramPoint], at_ms: i64) -> Option<Sampled> {
    let next = points.partition_point(|p| p.0 < at_ms);
    let (before, after) = (next.checked_sub(1).map(|i| &points[i]), points.get(next));
    match (before, after) {
        (_, Some((t, h))) if *t == at_ms => Some(Sampled::Histogram(Arc::clone(h))),
        (Some(before), Some(after)) => {
            let counter = before.1.hint != Hint::Gauge || after.1.hint != Hint::Gauge;
            let one_layout = before.1.is_custom() == after.1.is_custom();
            interpolate(before, after, at_ms, counter).filter(|_| one_layout).map(sampled)
        }
        (Some((_, h)), None) => Some(sampled(Histogram { hint: Hint::Unknown, ..(**h).clone() })),
        (None, _) => None,
    }
}

/// `rate`, `increase` and `delta` of an anchored or smoothed window.
pub fn extended(points: &[HistogramPoint], w: &Windows, kind: Kind) -> Option<Sampled> {
    let smoothed = w.extension == Some(Extension::Smoothed);
    // The samples that a window is made of: the last one at or before its start; of a smoothed one up to the first at or
    // behind its end.
    let from = points.iter().rposition(|p| p.0 <= w.start_ms).unwrap_or(0);
    let to = points.iter().position(|p| smoothed && p.0 >= w.end_ms).unwrap_or(points.len() - 1);
    let window = points.get(from..=to)?;
    let (first, last) = (&window[0], &window[window.len() - 1]);
    if last.0 <= w.start_ms || first.0 > w.end_ms || !one_layout(window) {
        return None;
    }
    let cut_left = smoothed && first.0 < w.start_ms;
    let left = if cut_left { interpolate(first, &window[1], w.start_ms, kind.counter)? } else { (*first.1).clone() };
    let cut_right = smoothed && to > 0 && last.0 > w.end_ms;
    let right = if cut_right { interpolate(&points[to - 1], last, w.end_ms, kind.counter)? } else { (*last.1).clone() };
    let mut grown = right.clone();
    grown.subtract(&left).ok()?;
    if kind.counter {
        let inner = &window[1..window.len().saturating_sub(1).max(1)];
        // A line that was drawn over a reset begins behind it.
        let behind = cut_left && window[1].1.detect_reset(&first.1);
        if !behind {
            add_lost(
                &mut grown,
                [&left]
                    .into_iter()
                    .chain(inner.iter().map(|p| &*p.1))
                    .chain([&right].into_iter().filter(|_| to > from)),
            )?;
        } else if to > from + 1 {
            add_lost(&mut grown, inner.iter().map(|p| &*p.1).chain([&right]))?;
        }
    }
    let mut grown = gauge(grown);
    if kind.per_second {
        grown.divide(seconds(w.end_ms - w.start_ms));
    }
    Some(sampled(grown))
}

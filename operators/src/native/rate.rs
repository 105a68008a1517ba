//! `rate`, `increase`, `delta`, `irate`, `idelta` of histograms.
//!
//! # Semantics (Prometheus `extrapolatedRate`, `histogramRate`, `instantValue`)
//! The last histogram less the first, plus what was there before each counter reset, at the coarsest resolution of the
//! window, and extrapolated as floats are; the count of observations stands for the value of the counter. A reset right
//! after the first histogram makes that one nothing, whatever its layout. The result is a gauge without empty buckets.

use super::range::{Say, Window};
use crate::annotation::{Doing, Issue};
use bellwether_model::histogram::Hint;
use bellwether_model::{Histogram, Value};
use std::sync::Arc;

/// `rate`, `increase` or `delta`.
pub(super) fn extrapolated(w: &Window<'_>, counter: bool, per_second: bool, say: Say<'_>) -> Option<Histogram> {
    let points = w.histograms;
    if w.is_mixed() {
        say(Issue::MixedRange);
        return None;
    }
    if points.len() < 2 {
        return None;
    }
    let (first, last) = (points.first()?, points.last()?);
    let mut result = difference(w, counter, say)?;
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let (mut to_start, mut to_end) = (seconds(first.0 - w.begin_ms), seconds(w.end_ms - last.0));
    let sampled = seconds(last.0 - first.0);
    let apart = sampled / (points.len() - 1) as f64;
    // A sample that is as near to a border as the next one would be expected stands for it.
    let threshold = apart * 1.1;
    if to_start >= threshold {
        to_start = apart / 2.0;
    }
    if counter && result.count > 0.0 && first.1.count >= 0.0 {
        to_start = f64::min(to_start, sampled * (first.1.count / result.count));
    }
    if to_end >= threshold {
        to_end = apart / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if per_second {
        factor /= seconds(w.end_ms - w.begin_ms);
    }
    result.multiply(factor);
    Some(result)
}

/// How much a window's histograms grew.
fn difference(w: &Window<'_>, counter: bool, say: Say<'_>) -> Option<Histogram> {
    let [(_, first), rest @ ..] = w.histograms else { return None };
    let [between @ .., (_, last)] = rest else { return None };
    let second = &rest.first()?.1;
    let gauge = |h: &Histogram| h.hint == Hint::Gauge;
    if counter && w.histograms.iter().any(|(_, h)| gauge(h)) {
        say(Issue::NotCounter);
    }
    let both = gauge(first) && gauge(last);
    if !counter && !both {
        say(Issue::NotGauge);
    }
    let mut first = Arc::clone(first);
    if counter && second.detect_reset(&first) {
        let custom_values = second.custom_values.clone();
        first = Arc::new(Histogram { schema: second.schema, custom_values, ..Histogram::default() });
    }
    let coarsest =
        between.iter().filter(|_| counter).map(|(_, h)| h.schema).fold(last.schema.min(first.schema), i8::min);
    let one_kind = |h: &Histogram| h.is_custom() == first.is_custom();
    if !one_kind(last) || (counter && !between.iter().all(|(_, h)| one_kind(h))) {
        say(Issue::MixedLayouts);
        return None;
    }
    let mut result = (**last).clone();
    result.reduce(coarsest);
    if result.subtract(&first).ok()?.bounds_reconciled {
        say(Issue::Reconciled(Doing::Subtraction));
    }
    if counter {
        let mut before = &first;
        for (_, h) in rest {
            if h.detect_reset(before) && result.add(before).ok()?.bounds_reconciled {
                say(Issue::Reconciled(Doing::Addition));
            }
            before = h;
        }
    }
    result.hint = Hint::Gauge;
    result.compact();
    Some(result)
}

/// `irate` where `per_second`, else `idelta`: the last two samples, which must be of one kind.
pub(super) fn instant_rate(w: &Window<'_>, per_second: bool, say: Say<'_>) -> Option<Value> {
    let (mut before, mut last) = (None, None);
    for point in w.points() {
        before = last.replace(point);
    }
    let ((t0, a), (t1, b)) = before.zip(last)?;
    let seconds = (t1 - t0) as f64 / 1000.0;
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => {
            let increase = if per_second && b < a { b } else { b - a };
            Some(Value::Float(if per_second { increase / seconds } else { increase }))
        }
        (Value::Histogram(a), Value::Histogram(b)) => {
            let gauges = [&a, &b].map(|h| h.hint == Hint::Gauge);
            if per_second && gauges != [false, false] {
                say(Issue::NotCounter);
            }
            if !per_second && gauges != [true, true] {
                say(Issue::NotGauge);
            }
            let mut result = (*b).clone();
            if !per_second || !b.detect_reset(&a) {
                match result.subtract(&a) {
                    Ok(facts) if facts.bounds_reconciled => say(Issue::Reconciled(Doing::Subtraction)),
                    Ok(_) => {}
                    Err(_) => {
                        say(Issue::MixedLayouts);
                        return None;
                    }
                }
            }
            result.hint = Hint::Gauge;
            result.compact();
            if per_second {
                result.divide(seconds);
            }
            Some(Value::Histogram(Arc::new(result)))
        }
        _ => {
            say(Issue::MixedRange);
            None
        }
    }
}

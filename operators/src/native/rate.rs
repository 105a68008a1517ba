//! `rate`, `increase`, `delta`, `irate`, `idelta` of histograms, and of counters whose start timestamps are known.
//!
//! # Semantics (Prometheus `extrapolatedRate`, `histogramRate`, `instantValue`)
//! The last sample less the first, plus what was there before each counter reset, and extrapolated to the window's borders;
//! of histograms at the coarsest resolution of the window, and the count of observations stands for the value of the
//! counter. A reset right after the first histogram makes that one nothing, whatever its layout. A counter that began to
//! count within the window was nothing then: one sample is enough for a result. Changes of histograms are gauges without
//! empty buckets.

use super::range::{Say, Window};
use crate::annotation::{Doing, Issue};
use crate::rate::seconds;
use bellwether_model::histogram::Hint;
use bellwether_model::{Histogram, Value};
use std::sync::Arc;

/// `rate`, `increase` or `delta`.
pub(super) fn extrapolated(w: &Window<'_>, counter: bool, per_second: bool, say: Say<'_>) -> Option<Value> {
    if w.is_mixed() {
        say(Issue::MixedRange);
        return None;
    }
    let (first_ms, last_ms) = w.span()?;
    let first = w.started(first_ms);
    let span = Span {
        first_ms,
        last_ms,
        distances: w.floats.len() + w.histograms.len() - 1,
        begun_ms: (counter && first.reset_since(w.begin_ms)).then_some(first.start_ms),
    };
    if span.distances == 0 && span.begun_ms.is_none() {
        return None;
    }
    let per = if per_second { seconds(w.end_ms - w.begin_ms) } else { 1.0 };
    if let [(_, first), rest @ ..] = w.histograms {
        let mut grown = if rest.is_empty() { (**first).clone() } else { difference(w, counter, say)? };
        if span.begun_ms.is_some() && !rest.is_empty() {
            said_reconciled(grown.add(first).ok()?.bounds_reconciled, Doing::Addition, say);
        }
        let to_zero = counter && grown.count > 0.0 && first.count >= 0.0;
        grown.multiply(span.stretch(w, to_zero.then(|| first.count / grown.count)) / per);
        return Some(Value::Histogram(Arc::new(grown)));
    }
    let first = *w.floats.values.first()?;
    let mut grown = growth(w, counter, say)?;
    if span.begun_ms.is_some() {
        grown += first;
    }
    let to_zero = counter && grown > 0.0 && first >= 0.0;
    Some(Value::Float(grown * (span.stretch(w, to_zero.then(|| first / grown)) / per)))
}

/// The samples of a window.
struct Span {
    first_ms: i64,
    last_ms: i64,
    /// From sample to sample.
    distances: usize,
    /// When the counter began to count, within the window and before its first sample.
    begun_ms: Option<i64>,
}

impl Span {
    /// By how much the growth is stretched to the window's borders. A counter was zero `zero` times the sampled time before
    /// its first sample, if nothing else is known.
    fn stretch(&self, w: &Window<'_>, zero: Option<f64>) -> f64 {
        let span = |from_ms: i64, upto_ms: i64| (upto_ms - from_ms) as f64 / 1000.0;
        let (mut to_start, mut to_end) = (span(w.begin_ms, self.first_ms), span(self.last_ms, w.end_ms));
        let mut sampled = span(self.first_ms, self.last_ms);
        let apart = if self.distances > 0 { sampled / self.distances as f64 } else { 0.0 };
        // A sample that is as near to a border as the next one would be expected stands for it.
        let threshold = apart * 1.1;
        if let Some(begun_ms) = self.begun_ms {
            to_start = 0.0;
            sampled = span(begun_ms, self.last_ms);
        } else {
            if to_start >= threshold {
                to_start = apart / 2.0;
            }
            if let Some(zero) = zero {
                to_start = f64::min(to_start, sampled * zero);
            }
        }
        if to_end >= threshold {
            to_end = apart / 2.0;
        }
        if sampled == 0.0 { 1.0 } else { (sampled + to_start + to_end) / sampled }
    }
}

fn said_reconciled(reconciled: bool, doing: Doing, say: Say<'_>) {
    if reconciled {
        say(Issue::Reconciled(doing));
    }
}

/// Stamps of each sample of a window and the one before.
fn neighbours<'w>(w: &'w Window<'_>) -> impl Iterator<Item = (i64, i64)> + 'w {
    w.stamps().zip(w.stamps().skip(1))
}

fn say_overlap(w: &Window<'_>, say: Say<'_>) {
    if neighbours(w).any(|(before, at)| w.started(at).overlaps(w.started(before))) {
        say(Issue::StartOverlap);
    }
}

/// How much a window's floats grew.
fn growth(w: &Window<'_>, counter: bool, say: Say<'_>) -> Option<f64> {
    let values = w.floats.values;
    let mut grown = values.last()? - values.first()?;
    if counter {
        say_overlap(w, say);
        for ((before, at), pair) in neighbours(w).zip(values.windows(2)) {
            if pair[1] < pair[0] || w.reset(before, at) {
                grown += pair[0];
            }
        }
    }
    Some(grown)
}

/// How much a window's histograms grew.
fn difference(w: &Window<'_>, counter: bool, say: Say<'_>) -> Option<Histogram> {
    let [(first_ms, first), rest @ ..] = w.histograms else { return None };
    let [between @ .., (_, last)] = rest else { return None };
    let (second_ms, second) = rest.first()?;
    let gauge = |h: &Histogram| h.hint == Hint::Gauge;
    if counter && w.histograms.iter().any(|(_, h)| gauge(h)) {
        say(Issue::NotCounter);
    }
    let both = gauge(first) && gauge(last);
    if !counter && !both {
        say(Issue::NotGauge);
    }
    let mut first = Arc::clone(first);
    if counter && (w.reset(*first_ms, *second_ms) || second.detect_reset(&first)) {
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
    said_reconciled(result.subtract(&first).ok()?.bounds_reconciled, Doing::Subtraction, say);
    if counter {
        say_overlap(w, say);
        let (mut before_ms, mut before) = (*first_ms, &first);
        for (at_ms, h) in rest {
            if w.reset(before_ms, *at_ms) || h.detect_reset(before) {
                said_reconciled(result.add(before).ok()?.bounds_reconciled, Doing::Addition, say);
            }
            (before_ms, before) = (*at_ms, h);
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
    let reset = per_second && w.reset(t0, t1);
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => {
            let increase = if reset || (per_second && b < a) { b } else { b - a };
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
            if !(reset || (per_second && b.detect_reset(&a))) {
                match result.subtract(&a) {
                    Ok(facts) => said_reconciled(facts.bounds_reconciled, Doing::Subtraction, say),
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

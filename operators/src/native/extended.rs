//! `rate`, `increase`, `delta`, `changes` and `resets` of `anchored` and `smoothed` windows with histograms, and a `smoothed`
//! selector.
//!
//! # Semantics (Prometheus promql/functions.go: extendedHistogramRate, pickFirstSampleIndices; promql/engine.go: smoothSeries)
//! Borders are those of [`Extended`]; between two histograms of a counter that was reset the line starts from nothing. A
//! window of floats and histograms has changes and resets only. A histogram at a border keeps the hint of the sample it was
//! made of, so that a reset within a line that was drawn is counted there and not once more.

use super::range::{Say, Window};
use super::{changes, started};
use crate::annotation::{Doing, Issue};
use crate::range::{Extended, ExtendedFn};
use crate::window::HistogramPoint;
use bellwether_model::histogram::{Facts, Hint, Incompatible};
use bellwether_model::{Histogram, Value};
use std::sync::Arc;

/// The function of the window that ends at `end_ms`, within one that reaches as far as samples count.
pub(super) fn extended(w: &Window<'_>, f: Extended, end_ms: i64, say: Say<'_>) -> Option<Value> {
    let line = Line { points: w.histograms, f, begin_ms: end_ms - f.range_ms, end_ms };
    match f.func {
        ExtendedFn::Changes => anchored(w, line.begin_ms).map(|points| Value::Float(changes::changes(points))),
        ExtendedFn::Resets => anchored(w, line.begin_ms).map(|points| Value::Float(changes::resets(w, points))),
        _ if w.is_mixed() => {
            say(Issue::MixedRange);
            None
        }
        _ if w.histograms.is_empty() => started::change(w, f, line.begin_ms, end_ms).map(Value::Float),
        ExtendedFn::Value => line.value(say).map(Value::Histogram),
        ExtendedFn::Rate | ExtendedFn::Increase | ExtendedFn::Delta => {
            line.change(say).map(|h| Value::Histogram(Arc::new(h)))
        }
    }
}

/// The last sample at or before the begin and those behind it; `None` where none is behind.
fn anchored<'w>(w: &'w Window<'_>, begin_ms: i64) -> Option<impl Iterator<Item = (i64, Value)> + 'w> {
    let before = w.points().take_while(|p| p.0 <= begin_ms).count();
    let any_behind = before < w.floats.len() + w.histograms.len();
    any_behind.then(|| w.points().skip(before.saturating_sub(1)))
}

/// Histograms, and the window that is cut out of them.
struct Line<'a> {
    /// Not empty.
    points: &'a [HistogramPoint],
    f: Extended,
    begin_ms: i64,
    end_ms: i64,
}

impl Line<'_> {
    /// The histogram at the window's end.
    fn value(&self, say: Say<'_>) -> Option<Arc<Histogram>> {
        let next = self.points.partition_point(|p| p.0 < self.end_ms);
        match (next.checked_sub(1), self.points.get(next)) {
            (_, Some((at_ms, h))) if *at_ms == self.end_ms => Some(Arc::clone(h)),
            (Some(before), Some((_, after))) => {
                let last = &self.points[before].1;
                if last.is_custom() != after.is_custom() {
                    say(Issue::MixedLayouts);
                    return None;
                }
                let counter = last.hint != Hint::Gauge || after.hint != Hint::Gauge;
                self.between(before, self.end_ms, counter, say).map(Arc::new)
            }
            (Some(last), None) => {
                // A hint is about two samples, not about a value that goes on.
                let mut h = Arc::clone(&self.points[last].1);
                Arc::make_mut(&mut h).hint = Hint::Unknown;
                Some(h)
            }
            (None, _) => None,
        }
    }

    /// What it grew by, or that a second.
    fn change(&self, say: Say<'_>) -> Option<Histogram> {
        let (first, last) = self.f.borders(self.points.len(), |i| self.points[i].0, self.begin_ms, self.end_ms)?;
        if self.points[first].0 > self.end_ms {
            return None;
        }
        let counter = self.f.func.of_counter();
        let within = &self.points[first..=last];
        let one_kind = |h: &Histogram| h.is_custom() == within[0].1.is_custom();
        if counter && within.iter().take_while(|(_, h)| one_kind(h)).any(|(_, h)| h.hint == Hint::Gauge) {
            say(Issue::NotCounter);
        }
        if !within.iter().all(|(_, h)| one_kind(h)) {
            say(Issue::MixedLayouts);
            return None;
        }
        let left = match self.f.smoothed && self.points[first].0 < self.begin_ms {
            true => self.between(first, self.begin_ms, counter, say)?,
            false => (*self.points[first].1).clone(),
        };
        let right = match self.f.smoothed && last > 0 && self.points[last].0 > self.end_ms {
            true => self.between(last - 1, self.end_ms, counter, say)?,
            false => (*self.points[last].1).clone(),
        };
        if !counter && (left.hint != Hint::Gauge || right.hint != Hint::Gauge) {
            say(Issue::NotGauge);
        }
        let mut grown = right.clone();
        said(grown.subtract(&left), Doing::Subtraction, say)?;
        if counter && let Some(lost) = self.lost_by_resets((first, last), &left, &right, say)? {
            said(grown.add(&lost), Doing::Addition, say)?;
        }
        if self.f.func == ExtendedFn::Rate {
            grown.divide(self.f.range_ms as f64 / 1000.0);
        }
        grown.hint = Hint::Gauge;
        grown.compact();
        Some(grown)
    }

    /// The histogram on the line from one point to the next; between a counter's reset the line starts from nothing.
    fn between(&self, before: usize, at_ms: i64, counter: bool, say: Say<'_>) -> Option<Histogram> {
        let ((t0, a), (t1, b)) = (&self.points[before], &self.points[before + 1]);
        if at_ms == *t0 || at_ms == *t1 {
            return Some((**if at_ms == *t0 { a } else { b }).clone());
        }
        let part = (at_ms - t0) as f64 / (t1 - t0) as f64;
        let mut h = (**b).clone();
        if counter && b.detect_reset(a) {
            h.multiply(part);
            return Some(h);
        }
        said(h.subtract(a), Doing::Subtraction, say)?;
        h.multiply(part);
        said(h.add(a), Doing::Addition, say)?;
        Some(h)
    }

    /// The sum of what was there before each reset, `Some(None)` where there was none; `None` where it has no result.
    fn lost_by_resets(
        &self,
        (first, last): (usize, usize),
        left: &Histogram,
        right: &Histogram,
        say: Say<'_>,
    ) -> Option<Option<Histogram>> {
        let (mut before, mut from) = (left, first + 1);
        if self.f.smoothed && self.points[first].0 < self.begin_ms {
            let next = &self.points[first + 1].1;
            if next.detect_reset(&self.points[first].1) {
                // The left border accounts for this reset.
                (before, from) = (next, from + 1);
            }
        }
        if from > last {
            return Some(None);
        }
        let mut lost: Option<Histogram> = None;
        for h in self.points[from..last].iter().map(|p| &*p.1).chain([right]) {
            if h.detect_reset(before) {
                match &mut lost {
                    Some(lost) => said(lost.add(before), Doing::Addition, say)?,
                    None => lost = Some(before.clone()),
                }
            }
            before = h;
        }
        Some(lost)
    }
}

/// Says what an addition came upon; `None` where there is no sum.
fn said(done: Result<Facts, Incompatible>, doing: Doing, say: Say<'_>) -> Option<()> {
    match done {
        Ok(facts) if facts.bounds_reconciled => say(Issue::Reconciled(doing)),
        Ok(_) => {}
        Err(Incompatible) => {
            say(Issue::MixedLayouts);
            return None;
        }
    }
    Some(())
}

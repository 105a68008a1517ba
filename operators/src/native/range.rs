//! Range functions over windows with histograms, or with start timestamps that the function reads.
//!
//! # Semantics (Prometheus promql/functions.go)
//! The kernels of floats ran already. What they gave stands where a window has neither, and for functions that
//! ignore histograms; elsewhere the window is computed anew, floats and histograms in order of time. `rate` and its kin,
//! and `sum` and `avg`, have no result over a mix of both. What is wrong with a window is an [`Issue`] at its step.

use super::extended::extended;
use super::starts::Started;
use super::{changes, over_time, rate};
use crate::annotation::{Issue, Issues};
use crate::range::{RangeFn, WindowSpec};
use crate::samples::Samples;
use crate::window::{Beside, HistogramPoint, StartPoint};
use bellwether_model::block::has;
use bellwether_model::{RowMut, StepRange, Value};
use std::sync::Arc;

/// Takes what is wrong with a window.
pub(super) type Say<'s> = &'s mut dyn FnMut(Issue);

/// A window; it has a sample.
pub(super) struct Window<'a> {
    pub(super) floats: Samples<'a>,
    pub(super) histograms: &'a [HistogramPoint],
    pub(super) starts: &'a [StartPoint],
    /// `(begin, end]`, ms; what is hidden of it is left out above.
    pub(super) begin_ms: i64,
    pub(super) end_ms: i64,
}

impl Window<'_> {
    /// Whether there are floats and histograms.
    pub(super) fn is_mixed(&self) -> bool {
        !self.floats.is_empty() && !self.histograms.is_empty()
    }

    /// What is known of the start of the sample with that stamp.
    pub(super) fn started(&self, at_ms: i64) -> Started {
        let found = self.starts.binary_search_by_key(&at_ms, |p| p.0).ok();
        Started { at_ms, start_ms: found.map_or(0, |i| self.starts[i].1) }
    }

    /// Whether start timestamps tell of a reset between two samples.
    pub(super) fn reset(&self, before_ms: i64, at_ms: i64) -> bool {
        !self.starts.is_empty() && self.started(at_ms).reset_after(self.started(before_ms))
    }

    /// Stamps of the samples, ms; of floats and histograms those of the floats first.
    pub(super) fn stamps(&self) -> impl Iterator<Item = i64> + '_ {
        let floats = self.floats.stamps.iter().map(|s| self.floats.base_ms + i64::from(*s));
        floats.chain(self.histograms.iter().map(|p| p.0))
    }

    /// Stamps of the first and the last sample of a window that is not mixed, ms.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let floats = self.floats.stamps.first().zip(self.floats.stamps.last());
        let floats = floats.map(|(a, b)| (self.floats.base_ms + i64::from(*a), self.floats.base_ms + i64::from(*b)));
        floats.or_else(|| Some((self.histograms.first()?.0, self.histograms.last()?.0)))
    }

    /// Floats and histograms in order of time.
    pub(super) fn points(&self) -> impl Iterator<Item = (i64, Value)> + '_ {
        let stamps = self.floats.stamps.iter().map(|s| self.floats.base_ms + i64::from(*s));
        let mut floats = stamps.zip(self.floats.values.iter().copied()).peekable();
        let mut histograms = self.histograms.iter().peekable();
        std::iter::from_fn(move || {
            let float_first = match (floats.peek(), histograms.peek()) {
                (Some((t, _)), Some((h, _))) => t < h,
                (float, _) => float.is_some(),
            };
            if float_first {
                return floats.next().map(|(t, v)| (t, Value::Float(v)));
            }
            histograms.next().map(|(t, h)| (*t, Value::Histogram(Arc::clone(h))))
        })
    }
}

/// The points with `begin_ms < stamp <= end_ms`.
fn within<T>(points: &[(i64, T)], begin_ms: i64, end_ms: i64) -> &[(i64, T)] {
    let from = points.partition_point(|p| p.0 <= begin_ms);
    let upto = points.partition_point(|p| p.0 <= end_ms);
    &points[from..upto.max(from)]
}

/// Computes the steps whose window has anything but floats; `samples` are without stale markers.
#[allow(clippy::too_many_arguments, reason = "those of the kernel it follows, and where issues go")]
pub fn range(
    func: RangeFn,
    samples: Samples<'_>,
    beside: Beside<'_>,
    steps: StepRange,
    spec: WindowSpec,
    mask: Option<&[u64]>,
    issues: &mut Issues,
    mut out: RowMut<'_>,
) {
    let knows = knows_histograms(func);
    for step in (0..steps.count).filter(|step| mask.is_none_or(|m| has(m, *step))) {
        let end_ms = steps.at(step).saturating_sub(spec.offset_ms);
        let begin_ms = end_ms.saturating_sub(spec.range_ms);
        let newest_ms = end_ms.saturating_sub(spec.hidden_ms);
        let histograms = within(beside.histograms, begin_ms, newest_ms);
        let starts = within(beside.starts, begin_ms, newest_ms);
        if histograms.is_empty() && starts.is_empty() {
            continue;
        }
        let floats = samples.between(begin_ms, newest_ms);
        if floats.is_empty() && histograms.is_empty() {
            // Of a stale marker.
            continue;
        }
        if !knows {
            if !floats.is_empty() {
                issues.add(step, Issue::IgnoredInRange);
            }
            continue;
        }
        let window = Window { floats, histograms, starts, begin_ms, end_ms };
        out.clear(step);
        let at_ms = steps.at(step);
        if let Some(value) = compute(func, &window, at_ms, &mut |issue| issues.add(step, issue)) {
            out.put(step, value);
        }
    }
}

fn knows_histograms(func: RangeFn) -> bool {
    use RangeFn::*;
    matches!(
        func,
        Rate | Increase
            | Delta
            | Irate
            | Idelta
            | Changes
            | Resets
            | AvgOverTime
            | SumOverTime
            | CountOverTime
            | LastOverTime
            | FirstOverTime
            | PresentOverTime
            | TsOfFirstOverTime
            | TsOfLastOverTime
            | Extended(_)
    )
}

fn compute(func: RangeFn, w: &Window<'_>, at_ms: i64, say: Say<'_>) -> Option<Value> {
    use RangeFn::*;
    let seconds = |t: i64| Value::Float(t as f64 / 1000.0);
    let histogram = |h| Some(Value::Histogram(Arc::new(h)));
    match func {
        Rate => rate::extrapolated(w, true, true, say),
        Increase => rate::extrapolated(w, true, false, say),
        Delta => rate::extrapolated(w, false, false, say),
        Irate => rate::instant_rate(w, true, say),
        Idelta => rate::instant_rate(w, false, say),
        Changes => Some(Value::Float(changes::changes(w.points()))),
        Resets => Some(Value::Float(changes::resets(w, w.points()))),
        AvgOverTime => histogram(over_time::avg(w, say)?),
        SumOverTime => histogram(over_time::sum(w, say)?),
        CountOverTime => Some(Value::Float((w.floats.len() + w.histograms.len()) as f64)),
        PresentOverTime => Some(Value::Float(1.0)),
        FirstOverTime => w.points().next().map(|p| p.1),
        LastOverTime => w.points().last().map(|p| p.1),
        TsOfFirstOverTime => w.points().next().map(|p| seconds(p.0)),
        TsOfLastOverTime => w.points().last().map(|p| seconds(p.0)),
        Extended(f) => extended(w, f, at_ms - f.offset_ms, say),
        _ => None,
    }
}

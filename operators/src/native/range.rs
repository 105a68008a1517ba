//! Range functions over windows with histograms.
//!
//! # Semantics (Prometheus promql/functions.go)
//! The kernels of floats ran already. What they gave stands where a window has no histogram, and for functions that
//! ignore histograms; elsewhere the window is computed anew, floats and histograms in order of time. `rate` and its kin,
//! and `sum` and `avg`, have no result over a mix of both. What is wrong with a window is an [`Issue`] at its step.

use super::extended::extended;
use super::{changes, over_time, rate};
use crate::annotation::{Issue, Issues};
use crate::range::{RangeFn, WindowSpec};
use crate::samples::Samples;
use crate::window::HistogramPoint;
use bellwether_model::block::has;
use bellwether_model::{RowMut, StepRange, Value};
use std::sync::Arc;

/// Takes what is wrong with a window.
pub(super) type Say<'s> = &'s mut dyn FnMut(Issue);

/// A window.
pub(super) struct Window<'a> {
    pub(super) floats: Samples<'a>,
    /// Not empty.
    pub(super) histograms: &'a [HistogramPoint],
    /// `(begin, end]`, ms.
    pub(super) begin_ms: i64,
    pub(super) end_ms: i64,
}

impl Window<'_> {
    /// Whether there are floats as well.
    pub(super) fn is_mixed(&self) -> bool {
        !self.floats.is_empty()
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

/// Computes the steps whose window has a histogram; `samples` are without stale markers.
#[allow(clippy::too_many_arguments, reason = "those of the kernel it follows, and where issues go")]
pub fn range(
    func: RangeFn,
    samples: Samples<'_>,
    histograms: &[HistogramPoint],
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
        let from = histograms.partition_point(|p| p.0 <= begin_ms);
        let upto = histograms.partition_point(|p| p.0 <= end_ms);
        if from < upto {
            let floats = samples.between(begin_ms, end_ms);
            if !knows {
                if !floats.is_empty() {
                    issues.add(step, Issue::IgnoredInRange);
                }
                continue;
            }
            out.clear(step);
            let window = Window { floats, histograms: &histograms[from..upto], begin_ms, end_ms };
            let at_ms = steps.at(step);
            if let Some(value) = compute(func, &window, at_ms, &mut |issue| issues.add(step, issue)) {
                out.put(step, value);
            }
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
        Rate => histogram(rate::extrapolated(w, true, true, say)?),
        Increase => histogram(rate::extrapolated(w, true, false, say)?),
        Delta => histogram(rate::extrapolated(w, false, false, say)?),
        Irate => rate::instant_rate(w, true, say),
        Idelta => rate::instant_rate(w, false, say),
        Changes => Some(Value::Float(changes::changes(w.points().map(|p| p.1)))),
        Resets => Some(Value::Float(changes::resets(w.points().map(|p| p.1)))),
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

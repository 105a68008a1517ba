//! Instant selection from a series with histograms, or of start timestamps: the newest sample at each instant.
//!
//! # Semantics (Prometheus promql/engine.go, `vectorSelectorSingle`)
//! As [`crate::instant`]; of a float and a histogram the newer counts, and a stale marker hides both.

use crate::program::Reading;
use crate::range::WindowSpec;
use crate::samples::Samples;
use crate::window::Beside;
use bellwether_model::block::has;
use bellwether_model::{RowMut, StepRange, Value, is_stale};
use std::sync::Arc;

/// What `reading` says of the newest sample at each step; overwrites `out`. With a mask only its steps are set.
pub fn instant(
    samples: Samples<'_>,
    beside: Beside<'_>,
    steps: StepRange,
    window: WindowSpec,
    mask: Option<&[u64]>,
    reading: Reading,
    mut out: RowMut<'_>,
) {
    out.bits.fill(0);
    for step in (0..steps.count).filter(|step| mask.is_none_or(|m| has(m, *step))) {
        let end = steps.at(step).saturating_sub(window.offset_ms);
        let begin = end.saturating_sub(window.range_ms);
        let near = samples.between(begin, end);
        let float = near.stamps.last().zip(near.values.last()).map(|(s, v)| (near.base_ms + i64::from(*s), *v));
        let upto = beside.histograms.partition_point(|p| p.0 <= end);
        let histogram = beside.histograms[..upto].last().filter(|p| p.0 > begin);
        let newest = match (float, histogram) {
            (Some((t, v)), h) if h.is_none_or(|h| h.0 < t) => (!is_stale(v)).then_some((t, Value::Float(v))),
            (_, Some((t, h))) => Some((*t, Value::Histogram(Arc::clone(h)))),
            _ => None,
        };
        let Some((t, value)) = newest else { continue };
        match (reading, value) {
            (Reading::Value, value) | (Reading::Info, value @ Value::Histogram(_)) => out.put(step, value),
            (Reading::Time | Reading::Info, _) => out.set(step, t as f64 / 1000.0),
            (Reading::StartTime, _) => {
                let found = beside.starts.binary_search_by_key(&t, |p| p.0).ok();
                out.set(step, found.map_or(0.0, |i| beside.starts[i].1 as f64 / 1000.0));
            }
        }
    }
}

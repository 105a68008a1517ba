//! `target_info`: what else is known of a resource, as a series that queries join.

use super::OtlpOptions;
use super::message::KeyValue;
use super::points::series;
use super::translate::{ResourceLabels, SERVICE_INSTANCE, SERVICE_NAME, SERVICE_NAMESPACE};
use crate::source::intake::{Batch, MetricType, Told, TooManySamples};
use bellwether_model::METRIC_NAME;

/// Half of the lookback: at any instant between the first and the last point the series is there.
const INTERVAL_MS: i64 = 150_000;

/// Samples of a resource in one request: they reach back 17 days.
const MOST: i64 = 10_000;

/// Stamps of a resource's points.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span(Option<(i64, i64)>);

impl Span {
    /// Widens it to a stamp.
    pub(super) fn cover(&mut self, stamp_ms: i64) {
        let (first, last) = self.0.unwrap_or((stamp_ms, stamp_ms));
        self.0 = Some((first.min(stamp_ms), last.max(stamp_ms)));
    }
}

/// Appends `target_info` of a resource whose points were taken within a span. A resource that nothing else is known of,
/// or that nothing identifies, has none.
pub(super) fn target_info(
    attributes: &[KeyValue],
    resource: &ResourceLabels,
    options: &OtlpOptions,
    span: Span,
    batch: &mut Batch<'_>,
) -> Result<(), TooManySamples> {
    let Some((first, last)) = span.0 else { return Ok(()) };
    let identifies = |a: &KeyValue| [SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_INSTANCE].contains(&a.key.as_str());
    if attributes.iter().all(identifies) {
        return Ok(());
    }
    let keep = options.keep_identifying_resource_attributes;
    let told: Vec<KeyValue> = attributes.iter().filter(|a| keep || !identifies(a)).cloned().collect();
    // Promoted attributes are labels of it in any case.
    let unpromoted =
        ResourceLabels { job: resource.job.clone(), instance: resource.instance.clone(), ..Default::default() };
    let labels = unpromoted.with(&told).map(|mut labels| labels.set(METRIC_NAME, "target_info").build());
    let number = match labels.and_then(|labels| {
        let identified = !(labels.get("job").is_empty() && labels.get("instance").is_empty());
        if identified { series(&labels, batch).map(Some) } else { Ok(None) }
    }) {
        Ok(Some(number)) => number,
        Ok(None) => return Ok(()),
        Err(refusal) => {
            // No point is lost by it.
            batch.report().refuse(refusal.reason, 0, || format!("target_info: {}", refusal.text));
            return Ok(());
        }
    };
    let told = Told { metric: b"target_info", kind: MetricType::Gauge, help: b"Target metadata", unit: b"" };
    batch.dictionary().metadata().tell(&[told]);
    let mut stamp_ms = first.max(last.saturating_sub(INTERVAL_MS * MOST));
    while stamp_ms < last {
        batch.float(number, stamp_ms, 1.0, 0)?;
        stamp_ms += INTERVAL_MS;
    }
    batch.float(number, last, 1.0, 0)
}

//! Resources, their metrics, and the labels that all of their series share.

use super::message::{KeyValue, Metric, Request, ResourceMetrics};
use super::names::Kind;
use super::points::{Point, PointError};
use super::target_info::{Span, target_info};
use super::{CUMULATIVE, DELTA, OtlpOptions, attribute, names};
use crate::source::intake::{Batch, MetricType, Reason, Refusal, Told, TooManySamples};
use bellwether_model::{LabelsBuilder, METRIC_NAME};

pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_NAMESPACE: &str = "service.namespace";
pub(super) const SERVICE_INSTANCE: &str = "service.instance.id";

/// What a resource gives to all of its series.
#[derive(Debug, Default)]
pub(super) struct ResourceLabels {
    pub(super) job: String,
    pub(super) instance: String,
    /// By names as labels have them.
    pub(super) promoted: Vec<(String, String)>,
}

/// Translates a request into a batch.
pub(super) fn request(request: &Request, options: &OtlpOptions, batch: &mut Batch<'_>) -> Result<(), TooManySamples> {
    for of_resource in &request.resource_metrics {
        resource(of_resource, options, batch)?;
    }
    Ok(())
}

fn resource(of: &ResourceMetrics, options: &OtlpOptions, batch: &mut Batch<'_>) -> Result<(), TooManySamples> {
    let attributes = of.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
    let labels = ResourceLabels::new(attributes, options);
    let mut span = Span::default();
    for metric in of.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
        one_metric(metric, &labels, options, &mut span, batch)?;
    }
    target_info(attributes, &labels, options, span, batch)
}

impl ResourceLabels {
    fn new(attributes: &[KeyValue], options: &OtlpOptions) -> Self {
        let job = match (attribute::find(attributes, SERVICE_NAMESPACE), attribute::find(attributes, SERVICE_NAME)) {
            (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
            (None, Some(name)) => name,
            (_, None) => String::new(),
        };
        let instance = attribute::find(attributes, SERVICE_INSTANCE).unwrap_or_default();
        let promoted = attributes.iter().filter(|a| options.promote_resource_attributes.contains(&a.key));
        let named = |a: &KeyValue| Some((names::label(&a.key)?, attribute::text(a.value.as_ref())));
        Self { job, instance, promoted: promoted.filter_map(named).collect() }
    }

    /// The labels of a point without its metric's name.
    pub(super) fn with(&self, attributes: &[KeyValue]) -> Result<LabelsBuilder, Refusal> {
        let mut labels = LabelsBuilder::default();
        let mut sorted: Vec<&KeyValue> = attributes.iter().filter(|a| a.key != METRIC_NAME).collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        for a in sorted {
            let Some(name) = names::label(&a.key) else {
                let text = format!("nothing is left of the attribute's name {:?}", a.key);
                return Err(Refusal { reason: Reason::Labels, text });
            };
            let value = attribute::text(a.value.as_ref());
            // Attributes whose names become one are one label with all of their values.
            match labels.get(&name) {
                "" => labels.set(&name, &value),
                before => {
                    let both = format!("{before};{value}");
                    labels.set(&name, &both)
                }
            };
        }
        for (name, value) in &self.promoted {
            if labels.get(name).is_empty() {
                labels.set(name, value);
            }
        }
        self.identify(&mut labels);
        Ok(labels)
    }

    /// Sets what identifies the resource.
    pub(super) fn identify(&self, labels: &mut LabelsBuilder) {
        for (name, value) in [("job", &self.job), ("instance", &self.instance)] {
            if !value.is_empty() {
                labels.set(name, value);
            }
        }
    }
}

/// A metric's points, and what they have in common.
fn one_metric(
    metric: &Metric,
    resource: &ResourceLabels,
    options: &OtlpOptions,
    span: &mut Span,
    batch: &mut Batch<'_>,
) -> Result<(), TooManySamples> {
    let (kind, temporality, points) = Point::all(metric);
    let refuse = |batch: &mut Batch<'_>, n: usize, refusal: Refusal| {
        batch.report().refuse(refusal.reason, n as u64, || format!("{}: {}", shown(&metric.name), refusal.text));
    };
    let unsupported = |text: &str| Refusal { reason: Reason::Unsupported, text: text.to_owned() };
    let Some(kind) = kind else {
        refuse(batch, 0, unsupported("it is a metric of no kind that is known"));
        return Ok(());
    };
    let delta = temporality == DELTA;
    if delta && metric.sum.as_ref().is_some_and(|sum| !sum.is_monotonic) {
        let text = "delta temporality of a sum that also falls is not supported, set the exporter to cumulative";
        refuse(batch, points.len(), unsupported(text));
        return Ok(());
    }
    if !delta && temporality != CUMULATIVE {
        refuse(batch, points.len(), unsupported("its temporality is neither cumulative nor delta"));
        return Ok(());
    }
    let Some(name) = names::metric(&metric.name, &metric.unit, kind, options.suffixes) else {
        let text = "nothing is left of the metric's name".to_owned();
        refuse(batch, points.len(), Refusal { reason: Reason::Labels, text });
        return Ok(());
    };
    if !points.is_empty() {
        let (unit, help) = (names::unit(&metric.unit), metric.description.as_bytes());
        let told = Told { metric: name.as_bytes(), kind: type_of(metric), help, unit: unit.as_bytes() };
        batch.report().metadata += 1;
        batch.dictionary().metadata().tell(&[told]);
    }
    for point in points {
        match point.append(&name, delta, resource, batch) {
            Ok(stamp_ms) => span.cover(stamp_ms),
            Err(PointError::Refused(refusal)) => refuse(batch, 1, refusal),
            Err(PointError::TooMany(too_many)) => return Err(too_many),
        }
    }
    Ok(())
}

/// What a metric is as Prometheus says it (`otelMetricTypeToPromMetricType`); deltas are what they add up to.
fn type_of(metric: &Metric) -> MetricType {
    match metric {
        Metric { gauge: Some(_), .. } => MetricType::Gauge,
        Metric { sum: Some(sum), .. } if sum.is_monotonic => MetricType::Counter,
        Metric { sum: Some(_), .. } => MetricType::Gauge,
        Metric { histogram: Some(_), .. } | Metric { exponential_histogram: Some(_), .. } => MetricType::Histogram,
        Metric { summary: Some(_), .. } => MetricType::Summary,
        _ => MetricType::Unknown,
    }
}

/// A sender's text, as much of it as a message needs.
fn shown(name: &str) -> &str {
    &name[..name.floor_char_boundary(100)]
}

impl Point<'_> {
    /// Points of a metric, their kind as names know it, and their temporality; gauges and summaries are cumulative.
    fn all(metric: &Metric) -> (Option<Kind>, i32, Vec<Point<'_>>) {
        let cumulative = CUMULATIVE;
        if let Some(gauge) = &metric.gauge {
            (Some(Kind::Gauge), cumulative, gauge.data_points.iter().map(Point::Number).collect())
        } else if let Some(sum) = &metric.sum {
            let kind = if sum.is_monotonic { Kind::MonotoneSum } else { Kind::Other };
            (Some(kind), sum.aggregation_temporality, sum.data_points.iter().map(Point::Number).collect())
        } else if let Some(histogram) = &metric.histogram {
            let points = histogram.data_points.iter().map(Point::Histogram).collect();
            (Some(Kind::Other), histogram.aggregation_temporality, points)
        } else if let Some(histogram) = &metric.exponential_histogram {
            let points = histogram.data_points.iter().map(Point::Exponential).collect();
            (Some(Kind::Other), histogram.aggregation_temporality, points)
        } else if let Some(summary) = &metric.summary {
            (Some(Kind::Other), cumulative, summary.data_points.iter().map(Point::Summary).collect())
        } else {
            (None, cumulative, Vec::new())
        }
    }
}

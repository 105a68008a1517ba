//! Seeds: real rule files, test files, scripts and templates, read where they stand; messages as senders write them.

use crate::mutate::Numbers;
use bellwether_connectors::sink::remote_write::message;
use bellwether_connectors::source::otlp::message as otlp;
use bellwether_connectors::source::remote_write::Version;
use bellwether_dataflow::rules::{RuleKind, load};
use bellwether_model::histogram::Buckets;
use bellwether_model::{Histogram, Labels, Sample, Value, stale_nan};
use prost::Message;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Messages that a decoder starts from.
const MESSAGES: usize = 200;

/// What a target starts from: texts in order of their files, or messages.
pub fn seeds(shared: &Path, target: &str) -> Result<Vec<Vec<u8>>, String> {
    match target {
        "remote_write_1" => Ok(messages(Version::One)),
        "remote_write_2" => Ok(messages(Version::Two)),
        "otlp_protobuf" => Ok(requests().map(|request| request.encode_to_vec()).collect()),
        "otlp_json" => Ok(requests().map(|request| json(&request).into_bytes()).collect()),
        _ => Ok(text_seeds(shared, target)?.into_iter().map(String::into_bytes).collect()),
    }
}

fn messages(version: Version) -> Vec<Vec<u8>> {
    let mut numbers = Numbers(7);
    (0..MESSAGES).map(|_| message(version, &samples(&mut numbers))).collect()
}

/// A few series with a few samples each, floats and native histograms.
fn samples(numbers: &mut Numbers) -> Vec<Sample> {
    let mut samples = Vec::new();
    for _ in 0..numbers.below(4) {
        let label = |n: &mut Numbers| (["job", "instance", "le"][n.below(3)], ["a", "b:9090", "+Inf"][n.below(3)]);
        let name = ("__name__", ["up", "http_requests_total"][numbers.below(2)]);
        let labels = Labels::from_pairs([name, label(numbers), label(numbers)]);
        let native = numbers.below(3) == 0;
        for _ in 0..=numbers.below(3) {
            let timestamp_ms = 1_700_000_000_000 + numbers.below(60_000) as i64;
            let value = match (native, numbers.below(4)) {
                (true, _) => Value::Histogram(Arc::new(histogram(numbers))),
                (false, 0) => Value::Float(stale_nan()),
                (false, n) => Value::Float(n as f64 / 3.0),
            };
            let start_ms = if numbers.below(2) == 0 { 0 } else { timestamp_ms - 1_000 };
            samples.push(Sample { labels: labels.clone(), timestamp_ms, value, start_ms });
        }
    }
    samples
}

fn histogram(numbers: &mut Numbers) -> Histogram {
    let custom = numbers.below(2) == 0;
    let buckets = |numbers: &mut Numbers| Buckets::from_run(numbers.below(3) as i32, &[1.0, 2.0][..numbers.below(3)]);
    let positive = buckets(numbers);
    if custom {
        let custom_values = vec![0.5, 1.0, 2.5, 5.0];
        return Histogram { schema: -53, count: 3.0, sum: 2.0, positive, custom_values, ..Histogram::default() };
    }
    let negative = buckets(numbers);
    let schema = numbers.below(9) as i8;
    Histogram { schema, count: 6.0, zero_threshold: 0.001, positive, negative, ..Histogram::default() }
}

/// Requests of OTLP with points of all kinds.
fn requests() -> impl Iterator<Item = otlp::Request> {
    let mut numbers = Numbers(8);
    (0..MESSAGES).map(move |_| {
        let metrics = (0..numbers.below(4)).map(|_| metric(&mut numbers)).collect();
        let attributes = ["service.name", "service.instance.id", "host.name"].map(|key| attribute(key, &mut numbers));
        let resource = Some(otlp::Resource { attributes: attributes[..numbers.below(4)].to_vec() });
        let scope_metrics = vec![otlp::ScopeMetrics { metrics }];
        otlp::Request { resource_metrics: vec![otlp::ResourceMetrics { resource, scope_metrics }] }
    })
}

fn attribute(key: &str, numbers: &mut Numbers) -> otlp::KeyValue {
    let value = match numbers.below(3) {
        0 => otlp::AnyValue { int_value: Some(5), ..Default::default() },
        1 => otlp::AnyValue { double_value: Some(0.5), ..Default::default() },
        _ => otlp::AnyValue { string_value: Some("a b".to_owned()), ..Default::default() },
    };
    otlp::KeyValue { key: key.to_owned(), value: Some(value) }
}

fn metric(numbers: &mut Numbers) -> otlp::Metric {
    let time_unix_nano = 1_700_000_000_000_000_000 + numbers.below(1_000_000_000) as u64;
    let attributes = vec![attribute("http.method", numbers), attribute("http_method", numbers)];
    let point = otlp::NumberDataPoint { time_unix_nano, attributes, as_int: Some(-7), ..Default::default() };
    let aggregation_temporality = 1 + numbers.below(4).min(1) as i32;
    let mut metric = otlp::Metric { name: "http.requests".to_owned(), unit: "By/s".to_owned(), ..Default::default() };
    match numbers.below(5) {
        0 => metric.gauge = Some(otlp::Gauge { data_points: vec![point] }),
        1 => metric.sum = Some(otlp::Sum { data_points: vec![point], aggregation_temporality, is_monotonic: true }),
        2 => {
            let (bucket_counts, explicit_bounds) = (vec![1, 2], vec![0.5]);
            let sum = Some(1.5);
            let point = otlp::HistogramDataPoint {
                time_unix_nano,
                count: 3,
                sum,
                bucket_counts,
                explicit_bounds,
                ..Default::default()
            };
            metric.histogram = Some(otlp::Histogram { data_points: vec![point], aggregation_temporality });
        }
        3 => {
            let positive = Some(otlp::Buckets { offset: -2, bucket_counts: vec![1, 0, 2] });
            let point = otlp::ExponentialHistogramDataPoint {
                time_unix_nano,
                count: 3,
                scale: numbers.below(12) as i32 - 1,
                positive,
                ..Default::default()
            };
            let histogram = otlp::ExponentialHistogram { data_points: vec![point], aggregation_temporality };
            metric.exponential_histogram = Some(histogram);
        }
        _ => {
            let quantile_values = vec![otlp::ValueAtQuantile { quantile: 0.99, value: 1.0 }];
            let point = otlp::SummaryDataPoint { time_unix_nano, count: 3, quantile_values, ..Default::default() };
            metric.summary = Some(otlp::Summary { data_points: vec![point] });
        }
    }
    metric
}

/// A request as an exporter writes it in JSON: numbers of 64 bits are texts. Points are
/// those of gauges; mutations move them.
fn json(request: &otlp::Request) -> String {
    let of = |attributes: &[otlp::KeyValue]| {
        let pairs: Vec<String> =
            attributes.iter().map(|a| format!(r#"{{"key":"{}","value":{{"stringValue":"x"}}}}"#, a.key)).collect();
        pairs.join(",")
    };
    let mut resources = Vec::new();
    for r in &request.resource_metrics {
        let mut metrics = Vec::new();
        for m in r.scope_metrics.iter().flat_map(|s| &s.metrics) {
            let points = m.gauge.iter().flat_map(|g| &g.data_points).map(|p| {
                format!(
                    r#"{{"timeUnixNano":"{}","asInt":"-7","attributes":[{}]}}"#,
                    p.time_unix_nano,
                    of(&p.attributes)
                )
            });
            let points = points.collect::<Vec<_>>().join(",");
            let kinds = [
                (m.gauge.is_some(), "gauge"),
                (m.sum.is_some(), "sum"),
                (m.histogram.is_some(), "histogram"),
                (m.exponential_histogram.is_some(), "exponentialHistogram"),
            ];
            let kind = kinds.into_iter().find(|(is, _)| *is).map_or("summary", |(_, kind)| kind);
            metrics.push(format!(
                r#"{{"name":"{}","unit":"{}","{kind}":{{"aggregationTemporality":2,"dataPoints":[{points}]}}}}"#,
                m.name, m.unit
            ));
        }
        let attributes = of(r.resource.as_ref().map_or(&[][..], |r| &r.attributes));
        let metrics = metrics.join(",");
        resources.push(format!(
            r#"{{"resource":{{"attributes":[{attributes}]}},"scopeMetrics":[{{"metrics":[{metrics}]}}]}}"#
        ));
    }
    format!(r#"{{"resourceMetrics":[{}]}}"#, resources.join(","))
}

fn text_seeds(shared: &Path, target: &str) -> Result<Vec<String>, String> {
    let data = shared.join("conformance");
    match target {
        "rule_file" => texts(&[data.join("rulefmt_cases"), data.join("rules"), data.join("cr_samples")]),
        "test_file" => texts(&[data.join("unit")]),
        "expression" => Ok(evaluations(&texts(&[data.join("promqltest/prometheus")])?)),
        "template" => templates(&data),
        _ => Err(format!("there is no target {target}")),
    }
}

/// Files below folders.
fn texts(folders: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    let mut waiting = folders.to_vec();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() { waiting.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    // What is not text is no seed.
    Ok(files.iter().filter_map(|f| std::fs::read_to_string(f).ok()).collect())
}

/// The queries of scripts: `eval [instant at T | range from T to T step T] QUERY`.
fn evaluations(scripts: &[String]) -> Vec<String> {
    let lines = scripts.iter().flat_map(|s| s.lines()).filter_map(|l| l.strip_prefix("eval"));
    let query = |line: &str| {
        let words = line.split_whitespace().take_while(|w| {
            matches!(*w, "instant" | "range" | "at" | "from" | "to" | "step" | "_fail" | "_warn" | "_info" | "_ordered")
                || w.starts_with(|c: char| c.is_ascii_digit())
        });
        let last = words.last()?;
        let from = last.as_ptr() as usize - line.as_ptr() as usize + last.len();
        line.get(from..).map(|l| l.trim().to_owned())
    };
    lines.filter_map(query).filter(|q| !q.is_empty()).collect()
}

/// Annotations and labels of real rules that are more than plain text.
fn templates(data: &Path) -> Result<Vec<String>, String> {
    let folder = data.join("rules").to_string_lossy().into_owned();
    let set = load(&[folder]).map_err(|e| format!("{} files are not valid", e.len()))?;
    let mut texts = Vec::new();
    for (_, _, rule) in set.rules() {
        if let RuleKind::Alert { annotations, .. } = &rule.kind {
            texts.extend(rule.labels.iter().chain(annotations).map(|(_, text)| text.clone()));
        }
    }
    texts.retain(|text| text.contains("{{"));
    texts.sort();
    texts.dedup();
    Ok(texts)
}

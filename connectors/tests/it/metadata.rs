//! What decoders make of metadata: the same table, whatever the protocol.

use crate::messages::{Metadata, Request as Request2, Sample, TimeSeries2, WriteRequest};
use bellwether_connectors::source::intake::{Batch, Dictionary, Report, WriteLimits};
use bellwether_connectors::source::otlp::message::*;
use bellwether_connectors::source::otlp::{Encoding, OtlpOptions};
use bellwether_connectors::source::{otlp, remote_write};
use prost::Message;

const NOW_MS: i64 = 1_700_000_000_000;

/// A table as text: `metric type unit: help`.
fn table(dictionary: &Dictionary) -> Vec<String> {
    let all = dictionary.metadata().list(None, usize::MAX, usize::MAX);
    let line = |name: &str, e: bellwether_connectors::source::intake::Entry| {
        format!("{name} {} {}: {}", e.kind.name(), e.unit, e.help)
    };
    all.into_iter().flat_map(|(name, entries)| entries.into_iter().map(move |e| line(&name, e))).collect()
}

fn decoded(version: remote_write::Version, message: &[u8], dictionary: &Dictionary) -> Report {
    let limits = WriteLimits::default();
    remote_write::decode(version, message, Batch::new(dictionary, &limits, NOW_MS)).unwrap().1
}

/// `MetricMetadata`.
#[derive(Clone, PartialEq, Message)]
struct Metadata1 {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    metric_family_name: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

#[test]
fn remote_write_1_says_it_of_families() {
    let of = |kind, name: &str, help: &str, unit: &str| Metadata1 {
        kind,
        metric_family_name: name.to_owned(),
        help: help.to_owned(),
        unit: unit.to_owned(),
    };
    let entries = [
        of(1, "requests_total", "Requests, \"all\".\n", ""),
        of(3, "latency_seconds", "How long.", "seconds"),
        of(5, "rpc_count", "", ""),
        of(77, "odd", "?", ""),
    ];
    let mut metadata: Vec<Vec<u8>> = entries.iter().map(Metadata1::encode_to_vec).collect();
    // One without a name, one that is no protobuf, one whose help is no text: they are dropped, the others are not.
    metadata.extend([vec![8, 1], vec![0xff], [b"\x12\x01m".as_slice(), b"\x22\x01\xff"].concat()]);
    let message = WriteRequest { timeseries: vec![], metadata }.encode_to_vec();
    let dictionary = Dictionary::new("");
    let report = decoded(remote_write::Version::One, &message, &dictionary);
    assert_eq!((report.metadata, report.first()), (7, None));
    let expected = [
        "latency_seconds histogram seconds: How long.",
        "odd unknown : ?",
        "requests_total counter : Requests, \"all\".\n",
        "rpc_count summary : ",
    ];
    assert_eq!(table(&dictionary), expected);
    assert_eq!(dictionary.metadata().dropped(), 3);
}

#[test]
fn remote_write_2_says_it_of_every_series() {
    let texts = ["", "__name__", "a_bucket", "A.", "seconds", "b_count", "B.", "le", "1", "new", "c_sum", "x_total"];
    let symbols: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let sample = Sample { value: 1.0, timestamp: NOW_MS, start_timestamp: 0 };
    let series = |labels_refs: &[u32], [kind, help_ref, unit_ref]: [u32; 3]| TimeSeries2 {
        labels_refs: labels_refs.to_vec(),
        samples: vec![sample.clone()],
        metadata: Some(Metadata { kind: kind as i32, help_ref, unit_ref }),
        ..TimeSeries2::default()
    };
    let mut native = series(&[1, 10], [3, 6, 0]);
    native.samples.clear();
    native.histograms.push(Default::default());
    let timeseries = vec![
        series(&[1, 2, 7, 8], [3, 3, 4]),
        series(&[1, 2, 7, 9], [3, 3, 4]),
        series(&[1, 5], [5, 6, 0]),
        // The same name said otherwise, and as before.
        series(&[7, 9, 1, 5], [5, 9, 0]),
        series(&[7, 8, 1, 5], [5, 6, 0]),
        native,
        // Nothing is said of it, or it is none.
        series(&[1, 11], [0; 3]),
        series(&[1, 11], [1, 99, 0]),
        series(&[7, 8], [1, 3, 0]),
    ];
    let message = Request2 { symbols, timeseries }.encode_to_vec();
    let dictionary = Dictionary::new("");
    for _ in 0..2 {
        let report = decoded(remote_write::Version::Two, &message, &dictionary);
        assert_eq!((report.metadata, report.refused()), (9, 2));
        let expected = ["a histogram seconds: A.", "b summary : new", "b summary : B.", "c_sum histogram : B."];
        assert_eq!((table(&dictionary), dictionary.metadata().dropped()), (expected.map(str::to_owned).to_vec(), 0));
    }
}

#[test]
fn otlp_says_it_of_metrics() {
    let point = || NumberDataPoint { time_unix_nano: NOW_MS as u64 * 1_000_000, ..NumberDataPoint::default() };
    let metric = |name: &str, unit: &str, description: &str| Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        description: description.to_owned(),
        ..Metric::default()
    };
    let sum = |temporality, is_monotonic| {
        Some(Sum { data_points: vec![point()], aggregation_temporality: temporality, is_monotonic })
    };
    let gauge = Some(Gauge { data_points: vec![point()] });
    let (histogram, exponential) = (
        Histogram { data_points: vec![HistogramDataPoint::default()], aggregation_temporality: 2 },
        ExponentialHistogram {
            data_points: vec![ExponentialHistogramDataPoint::default()],
            aggregation_temporality: 2,
        },
    );
    let summary = Summary { data_points: vec![SummaryDataPoint::default()] };
    let metrics = vec![
        Metric { sum: sum(2, true), ..metric("disk.io", "By/s", "Bytes.") },
        Metric { sum: sum(1, true), ..metric("deltas", "", "Added up.") },
        Metric { sum: sum(2, false), ..metric("queue", "{item}", "Waiting.") },
        Metric { gauge, ..metric("load", "1", "") },
        Metric { histogram: Some(histogram), ..metric("latency", "s", "How long.") },
        Metric { exponential_histogram: Some(exponential), ..metric("size", "By", "How large.") },
        Metric { summary: Some(summary), ..metric("rpc", "ms", "Q.") },
        Metric { gauge: Some(Gauge::default()), ..metric("empty", "", "No points.") },
    ];
    let word = |key: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { string_value: Some("v".to_owned()), ..AnyValue::default() }),
    };
    let resource = Some(Resource { attributes: vec![word("service.name"), word("region")] });
    let of_resource = ResourceMetrics { resource, scope_metrics: vec![ScopeMetrics { metrics }] };
    let message = Request { resource_metrics: vec![of_resource] }.encode_to_vec();
    let (dictionary, limits) = (Dictionary::new(""), WriteLimits::default());
    let batch = Batch::new(&dictionary, &limits, NOW_MS);
    otlp::decode(Encoding::Protobuf, &message, &OtlpOptions::default(), batch).unwrap();
    let expected = [
        "deltas_total counter : Added up.",
        "disk_io_bytes_per_second_total counter bytes_per_second: Bytes.",
        "latency_seconds histogram seconds: How long.",
        "load_ratio gauge : ",
        "queue gauge : Waiting.",
        "rpc_milliseconds summary milliseconds: Q.",
        "size_bytes histogram bytes: How large.",
        "target_info gauge : Target metadata",
    ];
    assert_eq!(table(&dictionary), expected);
    let json = r#"{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "j", "description": "JSON.", "gauge": {"dataPoints": [{}]}}]}]}]}"#;
    let batch = Batch::new(&dictionary, &limits, NOW_MS);
    otlp::decode(Encoding::Json, json.as_bytes(), &OtlpOptions::default(), batch).unwrap();
    assert!(table(&dictionary).contains(&"j gauge : JSON.".to_owned()), "{:?}", table(&dictionary));
}

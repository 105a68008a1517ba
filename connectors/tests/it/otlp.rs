//! OTLP: what becomes of points, in protobuf and JSON, over HTTP and gRPC.

use crate::memory::Mode;
use crate::serve::{NOW_MS, start};
use bellwether_connectors::serve::AuthConfig;
use bellwether_connectors::serve::ingest::IngestConfig;
use bellwether_connectors::source::intake::{
    Batch, Change, Delta, Dictionary, IntakeError, Reason, Report, WriteLimits,
};
use bellwether_connectors::source::otlp::message::*;
use bellwether_connectors::source::otlp::{DecodeError, Encoding, OtlpOptions, decode, decoded_bytes};
use bellwether_model::is_stale;
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use std::io::Write;

const NOW_NS: u64 = NOW_MS as u64 * 1_000_000;

fn word(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { string_value: Some(value.to_owned()), ..AnyValue::default() };
    KeyValue { key: key.to_owned(), value: Some(value) }
}

fn number(as_double: f64) -> NumberDataPoint {
    NumberDataPoint { time_unix_nano: NOW_NS, as_double: Some(as_double), ..NumberDataPoint::default() }
}

fn gauge(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), gauge: Some(Gauge { data_points }), ..Metric::default() }
}

fn sum(name: &str, aggregation_temporality: i32, is_monotonic: bool, data_points: Vec<NumberDataPoint>) -> Metric {
    let sum = Some(Sum { data_points, aggregation_temporality, is_monotonic });
    Metric { name: name.to_owned(), sum, ..Metric::default() }
}

fn request(attributes: Vec<KeyValue>, metrics: Vec<Metric>) -> Request {
    let resource = Some(Resource { attributes });
    let of_resource = ResourceMetrics { resource, scope_metrics: vec![ScopeMetrics { metrics }] };
    Request { resource_metrics: vec![of_resource] }
}

/// Text of each float, `labels start value` at the stamp that all have, and of each histogram; and the report.
fn translated(request: &Request, options: &OtlpOptions) -> (Vec<String>, Report) {
    let (dictionary, limits) = (Dictionary::new(""), WriteLimits::default());
    let batch = Batch::new(&dictionary, &limits, NOW_MS);
    let (rows, report) = decode(Encoding::Protobuf, &request.encode_to_vec(), options, batch).unwrap();
    let labels = |number: u32| dictionary.labels(number).unwrap();
    let mut all: Vec<String> = (0..rows.series.len())
        .map(|i| {
            let value = if is_stale(rows.values[i]) { "stale".to_owned() } else { rows.values[i].to_string() };
            let (start, ago) = (rows.starts.get(i).copied().unwrap_or(0), NOW_MS - rows.stamps[i]);
            let start = if start == 0 { String::new() } else { format!(" since {}", NOW_MS - start) };
            format!(
                "{} {value}{start}{}",
                labels(rows.series[i]),
                if ago == 0 { String::new() } else { format!(" {ago} ago") }
            )
        })
        .collect();
    all.extend(rows.histograms.iter().map(|h| format!("{} {}", labels(h.series), h.histogram.notation())));
    (all, report)
}

fn lines(request: &Request) -> Vec<String> {
    let (lines, report) = translated(request, &OtlpOptions::default());
    assert_eq!(report.first(), None);
    lines
}

#[test]
fn numbers_are_named_by_unit_and_kind() {
    let point = NumberDataPoint {
        attributes: vec![word("http.method", "GET"), word("a.b", "2"), word("a-b", "1"), word("empty", "")],
        start_time_unix_nano: NOW_NS - 60_000_000_000,
        as_int: Some(7),
        as_double: None,
        ..number(0.0)
    };
    let metrics = vec![
        gauge("system.memory.usage", "By", vec![number(0.5)]),
        sum("http.requests", 2, true, vec![point.clone()]),
        sum("queue.length", 2, false, vec![NumberDataPoint { flags: 1, ..number(3.0) }]),
    ];
    let of = lines(&request(vec![], metrics));
    assert_eq!(of[0], "system_memory_usage_bytes 0.5");
    assert_eq!(of[1], "http_requests_total{a_b=\"1;2\", http_method=\"GET\"} 7 since 60000");
    assert_eq!(of[2], "queue_length stale");
    let plain = OtlpOptions { suffixes: false, ..OtlpOptions::default() };
    let (of, _) = translated(&request(vec![], vec![sum("http.requests", 2, true, vec![number(1.0)])]), &plain);
    assert_eq!(of, ["http_requests 1"]);
}

#[test]
fn resources_become_job_instance_and_target_info() {
    let attributes = vec![
        word("service.name", "checkout"),
        word("service.namespace", "shop"),
        word("service.instance.id", "pod-1"),
        word("k8s.cluster", "eu"),
        word("host.name", "a"),
    ];
    let old = NumberDataPoint { time_unix_nano: NOW_NS - 200_000_000_000, ..number(2.0) };
    let metrics = vec![gauge("up", "", vec![number(1.0), old])];
    let identity = "instance=\"pod-1\", job=\"shop/checkout\"";
    let told = format!("target_info{{host_name=\"a\", {identity}, k8s_cluster=\"eu\"}} 1");
    let expected = [
        format!("up{{{identity}}} 1"),
        format!("up{{{identity}}} 2 200000 ago"),
        format!("{told} 200000 ago"),
        format!("{told} 50000 ago"),
        told.clone(),
    ];
    assert_eq!(lines(&request(attributes.clone(), metrics.clone())), expected);
    let options = OtlpOptions {
        promote_resource_attributes: vec!["k8s.cluster".to_owned()],
        keep_identifying_resource_attributes: true,
        ..OtlpOptions::default()
    };
    let (of, _) = translated(&request(attributes.clone(), vec![gauge("up", "", vec![number(1.0)])]), &options);
    assert_eq!(of[0], format!("up{{{identity}, k8s_cluster=\"eu\"}} 1"));
    assert!(of[1].contains("service_name=\"checkout\", service_namespace=\"shop\"}"), "{}", of[1]);
    // Nothing else is known, nothing identifies it, or nothing was taken: no target_info.
    assert_eq!(lines(&request(attributes[..3].to_vec(), metrics.clone())).len(), 2);
    assert_eq!(lines(&request(attributes[3..].to_vec(), metrics)).len(), 2);
    assert_eq!(lines(&request(attributes, vec![])).len(), 0);
}

#[test]
fn histograms_become_classic_ones_and_exponential_ones_native() {
    let classic = HistogramDataPoint {
        time_unix_nano: NOW_NS,
        count: 6,
        sum: Some(2.5),
        bucket_counts: vec![1, 2, 3],
        explicit_bounds: vec![0.005, 10.0],
        ..HistogramDataPoint::default()
    };
    let empty = HistogramDataPoint { time_unix_nano: NOW_NS, flags: 1, ..HistogramDataPoint::default() };
    let data_points = vec![classic, empty];
    let classic = Some(Histogram { data_points, aggregation_temporality: 2 });
    let classic = Metric { name: "d".to_owned(), unit: "s".to_owned(), histogram: classic, ..Metric::default() };
    let expected = [
        "d_seconds_sum 2.5",
        "d_seconds_count 6",
        "d_seconds_bucket{le=\"0.005\"} 1",
        "d_seconds_bucket{le=\"10\"} 3",
        "d_seconds_bucket{le=\"+Inf\"} 6",
        "d_seconds_count stale",
        "d_seconds_bucket{le=\"+Inf\"} stale",
    ];
    assert_eq!(lines(&request(vec![], vec![classic])), expected);

    let native = |scale, count, flags| ExponentialHistogramDataPoint {
        time_unix_nano: NOW_NS,
        count,
        sum: Some(4.0),
        scale,
        zero_count: 1,
        positive: Some(Buckets { offset: -1, bucket_counts: vec![1, 0, 2, 1] }),
        flags,
        ..ExponentialHistogramDataPoint::default()
    };
    let of = |point| {
        let histogram = Some(ExponentialHistogram { data_points: vec![point], aggregation_temporality: 2 });
        request(vec![], vec![Metric { name: "e".to_owned(), exponential_histogram: histogram, ..Metric::default() }])
    };
    let zero = "z_bucket:1 z_bucket_w:1e-128";
    let first = |point| lines(&of(point)).remove(0);
    assert_eq!(first(native(2, 5, 0)), format!("e {{{{schema:2 count:5 sum:4 {zero} buckets:[1 0 2 1]}}}}"));
    assert_eq!(first(native(9, 5, 0)), format!("e {{{{schema:8 count:5 sum:4 {zero} buckets:[1 2 1]}}}}"));
    assert_eq!(first(native(2, 0, 1)), "e stale");
    for refused in [native(2, 6, 0), native(-10, 5, 0)] {
        let (of, report) = translated(&of(refused), &OtlpOptions::default());
        assert_eq!((of.len(), report.rejected[Reason::Histogram as usize]), (0, 1));
    }
}

#[test]
fn summaries_become_quantiles() {
    let point = SummaryDataPoint {
        time_unix_nano: NOW_NS,
        count: 3,
        sum: 1.5,
        quantile_values: vec![ValueAtQuantile { quantile: 0.99, value: 0.7 }],
        ..SummaryDataPoint::default()
    };
    let summary = Some(Summary { data_points: vec![point] });
    let metric = Metric { name: "rpc".to_owned(), unit: "ms".to_owned(), summary, ..Metric::default() };
    let name = "rpc_milliseconds";
    let expected = [format!("{name}_sum 1.5"), format!("{name}_count 3"), format!("{name}{{quantile=\"0.99\"}} 0.7")];
    assert_eq!(lines(&request(vec![], vec![metric])), expected);
}

/// A point is refused whole and alone, and counted once.
#[test]
fn what_cannot_be_taken_is_told() {
    let late = NumberDataPoint { time_unix_nano: NOW_NS + 601_000_000_000, ..number(1.0) };
    let nameless = NumberDataPoint { attributes: vec![word("", "x")], ..number(1.0) };
    let far = HistogramDataPoint { time_unix_nano: u64::MAX, count: 0, ..HistogramDataPoint::default() };
    let far = Some(Histogram { data_points: vec![far], aggregation_temporality: 2 });
    let metrics = vec![
        gauge("up", "", vec![late, number(1.0), nameless]),
        Metric { name: "far".to_owned(), histogram: far, ..Metric::default() },
        sum("delta", 1, false, vec![number(1.0), number(2.0)]),
        sum("unspecified", 0, true, vec![number(1.0)]),
        gauge("...", "", vec![number(1.0)]),
        Metric { name: "nothing".to_owned(), ..Metric::default() },
    ];
    let (of, report) = translated(&request(vec![], metrics), &OtlpOptions::default());
    assert_eq!(of, ["up 1"]);
    let rejected = [Reason::Stamp, Reason::Labels, Reason::Unsupported].map(|reason| report.rejected[reason as usize]);
    assert_eq!((rejected, report.refused()), ([2, 2, 3], 7));
    assert!(report.first().unwrap().starts_with("up: the stamp"), "{report}");
    let (_, report) =
        translated(&request(vec![], vec![sum("d", 1, false, vec![number(1.0)])]), &OtlpOptions::default());
    assert_eq!(
        report.first(),
        Some("d: delta temporality of a sum that also falls is not supported, set the exporter to cumulative")
    );
}

/// They are added up behind the log, which knows which of them came twice.
#[test]
fn deltas_are_taken_as_they_come() {
    let start_ns = NOW_NS - 10_000_000_000;
    let point = |value| NumberDataPoint { start_time_unix_nano: start_ns, ..number(value) };
    let ended = NumberDataPoint { flags: 1, ..point(0.0) };
    let classic = HistogramDataPoint {
        start_time_unix_nano: start_ns,
        time_unix_nano: NOW_NS,
        count: 3,
        sum: Some(2.5),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![1.0],
        ..HistogramDataPoint::default()
    };
    let classic = Some(Histogram { data_points: vec![classic], aggregation_temporality: 1 });
    let native = ExponentialHistogramDataPoint {
        start_time_unix_nano: start_ns,
        time_unix_nano: NOW_NS,
        count: 2,
        zero_count: 2,
        ..ExponentialHistogramDataPoint::default()
    };
    let native = Some(ExponentialHistogram { data_points: vec![native], aggregation_temporality: 1 });
    let metrics = vec![
        sum("jobs", 1, true, vec![point(2.0), ended]),
        Metric { name: "classic".to_owned(), histogram: classic, ..Metric::default() },
        Metric { name: "native".to_owned(), exponential_histogram: native, ..Metric::default() },
    ];
    let dictionary = Dictionary::new("");
    let limits = WriteLimits::default();
    let body = request(vec![], metrics).encode_to_vec();
    let batch = Batch::new(&dictionary, &limits, NOW_MS);
    let (rows, report) = decode(Encoding::Protobuf, &body, &OtlpOptions::default(), batch).unwrap();
    assert_eq!((rows.series.len(), rows.histograms.len(), report.refused()), (0, 0, 0), "{report}");
    assert!(rows.deltas.iter().all(|d| (d.stamp_ms, d.start_ms) == (NOW_MS, NOW_MS - 10_000)));
    let change = |change: &Change| match change {
        Change::Float(value) => value.to_string(),
        Change::Histogram(h) => format!("{} observations", h.count),
        Change::Ends => "ends".to_owned(),
    };
    let shown = |d: &Delta| format!("{} {}", dictionary.labels(d.series).unwrap(), change(&d.change));
    let expected = [
        "jobs_total 2",
        "jobs_total ends",
        "classic_sum 2.5",
        "classic_count 3",
        "classic_bucket{le=\"1\"} 1",
        "classic_bucket{le=\"+Inf\"} 3",
        "native 2 observations",
    ];
    assert_eq!(rows.deltas.iter().map(shown).collect::<Vec<_>>(), expected);
    assert_eq!((report.samples, report.histograms), (6, 1));
}

/// As the specification's own example, with all that JSON writes differently.
const JSON: &str = r#"{"resourceMetrics": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}, {"key": "n", "value": {"intValue": "5"}}]},
    "scopeMetrics": [{"scope": {"name": "my.instrumentation"}, "metrics": [
      {"name": "my.counter", "unit": "1", "description": "x", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
        {"asDouble": 5, "startTimeUnixNano": "1699999990000000000", "timeUnixNano": "1700000000000000000",
         "attributes": [{"key": "a", "value": {"boolValue": true}}], "exemplars": [{"traceId": "5B8EFFF798038103D269B633813FC60C"}]}]}},
      {"name": "my.gauge", "gauge": {"dataPoints": [{"asDouble": "NaN", "timeUnixNano": 1700000000000000000}, {"asInt": "-3", "timeUnixNano": "1700000000000000000"}]}},
      {"name": "my.histogram", "histogram": {"aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE", "dataPoints": [
        {"timeUnixNano": "1700000000000000000", "count": "2", "sum": 2, "bucketCounts": ["1", "1"], "explicitBounds": [1]}]}}
    ]}]}]}"#;

fn same_in_protobuf() -> Request {
    let point = NumberDataPoint {
        start_time_unix_nano: 1_699_999_990_000_000_000,
        attributes: vec![KeyValue {
            key: "a".to_owned(),
            value: Some(AnyValue { bool_value: Some(true), ..AnyValue::default() }),
        }],
        ..number(5.0)
    };
    let histogram = HistogramDataPoint {
        time_unix_nano: NOW_NS,
        count: 2,
        sum: Some(2.0),
        bucket_counts: vec![1, 1],
        explicit_bounds: vec![1.0],
        ..HistogramDataPoint::default()
    };
    let histogram = Some(Histogram { data_points: vec![histogram], aggregation_temporality: 2 });
    let int = NumberDataPoint { as_int: Some(-3), as_double: None, ..number(0.0) };
    let five = AnyValue { int_value: Some(5), ..AnyValue::default() };
    request(
        vec![word("service.name", "my.service"), KeyValue { key: "n".to_owned(), value: Some(five) }],
        vec![
            Metric { unit: "1".to_owned(), ..sum("my.counter", 2, true, vec![point]) },
            gauge("my.gauge", "", vec![number(f64::NAN), int]),
            Metric { name: "my.histogram".to_owned(), histogram, ..Metric::default() },
        ],
    )
}

#[test]
fn json_means_what_protobuf_means() {
    let (dictionary, limits) = (Dictionary::new(""), WriteLimits::default());
    let of = |encoding, bytes: &[u8]| {
        let batch = Batch::new(&dictionary, &limits, NOW_MS);
        format!("{:?}", decode(encoding, bytes, &OtlpOptions::default(), batch).unwrap())
    };
    let protobuf = of(Encoding::Protobuf, &same_in_protobuf().encode_to_vec());
    assert_eq!(of(Encoding::Json, JSON.as_bytes()), protobuf);
    assert!(protobuf.contains("samples: 8, ") && protobuf.contains("first: None"), "{protobuf}");
    let wrong = decode(
        Encoding::Json,
        b"{\"resourceMetrics\": 5}",
        &OtlpOptions::default(),
        Batch::new(&dictionary, &limits, 0),
    );
    assert!(matches!(wrong, Err(DecodeError::Malformed(_))));
}

/// Cut off and flipped: an error or something else, never a panic; and what it would cost is known before.
#[test]
fn damaged_requests_do_not_panic() {
    let (dictionary, limits) = (Dictionary::new(""), WriteLimits::default());
    let run = |encoding, bytes: &[u8]| {
        let cost = decoded_bytes(encoding, bytes, 1 << 20);
        let batch = Batch::new(&dictionary, &limits, NOW_MS);
        let decoded = decode(encoding, bytes, &OtlpOptions::default(), batch);
        assert!(cost.is_ok() || decoded.is_err(), "{cost:?}");
    };
    for (encoding, bytes) in [(Encoding::Protobuf, same_in_protobuf().encode_to_vec()), (Encoding::Json, JSON.into())] {
        for end in 0..bytes.len() {
            run(encoding, &bytes[..end]);
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[end] ^= 1 << bit;
                run(encoding, &flipped);
            }
        }
    }
    // 200 attributes in attributes: prost and serde refuse to follow.
    let mut deep = AnyValue::default();
    for _ in 0..200 {
        deep = AnyValue { array_value: Some(ArrayValue { values: vec![deep] }), ..AnyValue::default() };
    }
    let attributes = vec![KeyValue { key: "deep".to_owned(), value: Some(deep) }];
    run(Encoding::Protobuf, &request(attributes, vec![]).encode_to_vec());
    run(Encoding::Json, "[".repeat(100_000).as_bytes());
    // Stamps that are centuries apart: target_info is bounded.
    let points = vec![NumberDataPoint { time_unix_nano: 1, ..number(1.0) }, number(1.0)];
    let attributes = vec![word("service.name", "a"), word("x", "y")];
    let (of, _) = translated(&request(attributes, vec![gauge("up", "", points)]), &OtlpOptions::default());
    assert_eq!(of.len(), 2 + 10_001);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A request of which one point of two is refused.
fn partly() -> Request {
    request(vec![], vec![gauge("up", "", vec![number(1.0)]), sum("d", 1, false, vec![number(1.0)])])
}

#[test]
fn over_http() {
    let running = start(IngestConfig::default(), &AuthConfig::default());
    let protobuf = ("Content-Type", "application/x-protobuf");
    let json = ("Content-Type", "application/json; charset=utf-8");
    let zipped = ("Content-Encoding", "gzip");
    let whole = request(vec![], vec![gauge("up", "", vec![number(1.0)])]).encode_to_vec();
    for path in ["/v1/metrics", "/api/v1/otlp/v1/metrics"] {
        let answer = running.post(path, &[protobuf], &whole);
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(running.post(path, &[protobuf, zipped], &gzip(&whole)).status, 200);
        assert_eq!(running.memory.floats(), [("up".to_owned(), NOW_MS, 1.0), ("up".to_owned(), NOW_MS, 1.0)]);
        let answer = running.post(path, &[json, zipped], &gzip(JSON.as_bytes()));
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
        assert_eq!(running.memory.floats().len(), 8);
    }
    let answer = running.post("/v1/metrics", &[protobuf], &partly().encode_to_vec());
    assert_eq!(answer.status, 200);
    // Field 1 of field 1: one point was rejected.
    assert!(answer.body[2..4] == [0x08, 1] && answer.text().contains("delta temporality"), "{answer:?}");
    assert_eq!(running.memory.floats().len(), 1);
    let delta = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"d","sum":{"aggregationTemporality":1,"dataPoints":[{"asInt":1}]}}]}]}]}"#;
    let told = running.post("/v1/metrics", &[json], delta.as_bytes()).text();
    assert!(told.contains("\"rejectedDataPoints\":\"1\"") && told.contains("delta temporality"), "{told}");

    let status = |headers: &[(&str, &str)], body: &[u8]| running.post("/v1/metrics", headers, body).status;
    assert_eq!(status(&[protobuf], &whole[..whole.len() - 1]), 400);
    assert_eq!(status(&[protobuf, zipped], &whole), 400);
    assert_eq!(status(&[json], b"{"), 400);
    assert_eq!(status(&[("Content-Type", "text/plain")], &whole), 415);
    assert_eq!(status(&[protobuf, ("Content-Encoding", "zstd")], &whole), 415);
    assert_eq!(status(&[protobuf, zipped], &gzip(&vec![0; 65 << 20])), 413);
    let bomb = [&[0x0a, 0x80, 0x89, 0x7a][..], &[0x12, 0].repeat(1_000_000)].concat();
    assert_eq!(status(&[protobuf, zipped], &gzip(&bomb)), 413);
    running.memory.set(Mode::Refuse(IntakeError::Busy { retry_after_s: 7 }));
    let busy = running.post("/v1/metrics", &[protobuf], &whole);
    assert_eq!((busy.status, busy.header("retry-after"), busy.body[..2].to_vec()), (503, Some("7"), vec![0x08, 14]));
}

/// Status, message and answer of a call.
type Called = (String, String, Vec<u8>);

/// Calls over HTTP/2 as a gRPC client does.
fn call(address: std::net::SocketAddr, encoding: Option<&str>, message: &[u8], compressed: bool) -> Called {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut body = vec![u8::from(compressed)];
    body.extend((message.len() as u32).to_be_bytes());
    body.extend(message);
    runtime.block_on(async move {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        let mut request = axum::http::Request::post(format!(
            "http://{address}/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
        ))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
        if let Some(encoding) = encoding {
            request = request.header("grpc-encoding", encoding);
        }
        let (answer, mut send) = client.send_request(request.body(()).unwrap(), false).unwrap();
        send.send_data(body.into(), true).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/grpc".parse().unwrap())
        );
        let (head, mut answered) = answer.into_parts();
        let mut bytes = Vec::new();
        while let Some(data) = answered.data().await {
            bytes.extend(data.unwrap());
        }
        let trailers = answered.trailers().await.unwrap().unwrap_or(head.headers);
        let text = |name| trailers.get(name).map_or(String::new(), |v| v.to_str().unwrap().to_owned());
        (text("grpc-status"), text("grpc-message"), bytes)
    })
}

#[test]
fn over_grpc() {
    let running = start(IngestConfig::default(), &AuthConfig::default());
    let whole = request(vec![], vec![gauge("up", "", vec![number(1.0)])]).encode_to_vec();
    let ok = (String::from("0"), String::new(), vec![0; 5]);
    assert_eq!(call(running.address(), None, &whole, false), ok);
    assert_eq!(call(running.address(), Some("gzip"), &gzip(&whole), true), ok);
    assert_eq!(running.memory.floats().len(), 2);
    let (status, _, answer) = call(running.address(), None, &partly().encode_to_vec(), false);
    assert_eq!((status.as_str(), &answer[7..9]), ("0", &[0x08, 1][..]));
    let status = |message: &[u8], compressed| call(running.address(), None, message, compressed).0;
    assert_eq!(status(b"\x0a", false), "3");
    assert_eq!(status(&whole, true), "12");
    assert_eq!(status(&vec![0; 17 << 20], false), "8");
    running.memory.set(Mode::Refuse(IntakeError::Closed));
    let (status, message, _) = call(running.address(), None, &whole, false);
    assert_eq!((status.as_str(), message.as_str()), ("14", "shutting down: send it again"));
}

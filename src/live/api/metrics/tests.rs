//! Both forms say the same, of one run and of several tenants.

#![allow(clippy::unwrap_used)]

use super::answer;
use super::family::{Families, Kind, of_tenants};
use super::protobuf::protobuf;
use super::text::text;
use crate::live::{Latency, ReplicaStats};
use axum::http::{HeaderMap, header};
use bellwether_connectors::source::protobuf::{Malformed, Reader, Wire, sint32, sint64};
use std::fmt::Write;

#[test]
fn replicas_are_shown_whatever_they_are_called() {
    let mut all = Families::default();
    all.replicas(&[]);
    assert_eq!(text(&all), "");
    let replica = "a\"\\\n".to_owned();
    let (cluster, is_elected, failovers, heard_ms, dropped) = ("c d".to_owned(), true, 2, None, 7);
    all.replicas(&[ReplicaStats { cluster, replica, is_elected, failovers, heard_ms, dropped }]);
    let (text, labels) = (text(&all), r#"{cluster="c d",replica="a\"\\\n"}"#);
    for (name, value) in [("elected", 1), ("failovers_total", 2), ("dropped_samples_total", 7)] {
        assert!(text.contains(&format!("\nbellwether_ha_replica_{name}{labels} {value}\n")), "{text}");
    }
    assert!(!text.contains("last_heard_seconds{"), "{text}");
}

fn some(n: f64) -> Families {
    let mut all = Families::default();
    all.one("a", Kind::Gauge, "A.", n);
    all.head("b_total", Kind::Counter, "B.");
    all.line(&[("c", "d \"e\"")], n);
    all.line(&[("c", ""), ("f", "g")], 0.0);
    all.head("none_total", Kind::Counter, "Nobody.");
    all
}

#[test]
fn a_family_stands_once_and_its_metrics_say_whose_they_are() {
    let both = of_tenants([("x", 1.5), ("y", 2.0)].map(|(tenant, n)| (tenant.to_owned(), some(n))));
    let want = r#"# HELP bellwether_a A.
# TYPE bellwether_a gauge
bellwether_a{tenant="x"} 1.5
bellwether_a{tenant="y"} 2
# HELP bellwether_b_total B.
# TYPE bellwether_b_total counter
bellwether_b_total{tenant="x",c="d \"e\""} 1.5
bellwether_b_total{tenant="x",c="",f="g"} 0
bellwether_b_total{tenant="y",c="d \"e\""} 2
bellwether_b_total{tenant="y",c="",f="g"} 0
# HELP bellwether_none_total Nobody.
# TYPE bellwether_none_total counter
"#;
    assert_eq!(text(&both), want);
}

/// The fields of a message: number, and the bytes or the number that it has.
fn fields(message: &[u8]) -> Vec<(u32, Result<&[u8], u64>)> {
    let (mut reader, mut all) = (Reader::new(message), Vec::new());
    while let Some(key) = reader.key().unwrap() {
        let value = match key.wire {
            Wire::Varint => Err(reader.varint(key).unwrap()),
            Wire::Fixed64 => Err(reader.double(key).unwrap().to_bits()),
            _ => Ok(reader.bytes(key).unwrap()),
        };
        all.push((key.field, value));
    }
    all
}

/// The number of a field, 0 where it is not.
fn number(message: &[u8], field: u32) -> u64 {
    fields(message).into_iter().find(|(n, _)| *n == field).map_or(0, |(_, value)| value.unwrap_err())
}

fn messages(message: &[u8], field: u32) -> Vec<&[u8]> {
    fields(message).into_iter().filter(|(n, _)| *n == field).map(|(_, value)| value.unwrap()).collect()
}

fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The messages of a stream, each behind its length.
fn delimited(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let mut length = 0;
        let end = bytes.iter().position(|b| *b < 0x80).unwrap();
        bytes[..=end].iter().rev().for_each(|b| length = length << 7 | usize::from(b & 0x7f));
        let (message, rest) = bytes[end + 1..].split_at(length);
        all.push(message);
        bytes = rest;
    }
    all
}

/// What the text format would say of families in protobuf.
fn as_text(bytes: &[u8]) -> String {
    let mut out = String::new();
    for family in delimited(bytes) {
        let (name, help) = (utf8(messages(family, 1)[0]), utf8(messages(family, 2)[0]));
        let kind = ["counter", "gauge", "", "", "histogram"][number(family, 3) as usize];
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").unwrap();
        for metric in messages(family, 4) {
            let label = |label: &&[u8]| {
                let value = utf8(messages(label, 2)[0]).replace('"', "\\\"");
                format!("{}=\"{value}\"", utf8(messages(label, 1)[0]))
            };
            let mut labels: Vec<String> = messages(metric, 1).iter().map(label).collect();
            let line = |suffix: &str, labels: &[String], value: f64| {
                let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
                format!("{name}{suffix}{labels} {value}\n")
            };
            for value in messages(metric, if kind == "counter" { 3 } else { 2 }) {
                out.push_str(&line("", &labels, f64::from_bits(number(value, 1))));
            }
            for histogram in messages(metric, 7) {
                for bucket in messages(histogram, 3) {
                    let le = f64::from_bits(number(bucket, 2));
                    labels.push(format!("le=\"{}\"", le.to_string().replace("inf", "+Inf")));
                    out.push_str(&line("_bucket", &labels, number(bucket, 1) as f64));
                    labels.pop();
                }
                out.push_str(&line("_sum", &labels, f64::from_bits(number(histogram, 2))));
                out.push_str(&line("_count", &labels, number(histogram, 1) as f64));
            }
        }
    }
    out
}

#[test]
fn protobuf_says_what_the_text_says() {
    let latency = Latency::default();
    [0, 3, 3, 180, 2_345, 100_000].into_iter().for_each(|ms| latency.record(ms));
    let with_durations = |n: f64| {
        let mut all = some(n);
        all.seconds("d_seconds", "D.", &latency);
        all
    };
    let all = of_tenants([("x", 1.0), ("y", 2.0)].map(|(tenant, n)| (tenant.to_owned(), with_durations(n))));
    for families in [with_durations(3.0), all] {
        let nobody = "# HELP bellwether_none_total Nobody.\n# TYPE bellwether_none_total counter\n";
        assert_eq!(as_text(&protobuf(&families)), text(&families).replace(nobody, ""));
    }
}

/// Buckets of a native histogram by index, as spans and deltas give them.
fn native(histogram: &[u8]) -> Vec<(i32, i64)> {
    let mut reader = Reader::new(histogram);
    let (mut deltas, mut spans) = (Vec::new(), Vec::new());
    while let Some(key) = reader.key().unwrap() {
        match key.field {
            12 => spans.push(reader.bytes(key).unwrap()),
            13 => {
                let each = |n| -> Result<(), Malformed> {
                    deltas.push(sint64(n));
                    Ok(())
                };
                reader.varints(key, each).unwrap();
            }
            _ => reader.skip(key).unwrap(),
        }
    }
    let (mut index, mut count, mut all, mut deltas) = (0, 0, Vec::new(), deltas.into_iter());
    for span in spans {
        index += sint32(number(span, 1));
        for _ in 0..number(span, 2) {
            count += deltas.next().unwrap();
            all.push((index, count));
            index += 1;
        }
    }
    assert_eq!(deltas.next(), None);
    all
}

#[test]
fn protobuf_has_the_native_buckets_as_well() {
    let latency = Latency::default();
    let durations = [0, -3, 1, 999, 1_000, 1_001, 1_001, 1_100, 60_000, 3_600_000];
    durations.into_iter().for_each(|ms| latency.record(ms));
    let mut all = Families::default();
    all.seconds("d_seconds", "D.", &latency);
    let bytes = protobuf(&all);
    let histogram = messages(messages(delimited(&bytes)[0], 4)[0], 7)[0];
    // 1 s is 2^0, and ends bucket 0; neighbours share a span.
    assert_eq!(native(histogram), [(-79, 1), (0, 2), (1, 2), (2, 1), (48, 1), (95, 1)]);
    assert_eq!(messages(histogram, 12).len(), 4);
    assert_eq!((sint32(number(histogram, 5)), number(histogram, 7), number(histogram, 1)), (3, 2, 10));
    assert_eq!(f64::from_bits(number(histogram, 6)), 2f64.powi(-128));
}

/// The type of an answer and its bytes.
fn answered(accept: Option<&str>) -> (String, Vec<u8>) {
    let mut headers = HeaderMap::new();
    accept.into_iter().for_each(|accept| drop(headers.insert(header::ACCEPT, accept.parse().unwrap())));
    let answer = answer(&some(1.0), &headers);
    let content_type = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    (content_type, runtime.block_on(axum::body::to_bytes(answer.into_body(), usize::MAX)).unwrap().to_vec())
}

#[test]
fn an_answer_says_what_it_is() {
    let ours = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let (content_type, bytes) = answered(Some(&format!("{ours},text/plain;version=0.0.4;q=0.5,*/*;q=0.1")));
    // A scrape fails where the type is another one than the bytes.
    assert_eq!(content_type.replace(' ', ""), ours);
    assert_eq!(bytes, protobuf(&some(1.0)));
    for accept in [None, Some("text/plain"), Some("text/html,*/*;q=0.8")] {
        let (content_type, bytes) = answered(accept);
        assert_eq!(
            (content_type.as_str(), bytes),
            ("text/plain; version=0.0.4; charset=utf-8", text(&some(1.0)).into())
        );
    }
}

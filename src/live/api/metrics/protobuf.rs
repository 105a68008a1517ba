//! The protobuf format of Prometheus: a `MetricFamily` behind its length, one after the other.
//!
//! # Semantics (io.prometheus.client, metrics.proto)
//! A histogram has its classic buckets and those of a native histogram, which no other format of scrapes has. Families
//! without a metric are left out.

use super::family::{Families, Family, Kind, Metric, Value};
use crate::live::Latency;
use bellwether_connectors::sink::protobuf::{Message, spans, zigzag};

/// How it is announced.
pub const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// All families.
pub fn protobuf(families: &Families) -> Vec<u8> {
    let mut all = Message::default();
    for family in families.0.iter().filter(|family| !family.metrics.is_empty()) {
        let message = of_family(family);
        all.number(message.0.len() as u64);
        all.0.extend(message.0);
    }
    all.0
}

fn of_family(family: &Family) -> Message {
    let mut message = Message::default();
    message.bytes(1, family.name.as_bytes());
    message.bytes(2, family.help.as_bytes());
    let kind = match family.kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Histogram => 4,
    };
    message.varint(3, kind);
    family.metrics.iter().for_each(|metric| message.bytes(4, &of_metric(family.kind, metric).0));
    message
}

fn of_metric(kind: Kind, metric: &Metric) -> Message {
    let mut message = Message::default();
    for (name, value) in &metric.labels {
        let mut label = Message::default();
        label.bytes(1, name.as_bytes());
        label.bytes(2, value.as_bytes());
        message.bytes(1, &label.0);
    }
    match &metric.value {
        Value::Durations(latency) => message.bytes(7, &histogram(latency).0),
        Value::Number(value) => {
            let mut number = Message::default();
            number.double(1, *value);
            message.bytes(if kind == Kind::Counter { 3 } else { 2 }, &number.0);
        }
    }
    message
}

fn histogram(latency: &Latency) -> Message {
    let mut message = Message::default();
    let (upto, total, sum_ms) = latency.cumulative();
    message.varint(1, total);
    message.double(2, sum_ms as f64 / 1_000.0);
    let bounds = upto.into_iter().map(|(ms, count)| (ms as f64 / 1_000.0, count));
    for (bound, count) in bounds.chain([(f64::INFINITY, total)]) {
        let mut bucket = Message::default();
        bucket.varint(1, count);
        bucket.double(2, bound);
        message.bytes(3, &bucket.0);
    }
    let native = latency.native();
    message.varint(5, zigzag(i64::from(native.schema)));
    message.double(6, native.zero_threshold);
    message.varint(7, native.zero_count as u64);
    spans(&native.positive, 12, &mut message);
    let (mut deltas, mut before) = (Message::default(), 0);
    for count in native.positive.counts() {
        // Unlike other numbers of 0, a delta of 0 is an element, so they are packed.
        let count = *count as i64;
        deltas.number(zigzag(count - before));
        before = count;
    }
    message.bytes(13, &deltas.0);
    message
}

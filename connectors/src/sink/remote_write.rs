//! Remote-write messages: series and samples in, a body for 1.0 or 2.0 out.
//!
//! # Position
//! load generator, benchmarks, fuzzing → **[`message`]** → HTTP
//!
//! # Semantics
//! The inverse of [`decode`](crate::source::remote_write::decode) for what is valid. Histograms are written with
//! fractional counts; those of 2.0 and its floats carry their starts, which 1.0 has no room for.

use super::protobuf::{Message, spans, zigzag};
use crate::source::remote_write::Version;
use bellwether_model::histogram::{Buckets, Hint};
use bellwether_model::{Histogram, Labels, Sample, Value};
use std::collections::HashMap;

/// Symbols of a request: the first is the empty one.
#[derive(Default)]
struct Symbols {
    numbers: HashMap<String, u64>,
    message: Message,
}

impl Symbols {
    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u64;
        self.message.bytes(4, text.as_bytes());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

fn labels_1(labels: &Labels, series: &mut Message) {
    for (name, value) in labels.iter() {
        let mut label = Message::default();
        label.bytes(1, name.as_bytes());
        label.bytes(2, value.as_bytes());
        series.bytes(1, &label.0);
    }
}

fn labels_2(labels: &Labels, symbols: &mut Symbols, series: &mut Message) {
    let mut refs = Message::default();
    for (name, value) in labels.iter() {
        refs.number(symbols.number(name));
        refs.number(symbols.number(value));
    }
    series.bytes(1, &refs.0);
}

fn side(buckets: &Buckets, field: u64, counts: u64, message: &mut Message) {
    spans(buckets, field, message);
    message.doubles(counts, buckets.counts());
}

fn histogram(h: &Histogram, stamp_ms: i64, start_ms: i64) -> Message {
    let mut message = Message::default();
    message.double(2, h.count);
    message.double(3, h.sum);
    message.varint(4, zigzag(i64::from(h.schema)));
    message.double(5, h.zero_threshold);
    message.double(7, h.zero_count);
    side(&h.negative, 8, 10, &mut message);
    side(&h.positive, 11, 13, &mut message);
    let hint = match h.hint {
        Hint::Unknown => 0,
        Hint::Reset => 1,
        Hint::NotReset => 2,
        Hint::Gauge => 3,
    };
    message.varint(14, hint);
    message.varint(15, stamp_ms as u64);
    message.doubles(16, &h.custom_values);
    message.varint(17, start_ms as u64);
    message
}

/// The message of samples: neighbours of one series are written together.
pub fn message(version: Version, samples: &[Sample]) -> Vec<u8> {
    let mut all = Message::default();
    let mut symbols = Symbols::default();
    symbols.number("");
    let (series_field, histograms_field) = if version == Version::One { (1, 4) } else { (5, 3) };
    for of_series in samples.chunk_by(|a, b| a.labels == b.labels) {
        let mut series = Message::default();
        match version {
            Version::One => labels_1(&of_series[0].labels, &mut series),
            Version::Two => labels_2(&of_series[0].labels, &mut symbols, &mut series),
        }
        for sample in of_series {
            let start_ms = if version == Version::One { 0 } else { sample.start_ms };
            match &sample.value {
                Value::Float(value) => {
                    let mut float = Message::default();
                    float.double(1, *value);
                    float.varint(2, sample.timestamp_ms as u64);
                    float.varint(3, start_ms as u64);
                    series.bytes(2, &float.0);
                }
                Value::Histogram(h) => {
                    series.bytes(histograms_field, &histogram(h, sample.timestamp_ms, start_ms).0);
                }
            }
        }
        all.bytes(series_field, &series.0);
    }
    if version == Version::Two {
        symbols.message.0.append(&mut all.0);
        return symbols.message.0;
    }
    all.0
}

/// A message in snappy's block format: the body of a request; `None` where it has more than 4 GiB.
pub fn compress(message: &[u8]) -> Option<Vec<u8>> {
    snap::raw::Encoder::new().compress_vec(message).ok()
}

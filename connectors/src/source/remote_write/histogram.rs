//! Native histograms of remote-write: spans and counts in, buckets with an index each out.
//!
//! # Semantics (Prometheus prompb `codec.go`, model/histogram `Validate`)
//! Counts of integer histograms are deltas and have to add up; fractional ones are absolute and need not. Reserved schemas
//! (finer than [`MAX_SCHEMA`]) are reduced to the finest. A histogram with a stale sum ends its series, whatever else it has.
//!
//! # State
//! Spans and counts are bounded by what is left of the request's samples, before they are buckets.

use super::DecodeError;
use crate::source::intake::{Batch, Reason, TooManySamples};
use crate::source::protobuf::{Malformed, Reader, sint32, sint64};
use bellwether_model::Histogram;
use bellwether_model::histogram::{Buckets, CUSTOM_SCHEMA, Hint, MAX_SCHEMA, MIN_SCHEMA};

/// The finest schema that Prometheus reserves.
const MAX_RESERVED_SCHEMA: i32 = 52;

/// A number that is either an integer or a float: which one it is says what the histogram is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Count {
    Whole(u64),
    Float(f64),
}

/// Buckets of one sign as they are written.
#[derive(Debug, Default)]
struct Side {
    spans: Vec<(i32, u32)>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// Fields of a `Histogram`.
#[derive(Debug)]
pub(super) struct Parts {
    count: Count,
    zero_count: Count,
    sum: f64,
    schema: i32,
    zero_threshold: f64,
    negative: Side,
    positive: Side,
    hint: i32,
    stamp_ms: i64,
    start_ms: i64,
    custom_values: Vec<f64>,
}

/// Appends to a list that has no more than `most`.
fn push<T>(list: &mut Vec<T>, item: T, most: usize) -> Result<(), DecodeError> {
    if list.len() >= most {
        return Err(TooManySamples { most }.into());
    }
    list.push(item);
    Ok(())
}

fn span(message: &[u8]) -> Result<(i32, u32), Malformed> {
    let mut reader = Reader::new(message);
    let mut span = (0, 0);
    while let Some(key) = reader.key()? {
        match key.field {
            1 => span.0 = sint32(reader.varint(key)?),
            2 => span.1 = reader.varint(key)? as u32,
            _ => reader.skip(key)?,
        }
    }
    Ok(span)
}

impl Parts {
    /// Reads a histogram's message.
    pub(super) fn read(message: &[u8], batch: &Batch<'_>) -> Result<Self, DecodeError> {
        let most = batch.room();
        let mut parts = Self {
            count: Count::Whole(0),
            zero_count: Count::Whole(0),
            sum: 0.0,
            schema: 0,
            zero_threshold: 0.0,
            negative: Side::default(),
            positive: Side::default(),
            hint: 0,
            stamp_ms: 0,
            start_ms: 0,
            custom_values: Vec::new(),
        };
        let mut reader = Reader::new(message);
        while let Some(key) = reader.key()? {
            match key.field {
                1 => parts.count = Count::Whole(reader.varint(key)?),
                2 => parts.count = Count::Float(reader.double(key)?),
                3 => parts.sum = reader.double(key)?,
                4 => parts.schema = sint32(reader.varint(key)?),
                5 => parts.zero_threshold = reader.double(key)?,
                6 => parts.zero_count = Count::Whole(reader.varint(key)?),
                7 => parts.zero_count = Count::Float(reader.double(key)?),
                8 => push(&mut parts.negative.spans, span(reader.bytes(key)?)?, most)?,
                9 => reader.varints(key, |n| push(&mut parts.negative.deltas, sint64(n), most))?,
                10 => reader.doubles(key, |x| push(&mut parts.negative.counts, x, most))?,
                11 => push(&mut parts.positive.spans, span(reader.bytes(key)?)?, most)?,
                12 => reader.varints(key, |n| push(&mut parts.positive.deltas, sint64(n), most))?,
                13 => reader.doubles(key, |x| push(&mut parts.positive.counts, x, most))?,
                14 => parts.hint = reader.varint(key)? as i32,
                15 => parts.stamp_ms = reader.varint(key)? as i64,
                16 => reader.doubles(key, |x| push(&mut parts.custom_values, x, most))?,
                17 => parts.start_ms = reader.varint(key)? as i64,
                _ => reader.skip(key)?,
            }
        }
        Ok(parts)
    }

    /// When it began to count, as 2.0 says it; 0 where that is not known.
    pub(super) fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// Appends the histogram to a batch, where it is valid.
    pub(super) fn append(self, series: u32, start_ms: i64, batch: &mut Batch<'_>) -> Result<(), TooManySamples> {
        let stamp_ms = self.stamp_ms;
        match self.histogram() {
            Ok(histogram) => batch.histogram(series, stamp_ms, histogram, start_ms),
            Err(why) => {
                let labels = batch.dictionary().labels(series);
                batch.report().refuse(Reason::Histogram, 1, || format!("{}: {why}", labels.unwrap_or_default()));
                Ok(())
            }
        }
    }

    fn histogram(self) -> Result<Histogram, String> {
        let is_float = matches!(self.count, Count::Float(_));
        let custom = self.schema == i32::from(CUSTOM_SCHEMA);
        if !custom && !(i32::from(MIN_SCHEMA)..=MAX_RESERVED_SCHEMA).contains(&self.schema) {
            return Err(format!("there are no histograms with schema {}", self.schema));
        }
        let (positive, seen) = self.positive.buckets(is_float, "positive")?;
        let (negative, seen_negative) = self.negative.buckets(is_float, "negative")?;
        let whole = |count| if let Count::Whole(n) = count { n } else { 0 };
        let float = |count| if let Count::Float(x) = count { x } else { 0.0 };
        let (count, zero_count) = if is_float {
            (float(self.count), float(self.zero_count))
        } else {
            let (count, zero) = (whole(self.count), whole(self.zero_count));
            let seen = seen.wrapping_add(seen_negative).wrapping_add(zero);
            // Observations that are no number are in no bucket.
            if if self.sum.is_nan() { seen > count } else { seen != count } {
                return Err(format!("the buckets of a histogram hold {seen} observations, it has {count}"));
            }
            (count as f64, zero as f64)
        };
        let mut histogram = Histogram {
            hint: match self.hint {
                1 => Hint::Reset,
                2 => Hint::NotReset,
                3 => Hint::Gauge,
                _ => Hint::Unknown,
            },
            schema: self.schema as i8,
            zero_threshold: self.zero_threshold,
            zero_count,
            count,
            sum: self.sum,
            positive,
            negative,
            custom_values: self.custom_values,
        };
        histogram.reduce(MAX_SCHEMA);
        histogram.validate().map_err(|invalid| invalid.to_string())?;
        Ok(histogram)
    }
}

impl Side {
    /// Buckets, and how many observations they hold if those are whole.
    fn buckets(&self, is_float: bool, sign: &str) -> Result<(Buckets, u64), String> {
        let counts = if is_float { self.counts.len() } else { self.deltas.len() };
        let named = self.spans.iter().fold(0u64, |n, span| n + u64::from(span.1));
        if named != counts as u64 {
            return Err(format!("{sign} spans of a histogram name {named} buckets, there are {counts}"));
        }
        let mut next = 0i64;
        let mut indices = Vec::with_capacity(counts);
        for (i, (offset, length)) in self.spans.iter().enumerate() {
            if (i > 0 && *offset < 0) || *offset == i32::MIN {
                return Err(format!("a {sign} span of a histogram has the offset {offset}"));
            }
            next += i64::from(*offset);
            let end = next + i64::from(*length);
            if end - 1 > i64::from(i32::MAX) {
                return Err(format!("a {sign} bucket of a histogram has the index {}", end - 1));
            }
            indices.extend((next..end).map(|index| index as i32));
            next = end;
        }
        if is_float {
            return Ok((indices.into_iter().zip(self.counts.iter().copied()).collect(), 0));
        }
        let (mut count, mut seen) = (0i64, 0u64);
        let mut all = Vec::with_capacity(counts);
        for delta in &self.deltas {
            count = count.wrapping_add(*delta);
            if count < 0 {
                return Err(format!("a {sign} bucket of a histogram holds {count} observations"));
            }
            seen = seen.wrapping_add(count as u64);
            all.push(count as f64);
        }
        Ok((indices.into_iter().zip(all).collect(), seen))
    }
}

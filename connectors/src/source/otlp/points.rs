//! Points: each becomes one sample or several, all of them or none.

use super::message::{ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint, SummaryDataPoint};
use super::translate::ResourceLabels;
use crate::source::intake::{Batch, Change, Pair, Reason, Refusal, TooManySamples};
use bellwether_model::histogram::{Buckets, Hint, MAX_SCHEMA, MIN_SCHEMA};
use bellwether_model::{Histogram, Labels, LabelsBuilder, METRIC_NAME, stale_nan};
use std::sync::Arc;

/// The flag of a point without a value.
const NO_RECORDED_VALUE: u32 = 1;

/// Prometheus's width of the zero bucket, whatever the sender's is.
const ZERO_THRESHOLD: f64 = 1e-128;

/// Empty buckets between two others that are written out; a longer gap is left out.
const SMALL_GAP: i64 = 2;

/// A point of any kind.
#[derive(Clone, Copy)]
pub(super) enum Point<'a> {
    Number(&'a NumberDataPoint),
    Histogram(&'a HistogramDataPoint),
    Exponential(&'a ExponentialHistogramDataPoint),
    Summary(&'a SummaryDataPoint),
}

/// Why a point was not taken.
pub(super) enum PointError {
    /// It is refused, the others are not.
    Refused(Refusal),
    /// The request is.
    TooMany(TooManySamples),
}

impl From<Refusal> for PointError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<TooManySamples> for PointError {
    fn from(too_many: TooManySamples) -> Self {
        Self::TooMany(too_many)
    }
}

fn ms(ns: u64) -> i64 {
    (ns / 1_000_000) as i64
}

/// When a point was seen and began to count, whether it has a value, and whether that is since the point before only.
struct When {
    stamp_ms: i64,
    start_ms: i64,
    recorded: bool,
    delta: bool,
}

/// The number of a series by its labels.
pub(super) fn series(labels: &Labels, batch: &Batch<'_>) -> Result<u32, Refusal> {
    let mut pairs: Vec<Pair<'_>> = labels.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    batch.series(&mut pairs)
}

/// Floats of a point: labels beside those of the point, and values.
struct Floats<'a> {
    name: &'a str,
    labels: LabelsBuilder,
    when: When,
    rows: Vec<(u32, f64)>,
}

impl Floats<'_> {
    fn add(&mut self, suffix: &str, own: Option<(&str, &str)>, value: f64, batch: &Batch<'_>) -> Result<(), Refusal> {
        self.labels.set(METRIC_NAME, &format!("{}{suffix}", self.name));
        let number = match own {
            None => series(&self.labels.build(), batch)?,
            Some((name, text)) => {
                let mut labels = self.labels.clone();
                series(&labels.set(name, text).build(), batch)?
            }
        };
        self.rows.push((number, value));
        Ok(())
    }

    fn append(self, batch: &mut Batch<'_>) -> Result<i64, PointError> {
        let When { stamp_ms, start_ms, recorded, delta } = self.when;
        for (number, value) in self.rows {
            match (delta, recorded) {
                (true, true) => batch.delta(number, stamp_ms, Change::Float(value), start_ms)?,
                (true, false) => batch.delta(number, stamp_ms, Change::Ends, start_ms)?,
                (false, true) => batch.float(number, stamp_ms, value, start_ms)?,
                (false, false) => batch.float(number, stamp_ms, stale_nan(), start_ms)?,
            }
        }
        Ok(stamp_ms)
    }
}

impl Point<'_> {
    fn when(&self, delta: bool) -> When {
        let (start, stamp, flags) = match self {
            Self::Number(p) => (p.start_time_unix_nano, p.time_unix_nano, p.flags),
            Self::Histogram(p) => (p.start_time_unix_nano, p.time_unix_nano, p.flags),
            Self::Exponential(p) => (p.start_time_unix_nano, p.time_unix_nano, p.flags),
            Self::Summary(p) => (p.start_time_unix_nano, p.time_unix_nano, p.flags),
        };
        When { stamp_ms: ms(stamp), start_ms: ms(start), recorded: flags & NO_RECORDED_VALUE == 0, delta }
    }

    /// Appends the samples of a point of metric `name`, or what is to be added up to them; returns its stamp.
    pub(super) fn append(
        &self,
        name: &str,
        delta: bool,
        resource: &ResourceLabels,
        batch: &mut Batch<'_>,
    ) -> Result<i64, PointError> {
        let when = self.when(delta);
        if !batch.is_date(when.stamp_ms) {
            let text = format!("the stamp {} ms is too far ahead of the clock", when.stamp_ms);
            return Err(Refusal { reason: Reason::Stamp, text }.into());
        }
        let attributes = match self {
            Self::Number(p) => &p.attributes,
            Self::Histogram(p) => &p.attributes,
            Self::Exponential(p) => &p.attributes,
            Self::Summary(p) => &p.attributes,
        };
        let labels = resource.with(attributes)?;
        let mut floats = Floats { name, labels, when, rows: Vec::new() };
        match self {
            Self::Number(p) => {
                let value = p.as_int.map_or(p.as_double.unwrap_or(0.0), |n| n as f64);
                floats.add("", None, value, batch)?;
            }
            Self::Histogram(p) => p.add(&mut floats, batch)?,
            Self::Summary(p) => p.add(&mut floats, batch)?,
            Self::Exponential(p) => return p.append(floats, batch),
        }
        floats.append(batch)
    }
}

/// A bound or a quantile as a label has it: never with an exponent, as Go's `FormatFloat(x, 'f', -1, 64)` writes it.
fn bound_text(bound: f64) -> String {
    if bound.is_infinite() { if bound > 0.0 { "+Inf" } else { "-Inf" }.to_owned() } else { bound.to_string() }
}

impl HistogramDataPoint {
    fn add(&self, floats: &mut Floats<'_>, batch: &Batch<'_>) -> Result<(), Refusal> {
        if let Some(sum) = self.sum {
            floats.add("_sum", None, sum, batch)?;
        }
        floats.add("_count", None, self.count as f64, batch)?;
        let mut below = 0u64;
        for (bound, count) in self.explicit_bounds.iter().zip(&self.bucket_counts) {
            below = below.saturating_add(*count);
            // The last bucket is written from the count; twice it would be two samples of one series.
            if *bound != f64::INFINITY {
                floats.add("_bucket", Some(("le", &bound_text(*bound))), below as f64, batch)?;
            }
        }
        floats.add("_bucket", Some(("le", "+Inf")), self.count as f64, batch)
    }
}

impl SummaryDataPoint {
    fn add(&self, floats: &mut Floats<'_>, batch: &Batch<'_>) -> Result<(), Refusal> {
        floats.add("_sum", None, self.sum, batch)?;
        floats.add("_count", None, self.count as f64, batch)?;
        for quantile in &self.quantile_values {
            floats.add("", Some(("quantile", &bound_text(quantile.quantile))), quantile.value, batch)?;
        }
        Ok(())
    }
}

impl ExponentialHistogramDataPoint {
    fn append(&self, floats: Floats<'_>, batch: &mut Batch<'_>) -> Result<i64, PointError> {
        let Floats { name, mut labels, when, .. } = floats;
        let invalid = |text: String| Refusal { reason: Reason::Histogram, text };
        let number = series(&labels.set(METRIC_NAME, name).build(), batch)?;
        let When { stamp_ms, start_ms, recorded, delta } = when;
        match (delta, recorded) {
            (false, false) => batch.float(number, stamp_ms, stale_nan(), 0)?,
            (true, false) => batch.delta(number, stamp_ms, Change::Ends, start_ms)?,
            (false, true) => batch.histogram(number, stamp_ms, self.native().map_err(invalid)?, start_ms)?,
            (true, true) => {
                let change = Change::Histogram(Arc::new(self.native().map_err(invalid)?));
                batch.delta(number, stamp_ms, change, start_ms)?;
            }
        }
        Ok(stamp_ms)
    }

    fn native(&self) -> Result<Histogram, String> {
        if self.scale < i32::from(MIN_SCHEMA) {
            return Err(format!("a histogram has the scale {}, the coarsest is {MIN_SCHEMA}", self.scale));
        }
        let schema = self.scale.min(i32::from(MAX_SCHEMA));
        let shift = (self.scale - schema).min(63) as u32;
        let side = |buckets: Option<&super::message::Buckets>| match buckets {
            Some(b) => sparse(&b.bucket_counts, b.offset, shift),
            None => Ok((Buckets::default(), 0)),
        };
        let (positive, above) = side(self.positive.as_ref())?;
        let (negative, below) = side(self.negative.as_ref())?;
        let sum = self.sum.unwrap_or(0.0);
        let seen = above.saturating_add(below).saturating_add(self.zero_count);
        // Observations that are no number are in no bucket.
        if if sum.is_nan() { seen > self.count } else { seen != self.count } {
            return Err(format!("the buckets of a histogram hold {seen} observations, it has {}", self.count));
        }
        let histogram = Histogram {
            // A counter reset is looked for: senders do not say.
            hint: Hint::Unknown,
            schema: schema as i8,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: self.zero_count as f64,
            count: self.count as f64,
            sum,
            positive,
            negative,
            custom_values: Vec::new(),
        };
        histogram.validate().map_err(|invalid| invalid.to_string())?;
        Ok(histogram)
    }
}

/// Dense buckets in a resolution coarser by `shift`, with one added to each index (OTLP counts from the lower bound,
/// Prometheus from the upper one), and how many observations they hold. Longer gaps are left out.
fn sparse(counts: &[u64], offset: i32, shift: u32) -> Result<(Buckets, u64), String> {
    let mut buckets = Buckets::default();
    let index_of = |i: usize| ((i as i64 + i64::from(offset)) >> shift) + 1;
    let (mut next, mut seen) = (index_of(0), 0u64);
    let (mut i, end) = (0, counts.len());
    while i < end {
        let (index, mut count) = (index_of(i), 0u64);
        while i < end && index_of(i) == index {
            count = count.saturating_add(counts[i]);
            i += 1;
        }
        seen = seen.saturating_add(count);
        if count == 0 && i < end {
            continue;
        }
        let from = if index - next > SMALL_GAP { index } else { next };
        for filled in from..=index {
            let filled =
                i32::try_from(filled).map_err(|_| format!("a bucket of a histogram has the index {filled}"))?;
            buckets.push(filled, if i64::from(filled) == index { count as f64 } else { 0.0 });
        }
        next = index + 1;
    }
    Ok((buckets, seen))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(counts: &[u64], offset: i32, shift: u32) -> Vec<(i32, f64)> {
        sparse(counts, offset, shift).unwrap().0.iter().collect()
    }

    /// Cases of Prometheus's own tests of the layout.
    #[test]
    fn buckets_are_laid_out_as_prometheus_lays_them_out() {
        assert_eq!(of(&[4, 3, 2, 1], 0, 0), [(1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0)]);
        assert_eq!(of(&[4, 2, 1], 0, 1), [(1, 4.0), (2, 3.0)].map(|(i, n)| (i, if i == 1 { 6.0 } else { n - 2.0 })));
        assert_eq!(of(&[4, 0, 0, 2], -1, 0), [(0, 4.0), (1, 0.0), (2, 0.0), (3, 2.0)]);
        assert_eq!(of(&[4, 0, 0, 0, 2], 0, 0), [(1, 4.0), (5, 2.0)]);
        assert_eq!(of(&[4, 0, 0], 0, 0), [(1, 4.0), (2, 0.0), (3, 0.0)]);
        assert_eq!(of(&[], 5, 0), []);
        assert_eq!(of(&[1, 1, 1], -3, 63), [(0, 3.0)]);
        assert!(sparse(&[0, 1], i32::MAX, 0).is_err());
    }

    #[test]
    fn bounds_have_no_exponent() {
        assert_eq!(
            [0.005, 1.0, 1e21, f64::NEG_INFINITY].map(bound_text),
            ["0.005", "1", "1000000000000000000000", "-Inf"]
        );
    }
}

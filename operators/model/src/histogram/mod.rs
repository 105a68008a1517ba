//! Native histograms: exponential and custom buckets with fractional counts.
//!
//! # Semantics (Prometheus model/histogram, `FloatHistogram`)
//! Schema `n` in -9..=8 cuts each power of two into `2^n` buckets; [`CUSTOM_SCHEMA`] takes the upper bounds of its
//! buckets from [`Histogram::custom_values`]. Counts are absolute, and a bucket that is listed with count 0 belongs to the
//! layout: two histograms are equal only if their layouts are.
//!
//! # State
//! Prometheus writes a layout as spans; here each bucket carries its index, which makes every operation a merge of sorted
//! lists ([`Buckets`]).
//!
//! # Limits
//! Reserved schemas (9 to 52) are refused: they are reduced where samples are read, or not at all.

mod accumulate;
mod add;
mod bound;
mod buckets;
mod codec;
mod hints;
mod iterate;
pub mod notation;
mod reset;
mod text;
mod trim;
mod valid;

pub use accumulate::{Accumulator, Facts, Incompatible};
pub use buckets::Buckets;
pub use hints::give_stored_hints;
pub use iterate::Bucket;
pub use text::go_float;
pub use trim::Trim;
pub use valid::Invalid;

use serde::{Deserialize, Serialize};

/// The schema whose buckets have custom bounds.
pub const CUSTOM_SCHEMA: i8 = -53;

/// The coarsest exponential schema.
pub const MIN_SCHEMA: i8 = -9;

/// The finest exponential schema.
pub const MAX_SCHEMA: i8 = 8;

/// What is known of a counter reset before a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hint {
    /// Nothing: whoever needs to know compares.
    #[default]
    Unknown,
    /// The counter was reset before this histogram.
    Reset,
    /// It was not.
    NotReset,
    /// The histogram is no counter.
    Gauge,
}

/// A histogram with fractional counts.
///
/// Compared (`==`) by the bits of all its fields; PromQL's comparison is [`Histogram::equals`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Histogram {
    /// What is known of a counter reset.
    pub hint: Hint,
    /// Resolution, or [`CUSTOM_SCHEMA`].
    pub schema: i8,
    /// Observations up to this distance from zero are in the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Positive buckets, or those with custom bounds.
    pub positive: Buckets,
    /// Negative buckets, by the index of their absolute value.
    pub negative: Buckets,
    /// Upper bounds of custom buckets, ascending; empty for exponential ones.
    pub custom_values: Vec<f64>,
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.hint == other.hint && self.equals(other)
    }
}

impl Eq for Histogram {}

impl Histogram {
    /// Whether its buckets have custom bounds.
    pub fn is_custom(&self) -> bool {
        self.schema == CUSTOM_SCHEMA
    }

    /// Whether two histograms hold the same data in the same layout, whatever their hints: PromQL's `==`.
    pub fn equals(&self, other: &Self) -> bool {
        let bits = |h: &Self| [h.count.to_bits(), h.sum.to_bits(), h.zero_count.to_bits()];
        self.schema == other.schema
            && bits(self) == bits(other)
            && self.zero_threshold == other.zero_threshold
            && (!self.is_custom() || self.custom_values == other.custom_values)
            && self.positive.same(&other.positive)
            && self.negative.same(&other.negative)
    }

    /// Multiplies all counts and the sum. A negative factor makes it a gauge.
    pub fn multiply(&mut self, factor: f64) {
        self.each(|x| x * factor);
        self.turn_gauge(factor);
    }

    /// Divides all counts and the sum. Division by zero leaves no buckets; a negative divisor makes it a gauge.
    pub fn divide(&mut self, divisor: f64) {
        self.each(|x| x / divisor);
        if divisor == 0.0 {
            self.positive = Buckets::default();
            self.negative = Buckets::default();
            return;
        }
        self.turn_gauge(divisor);
    }

    fn each(&mut self, f: impl Fn(f64) -> f64) {
        for x in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            *x = f(*x);
        }
        for x in self.positive.counts_mut().iter_mut().chain(self.negative.counts_mut()) {
            *x = f(*x);
        }
    }

    fn turn_gauge(&mut self, factor: f64) {
        if factor < 0.0 {
            self.hint = Hint::Gauge;
        }
    }

    /// Drops empty buckets from the layout.
    pub fn compact(&mut self) {
        self.positive.compact();
        self.negative.compact();
    }

    /// Merges buckets down to a coarser exponential schema; a finer one, or custom bounds on either side, change nothing.
    pub fn reduce(&mut self, schema: i8) {
        if schema < self.schema && !self.is_custom() && schema != CUSTOM_SCHEMA {
            let shift = (self.schema - schema) as u32;
            self.positive.reduce(shift);
            self.negative.reduce(shift);
            self.schema = schema;
        }
    }

    /// Whether any of its numbers is infinite.
    pub fn has_overflow(&self) -> bool {
        let own = [self.zero_count, self.count, self.sum];
        let counts = self.positive.counts().iter().chain(self.negative.counts());
        own.iter().chain(counts).chain(&self.custom_values).any(|x| x.is_infinite())
    }

    /// Bytes that it takes, its own header included.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + (self.positive.len() + self.negative.len()) * 12 + self.custom_values.len() * 8
    }
}

#[cfg(test)]
mod tests;

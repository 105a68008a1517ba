//! Which histograms are valid.
//!
//! # Semantics (Prometheus model/histogram, `Validate`)
//! Counts are not negative, custom bounds ascend and are finite, and what a schema does not use is empty. That the
//! buckets add up to the count is not checked: fractional counts do not.

use super::{CUSTOM_SCHEMA, Histogram, MAX_SCHEMA, MIN_SCHEMA};
use std::fmt;

/// Why a histogram is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// No such schema.
    Schema,
    /// The zero threshold is negative or no number.
    ZeroThreshold,
    /// Custom bounds do not ascend, or are not finite.
    CustomBounds,
    /// Fewer custom bounds than its buckets need.
    TooFewBounds,
    /// It has custom bounds beside exponential buckets, or a zero or negative bucket beside custom ones.
    MixedBuckets,
    /// A count is negative.
    NegativeCount,
    /// The bytes are no histogram.
    Bytes,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema => {
                write!(f, "the schema of a histogram is between {MIN_SCHEMA} and {MAX_SCHEMA}, or {CUSTOM_SCHEMA}")
            }
            Self::ZeroThreshold => f.write_str("the zero threshold of a histogram is not negative"),
            Self::CustomBounds => f.write_str("custom bounds of a histogram are finite and strictly ascending"),
            Self::TooFewBounds => f.write_str("a histogram has more buckets than custom bounds"),
            Self::MixedBuckets => f.write_str("a histogram has either custom or exponential buckets"),
            Self::NegativeCount => f.write_str("a histogram has a negative count"),
            Self::Bytes => f.write_str("the bytes are no histogram"),
        }
    }
}

impl std::error::Error for Invalid {}

impl Histogram {
    /// Whether operations on it have a meaning: its schema, zero threshold and bounds are sound. Results of subtractions
    /// have negative counts and are sound.
    pub fn check_layout(&self) -> Result<(), Invalid> {
        if !(MIN_SCHEMA..=MAX_SCHEMA).contains(&self.schema) && !self.is_custom() {
            return Err(Invalid::Schema);
        }
        if self.zero_threshold.is_nan() || self.zero_threshold < 0.0 {
            return Err(Invalid::ZeroThreshold);
        }
        if !self.is_custom() {
            return if self.custom_values.is_empty() { Ok(()) } else { Err(Invalid::MixedBuckets) };
        }
        if self.zero_threshold != 0.0 || self.zero_count != 0.0 || !self.negative.is_empty() {
            return Err(Invalid::MixedBuckets);
        }
        let ascend = self.custom_values.windows(2).all(|w| w[0] < w[1]);
        if !ascend || !self.custom_values.iter().all(|b| b.is_finite()) {
            return Err(Invalid::CustomBounds);
        }
        let indices = self.positive.indices();
        let past = indices.last().is_some_and(|last| i64::from(*last) > self.custom_values.len() as i64);
        if past || indices.first().is_some_and(|first| *first < 0) {
            return Err(Invalid::TooFewBounds);
        }
        Ok(())
    }

    /// Whether it may be stored as a sample.
    pub fn validate(&self) -> Result<(), Invalid> {
        self.check_layout()?;
        let counts = self.positive.counts().iter().chain(self.negative.counts());
        let negative = counts.chain([&self.count, &self.zero_count]).any(|c| *c < 0.0);
        if negative { Err(Invalid::NegativeCount) } else { Ok(()) }
    }
}

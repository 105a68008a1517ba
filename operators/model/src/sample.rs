//! Samples and stale markers.

use crate::column::Value;
use crate::labels::Labels;

/// The bits of the NaN that ends a series (Prometheus `model/value`).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The stale marker.
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Whether a value is the stale marker; an ordinary NaN is not.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// One sample with its labels: the form that tests and small inputs use; bulk data travels as runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The series.
    pub labels: Labels,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The value; a float that [`is_stale`] ends the series.
    pub value: Value,
    /// When the counter began to count, milliseconds since the epoch; 0 where that is not known.
    pub start_ms: i64,
}

impl Sample {
    /// A sample with a float.
    pub fn float(labels: Labels, timestamp_ms: i64, value: f64) -> Self {
        Self { labels, timestamp_ms, value: Value::Float(value), start_ms: 0 }
    }
}

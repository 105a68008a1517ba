//! What a request may cost, whatever the protocol is.

/// Limits of one request. What is past a limit of a sample or a series is refused alone; what is past one of the whole
/// request refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteLimits {
    /// Bytes of the body as it comes.
    pub body_bytes: usize,
    /// Bytes once it is uncompressed.
    pub decoded_bytes: usize,
    /// Samples; a native histogram counts as [`HISTOGRAM_SAMPLES`](Self::HISTOGRAM_SAMPLES) and one for each bucket.
    pub samples: usize,
    /// Labels of a series.
    pub labels: usize,
    /// Bytes of a label's name.
    pub label_name_bytes: usize,
    /// Bytes of a label's value.
    pub label_value_bytes: usize,
    /// Series known, over all requests: a request brings no new one past it.
    pub series: usize,
    /// How far ahead of the clock a stamp may be, ms.
    pub ahead_ms: i64,
}

impl WriteLimits {
    /// What a histogram costs beside its buckets, in samples.
    pub const HISTOGRAM_SAMPLES: usize = 10;
}

impl Default for WriteLimits {
    /// Senders batch 2,000 to 10,000 samples in less than 2 MiB; Prometheus takes 32 MiB and any label. 10 minutes ahead
    /// are Prometheus's own.
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            decoded_bytes: 64 << 20,
            samples: 1_000_000,
            labels: 128,
            label_name_bytes: 1 << 10,
            label_value_bytes: 8 << 10,
            series: 20_000_000,
            ahead_ms: 600_000,
        }
    }
}

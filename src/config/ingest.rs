//! What senders may send.

use super::value::{ByteSize, Millis};
use crate::live::PairSpec;
use bellwether_connectors::source::intake::WriteLimits;
use bellwether_connectors::source::otlp::OtlpOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What senders may send.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ingest {
    /// What a request, a tenant and all of them may cost.
    pub limits: Limits,
    /// How OTLP becomes series.
    pub otlp: OtlpOptions,
    /// Pairs of Prometheus servers that scrape the same.
    pub ha: HighAvailability,
}

/// Pairs of Prometheus servers that scrape the same: one of each counts, the other one takes its place when it falls silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HighAvailability {
    /// Whether series with both labels are of such a pair.
    pub enabled: bool,
    /// The external label that both servers have in common.
    pub cluster_label: String,
    /// The external label that tells one from the other; it is left out of what is evaluated.
    pub replica_label: String,
    /// How long the server that counts may be silent before the other one does.
    pub failover: Millis,
}

impl Default for HighAvailability {
    fn default() -> Self {
        let PairSpec { cluster_label, replica_label, failover_ms } = PairSpec::default();
        Self { enabled: false, cluster_label, replica_label, failover: Millis(failover_ms) }
    }
}

impl HighAvailability {
    /// How pairs are told apart, if they are.
    pub fn pairs(&self) -> Option<PairSpec> {
        let Self { enabled, cluster_label, replica_label, failover } = self.clone();
        enabled.then_some(PairSpec { cluster_label, replica_label, failover_ms: failover.0 })
    }
}

/// What requests may cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request's body as it comes.
    pub body: ByteSize,
    /// Bytes of it once it is uncompressed.
    pub decoded: ByteSize,
    /// Samples of a request.
    pub request_samples: usize,
    /// Labels of a series.
    pub labels: usize,
    /// Bytes of a label's name.
    pub label_name: ByteSize,
    /// Bytes of a label's value.
    pub label_value: ByteSize,
    /// Series known; a request brings no new one past it.
    pub series: usize,
    /// How far ahead of the clock a stamp may be.
    pub ahead: Millis,
    /// Samples a second; 0 is no limit. Past it senders are told to come again (503), a tenant's with 429.
    pub samples_per_second: u32,
    /// Samples that may come at once; 0 is ten seconds' worth.
    pub burst_samples: u32,
    /// Bytes of samples between socket and decisions; past it senders are told to come again.
    pub memory: ByteSize,
    /// Bytes that all requests together may hold, bodies and what they are decoded to.
    pub in_flight: ByteSize,
    /// Connections at a time.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let own = WriteLimits::default();
        Self {
            body: ByteSize(own.body_bytes),
            decoded: ByteSize(own.decoded_bytes),
            request_samples: own.samples,
            labels: own.labels,
            label_name: ByteSize(own.label_name_bytes),
            label_value: ByteSize(own.label_value_bytes),
            series: own.series,
            ahead: Millis(own.ahead_ms),
            samples_per_second: 0,
            burst_samples: 0,
            memory: ByteSize::mib(512),
            in_flight: ByteSize::mib(256),
            connections: 4_096,
        }
    }
}

impl Limits {
    /// Those of one request.
    pub fn of_request(&self) -> WriteLimits {
        WriteLimits {
            body_bytes: self.body.0,
            decoded_bytes: self.decoded.0,
            samples: self.request_samples,
            labels: self.labels,
            label_name_bytes: self.label_name.0,
            label_value_bytes: self.label_value.0,
            series: self.series,
            ahead_ms: self.ahead.0,
        }
    }
}

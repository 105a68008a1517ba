//! Counts of what came in, for `/metrics`.

use crate::source::intake::{Reason, Report};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one protocol since the process began.
#[derive(Debug, Default)]
pub struct ProtocolCounters {
    /// Requests.
    pub requests: AtomicU64,
    /// Requests answered with 4xx, partly taken ones included.
    pub refused_requests: AtomicU64,
    /// Requests answered with 503: the sender comes again.
    pub postponed_requests: AtomicU64,
    /// Bytes of bodies as they came.
    pub bytes: AtomicU64,
    /// Floats taken.
    pub samples: AtomicU64,
    /// Native histograms taken.
    pub histograms: AtomicU64,
    /// Exemplars passed over.
    pub exemplars: AtomicU64,
    /// Entries of metadata passed over.
    pub metadata: AtomicU64,
    /// Samples refused, by [`Reason`] in order of [`Reason::ALL`].
    pub rejected: [AtomicU64; Reason::ALL.len()],
}

/// Counts by protocol.
#[derive(Debug, Default)]
pub struct IngestCounters {
    /// Remote-write, 1.0 and 2.0.
    pub remote_write: ProtocolCounters,
    /// OTLP, over HTTP and gRPC.
    pub otlp: ProtocolCounters,
}

/// Adds to a count.
pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl ProtocolCounters {
    /// Adds what became of a request's samples.
    pub(super) fn add(&self, report: &Report) {
        add(&self.samples, report.samples);
        add(&self.histograms, report.histograms);
        add(&self.exemplars, report.exemplars);
        add(&self.metadata, report.metadata);
        self.rejected.iter().zip(report.rejected).for_each(|(counter, n)| add(counter, n));
    }
}

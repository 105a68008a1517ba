//! Intake: what a push protocol hands over, whatever the protocol is.
//!
//! # Position
//! remote-write, OTLP → decode → [`Rows`] → **[`Intake`]** (the durable log) → the dataflow
//!
//! # Semantics
//! A request is answered with success only after [`Intake::append`]'s receiver said that its rows are on disk. Rows of one
//! request stay together and in order: of two samples with one series and stamp the first in log order wins.
//!
//! # Errors
//! [`IntakeError`] says what the sender must be told: come again, or give up.

mod batch;
mod delta;
mod dictionary;
mod limits;
mod metadata;
mod report;

pub use batch::{Batch, Pair, Refusal, TooManySamples};
pub use delta::{Change, Delta};
pub use dictionary::Dictionary;
pub use limits::WriteLimits;
pub use metadata::{Entry, Metadata, MetricType, Telling, Told};
pub use report::{Reason, Report};

use bellwether_model::HistogramSample;
use tokio::sync::oneshot;

/// Samples in the order of a request, one row each. Numbers of series are a [`Dictionary`]'s.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Series of each float.
    pub series: Vec<u32>,
    /// Stamp of each float, ms.
    pub stamps: Vec<i64>,
    /// Floats; NaN with the stale bits ends a series.
    pub values: Vec<f64>,
    /// When the counter behind each float began to count, ms, 0 where that is not known; empty where it is of none.
    pub starts: Vec<i64>,
    /// Native histograms; of a float and a histogram of one series and stamp the float counts.
    pub histograms: Vec<HistogramSample>,
    /// What is to be added up before anybody reads it.
    pub deltas: Vec<Delta>,
}

impl Rows {
    /// Samples.
    pub fn len(&self) -> usize {
        self.series.len() + self.histograms.len() + self.deltas.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a float that nothing is known of but its value.
    pub fn push(&mut self, series: u32, stamp_ms: i64, value: f64) {
        self.push_started(series, stamp_ms, value, 0);
    }

    /// Appends a float that began to count at `start_ms`; 0 where that is not known.
    pub fn push_started(&mut self, series: u32, stamp_ms: i64, value: f64, start_ms: i64) {
        if start_ms != 0 && self.starts.is_empty() {
            self.starts.resize(self.series.len(), 0);
        }
        if start_ms != 0 || !self.starts.is_empty() {
            self.starts.push(start_ms);
        }
        self.series.push(series);
        self.stamps.push(stamp_ms);
        self.values.push(value);
    }

    /// Takes over another request's rows.
    pub fn append(&mut self, other: &mut Self) {
        if !self.starts.is_empty() || !other.starts.is_empty() {
            self.starts.resize(self.series.len(), 0);
            other.starts.resize(other.series.len(), 0);
        }
        self.series.append(&mut other.series);
        self.stamps.append(&mut other.stamps);
        self.values.append(&mut other.values);
        self.starts.append(&mut other.starts);
        self.histograms.append(&mut other.histograms);
        self.deltas.append(&mut other.deltas);
    }

    /// Stamps of whatever it is, ms.
    pub fn all_stamps(&self) -> impl Iterator<Item = i64> + '_ {
        let floats = self.stamps.iter().copied();
        floats.chain(self.histograms.iter().map(|h| h.stamp_ms)).chain(self.deltas.iter().map(|d| d.stamp_ms))
    }

    /// The newest stamp, ms.
    pub fn newest_ms(&self) -> Option<i64> {
        self.all_stamps().max()
    }

    /// Bytes that the rows take in memory, about.
    pub fn bytes(&self) -> usize {
        let histogram = |h: &HistogramSample| 128 + 16 * (h.histogram.positive.len() + h.histogram.negative.len());
        let floats = self.series.len() * 20 + self.starts.len() * 8;
        let deltas = self.deltas.iter().map(Delta::bytes).sum::<usize>();
        floats + self.histograms.iter().map(histogram).sum::<usize>() + deltas
    }
}

/// Takes rows and makes them durable.
pub trait Intake: Send + Sync {
    /// Numbers of series, shared by everybody who decodes.
    fn dictionary(&self) -> &Dictionary;

    /// The wall clock that stamps are held against, ms: time is the log's, so that a test may give it.
    fn now_ms(&self) -> i64;

    /// Queues rows of a source for the next commit. A source is whoever would go on sending after a restart of ours: a
    /// credential, a configured label, or a peer's address without its port. The receiver answers once the rows are on
    /// disk, or never will be; dropping it does not take the rows back. Does not wait: a full queue is
    /// [`IntakeError::Busy`].
    fn append(&self, source: &str, rows: Rows) -> Result<oneshot::Receiver<Result<(), IntakeError>>, IntakeError>;
}

/// Why rows were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// More is waiting than memory allows, or a stage behind is away: 503 with Retry-After.
    #[error("too much is waiting to be written: send it again in {retry_after_s} s")]
    Busy {
        /// Seconds.
        retry_after_s: u32,
    },
    /// The log cannot be written any more, and the process ends: 503.
    #[error("the log cannot be written: {reason}")]
    Broken {
        /// Why.
        reason: String,
    },
    /// The process is going down: 503.
    #[error("shutting down: send it again")]
    Closed,
}

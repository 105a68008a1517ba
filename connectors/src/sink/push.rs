//! A remote-write sender: samples in, requests to a receiver out, each again until it is taken.
//!
//! # Semantics
//! Remote-write 1.0, at most [`MOST_SAMPLES`] a request, in order. 5xx, 429 and a receiver that is away are tried again, with
//! waits that grow to a second, as long as `goes_on` says so; any other answer is an error, as for a real sender.

use super::http::{HttpError, HttpSpec};
use super::{RemoteWriter, WriteError};
use bellwether_model::Sample;
use std::time::Duration;

/// Samples of a request (Prometheus `max_samples_per_send`).
pub const MOST_SAMPLES: usize = 2_000;

/// A receiver.
#[derive(Debug)]
pub struct Push(RemoteWriter);

/// Why samples were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The receiver will never take them.
    #[error("{url} refuses the samples: {reason}")]
    Refused {
        /// Who.
        url: String,
        /// Why.
        reason: String,
    },
    /// The caller does not want to wait any longer.
    #[error("{url} did not take the samples: {reason}")]
    GivenUp {
        /// Who.
        url: String,
        /// What it said last.
        reason: String,
    },
}

impl Push {
    /// A receiver at a URL such as `http://127.0.0.1:9099/api/v1/write`.
    pub fn new(url: &str) -> Result<Self, HttpError> {
        RemoteWriter::new(url, &HttpSpec::new(Duration::from_secs(30)), &[]).map(Self)
    }

    /// Sends samples; returns once all of them are taken.
    pub fn send(&self, samples: &[Sample], mut goes_on: impl FnMut(&str) -> bool) -> Result<(), PushError> {
        let url = || self.0.url().to_owned();
        for batch in samples.chunks(MOST_SAMPLES) {
            let mut wait = Duration::from_millis(50);
            loop {
                match self.0.post(batch) {
                    Ok(()) => break,
                    Err(WriteError::Refused { reason }) => return Err(PushError::Refused { url: url(), reason }),
                    Err(WriteError::Later { reason, .. }) if !goes_on(&reason) => {
                        return Err(PushError::GivenUp { url: url(), reason });
                    }
                    Err(WriteError::Later { .. }) => std::thread::sleep(wait),
                }
                wait = (wait * 2).min(Duration::from_secs(1));
            }
        }
        Ok(())
    }
}

//! A remote-write sender: samples in, requests to a receiver out, each again until it is taken.
//!
//! # Semantics
//! Remote-write 1.0, at most [`MOST_SAMPLES`] a request, in order. 5xx, 429 and a receiver that is away are tried again, with
//! waits that grow to a second, as long as `goes_on` says so; any other answer is an error, as for a real sender.

use super::http::{HttpClient, HttpError, HttpSpec};
use super::remote_write::{compress, message};
use crate::source::remote_write::Version;
use bellwether_model::Sample;
use std::time::Duration;

/// Samples of a request (Prometheus `max_samples_per_send`).
pub const MOST_SAMPLES: usize = 2_000;

/// A receiver.
#[derive(Debug)]
pub struct Push {
    url: String,
    client: HttpClient,
}

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
        let client = HttpClient::new(url, &HttpSpec::new(Duration::from_secs(30)))?;
        Ok(Self { url: url.to_owned(), client })
    }

    /// Sends samples; returns once all of them are taken.
    pub fn send(&self, samples: &[Sample], mut goes_on: impl FnMut(&str) -> bool) -> Result<(), PushError> {
        for batch in samples.chunks(MOST_SAMPLES) {
            let refused = |reason: String| PushError::Refused { url: self.url.clone(), reason };
            let body = compress(&message(Version::One, batch)).ok_or_else(|| refused("too large".to_owned()))?;
            let mut wait = Duration::from_millis(50);
            while let Err(reason) = self.post(&body).map_err(refused)? {
                if !goes_on(&reason) {
                    return Err(PushError::GivenUp { url: self.url.clone(), reason });
                }
                std::thread::sleep(wait);
                wait = (wait * 2).min(Duration::from_secs(1));
            }
        }
        Ok(())
    }

    /// `Err`: never again. `Ok(Err)`: not now.
    fn post(&self, body: &[u8]) -> Result<Result<(), String>, String> {
        let headers = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        match self.client.post(&self.url, &headers, body) {
            Err(error) => Ok(Err(error.to_string())),
            Ok(answer) if answer.is_success() => Ok(Ok(())),
            Ok(answer) if answer.may_change() => Ok(Err(answer.shown())),
            Ok(answer) => Err(answer.shown()),
        }
    }
}

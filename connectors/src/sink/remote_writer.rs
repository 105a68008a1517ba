//! One remote-write receiver: samples in, one POST of remote-write 1.0 out.
//!
//! # Semantics
//! 1.0 is what every receiver takes: Prometheus since 2.33, Mimir, Thanos, VictoriaMetrics. Neighbours of one series are written
//! together. Any 2xx is success.
//!
//! # Errors
//! [`WriteError`]: whether another try may work, when, and why not. A 4xx is for good, but for those that time changes: 408, 425,
//! 429, and 401 and 403, because credentials are changed under a running process.

use super::http::{HttpClient, HttpError, HttpSpec, address};
use super::remote_write::{compress, message};
use crate::source::remote_write::Version;
use bellwether_model::Sample;
use std::time::Duration;

/// Headers that are ours to set.
const OURS: [&str; 9] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "user-agent",
    "x-prometheus-remote-write-version",
];

/// Why a receiver did not take samples.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// It may take them later.
    #[error("{reason}")]
    Later {
        /// Why not.
        reason: String,
        /// How long it wants to be left alone, if it says so.
        after: Option<Duration>,
    },
    /// It will never take them.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}

/// One receiver.
#[derive(Debug)]
pub struct RemoteWriter {
    url: String,
    client: HttpClient,
    headers: Vec<(String, String)>,
}

impl RemoteWriter {
    /// The receiver at a URL such as `http://127.0.0.1:9090/api/v1/write`, which gets these headers too. Does not look whether it
    /// is there.
    pub fn new(url: &str, spec: &HttpSpec, headers: &[(String, String)]) -> Result<Self, HttpError> {
        let wrong = |reason: &str| HttpError::Settings { place: url.to_owned(), reason: reason.to_owned() };
        if address(url).is_none() {
            return Err(wrong("it is no address: write http://HOST/api/v1/write, credentials apart"));
        }
        for (name, value) in headers {
            if let Err(what) = check_header(name, value) {
                return Err(wrong(&what));
            }
        }
        Ok(Self { url: url.to_owned(), client: HttpClient::new(url, spec)?, headers: headers.to_vec() })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends samples; returns once they were taken.
    pub fn post(&self, samples: &[Sample]) -> Result<(), WriteError> {
        let refused = |reason: String| WriteError::Refused { reason };
        let body = compress(&message(Version::One, samples)).ok_or_else(|| refused("too large".to_owned()))?;
        let ours = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        let theirs = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers: Vec<(&str, &str)> = ours.into_iter().chain(theirs).collect();
        // A secret's file that cannot be read now may be there again in a moment.
        let later = |e: HttpError| WriteError::Later { reason: e.to_string(), after: None };
        let answer = self.client.post(&self.url, &headers, &body).map_err(later)?;
        if answer.is_success() {
            Ok(())
        } else if answer.may_change() || matches!(answer.status, 401 | 403) {
            Err(WriteError::Later { reason: answer.shown(), after: answer.retry_after })
        } else {
            Err(refused(answer.shown()))
        }
    }
}

/// Whether a header may be set; what is wrong with it is said without its value.
pub fn check_header(name: &str, value: &str) -> Result<(), String> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
    if !is_name {
        return Err(format!("{name:?} is no name of a header"));
    }
    if OURS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!("the header {name} is set already; credentials go into basic_auth or authorization"));
    }
    if value.chars().any(|c| !c.is_ascii() || c.is_ascii_control()) {
        return Err(format!("the value of the header {name} has characters that no header may have"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn headers_that_are_ours_and_texts_that_are_none_are_refused() {
        let spec = HttpSpec::new(Duration::from_secs(1));
        let new = |url: &str, name: &str, value: &str| {
            let headers = [(name.to_owned(), value.to_owned())];
            RemoteWriter::new(url, &spec, &headers).map(drop).map_err(|e| e.to_string())
        };
        assert_eq!(new("http://a/api/v1/write", "X-Scope-OrgID", "team-a"), Ok(()));
        let cases = [
            ("http://a:b@c/", "X-A", "1", "it is no address"),
            ("http://a/", "Authorization", "1", "is set already"),
            ("http://a/", "X A", "1", "is no name of a header"),
            ("http://a/", "X-A", "secret\n", "the value of the header X-A"),
        ];
        for (url, name, value, want) in cases {
            let error = new(url, name, value).unwrap_err();
            assert!(error.contains(want) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn nobody_there_is_worth_another_try() {
        let nobody = RemoteWriter::new("http://127.0.0.1:1/", &HttpSpec::new(Duration::from_secs(2)), &[]).unwrap();
        assert!(matches!(nobody.post(&[]), Err(WriteError::Later { after: None, .. })));
    }
}

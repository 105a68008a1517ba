//! Alertmanager: notifications in, one POST of its v2 API out.
//!
//! # Semantics
//! An array of `{labels, annotations, startsAt, endsAt, generatorURL}` to `/api/v2/alerts`; the caller keeps to
//! [`MOST_ALERTS`] a batch. Alertmanager takes the newest state of a label set, so a repeated post changes nothing.
//!
//! # Errors
//! [`NotifyError`]: whether another try may work, and why not.

use super::http::{HttpClient, HttpError, HttpSpec, address};
use super::json::AsObject;
use bellwether_model::Labels;
use bellwether_model::civil::rfc3339;
use serde::Serialize;

/// Alerts in a batch at most (Prometheus `maxBatchSize`).
pub const MOST_ALERTS: usize = 256;

/// State of one alert, as a receiver is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Identity, external labels included.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// When it fired, ms.
    pub starts_at_ms: i64,
    /// When it resolved, or until when it counts as firing without another word, ms.
    pub ends_at_ms: i64,
    /// Where its expression can be looked at.
    pub generator_url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    labels: AsObject<'a>,
    annotations: AsObject<'a>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
}

/// The body of a post.
pub fn body(batch: &[Notification]) -> Vec<u8> {
    let wire: Vec<Wire<'_>> = batch
        .iter()
        .map(|n| Wire {
            labels: AsObject(&n.labels),
            annotations: AsObject(&n.annotations),
            starts_at: rfc3339(n.starts_at_ms),
            ends_at: rfc3339(n.ends_at_ms),
            generator_url: &n.generator_url,
        })
        .collect();
    // Strings and maps of strings: nothing in there can fail.
    serde_json::to_vec(&wire).unwrap_or_default()
}

/// Why a receiver did not take a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// It may take it later.
    #[error("{url}: {reason}")]
    Later {
        /// Who.
        url: String,
        /// Why not.
        reason: String,
    },
    /// It will never take this batch.
    #[error("{url} refuses the alerts: {reason}")]
    Refused {
        /// Who.
        url: String,
        /// Why.
        reason: String,
    },
    /// What was set for it cannot be used.
    #[error("{place}: {reason}")]
    Settings {
        /// Which setting, or which file.
        place: String,
        /// Why not, and what to do; never a secret.
        reason: String,
    },
    /// The address is none.
    #[error("{url} is no address of an Alertmanager: write http://HOST:9093 or https://HOST:9093, credentials apart")]
    Address {
        /// What was given.
        url: String,
    },
}

/// One Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    url: String,
    client: HttpClient,
}

impl Alertmanager {
    /// The Alertmanager at an address, with or without a path prefix. Does not look whether it is there.
    pub fn new(url: &str, spec: &HttpSpec) -> Result<Self, NotifyError> {
        let base = address(url).ok_or_else(|| NotifyError::Address { url: url.to_owned() })?;
        let settings = |e: HttpError| NotifyError::Settings { place: base.to_owned(), reason: e.to_string() };
        let client = HttpClient::new(base, spec).map_err(settings)?;
        Ok(Self { url: format!("{base}/api/v2/alerts"), client })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a batch; returns once it was taken.
    pub fn post(&self, batch: &[Notification]) -> Result<(), NotifyError> {
        let later = |reason: String| NotifyError::Later { url: self.url.clone(), reason };
        let headers = [("content-type", "application/json")];
        // A secret's file that cannot be read now may be there again in a moment.
        let answer = self.client.post(&self.url, &headers, &body(batch)).map_err(|e| later(e.to_string()))?;
        if answer.is_success() {
            Ok(())
        } else if answer.may_change() || matches!(answer.status, 401 | 403) {
            // So may credentials that are being changed.
            Err(later(answer.shown()))
        } else {
            Err(NotifyError::Refused { url: self.url.clone(), reason: answer.shown() })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_body_is_what_alertmanager_reads() {
        let one = Notification {
            labels: Labels::from_pairs([("alertname", "A"), ("q", "say \"hi\"\n")]),
            annotations: Labels::from_pairs([("summary", "s")]),
            starts_at_ms: 1_700_000_000_000,
            ends_at_ms: 1_700_000_240_500,
            generator_url: "http://p/graph?g0.expr=up".to_owned(),
        };
        let text = String::from_utf8(body(&[one])).unwrap();
        assert_eq!(
            text,
            r#"[{"labels":{"alertname":"A","q":"say \"hi\"\n"},"annotations":{"summary":"s"},"startsAt":"2023-11-14T22:13:20Z","endsAt":"2023-11-14T22:17:20.500Z","generatorURL":"http://p/graph?g0.expr=up"}]"#
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let spec = HttpSpec::new(Duration::from_secs(1));
        for url in ["", "am:9093", "http://", "ftp://am", "http://a b", "http://me:secret@am"] {
            assert!(matches!(Alertmanager::new(url, &spec), Err(NotifyError::Address { .. })), "{url}");
        }
        assert_eq!(Alertmanager::new("http://am:9093/x/", &spec).unwrap().url(), "http://am:9093/x/api/v2/alerts");
    }

    #[test]
    fn nobody_there_is_worth_another_try() {
        let nobody = Alertmanager::new("http://127.0.0.1:1", &HttpSpec::new(Duration::from_secs(2))).unwrap();
        assert!(matches!(nobody.post(&[]), Err(NotifyError::Later { .. })));
    }
}

//! Alertmanager: notifications in, one POST of its v2 API out.
//!
//! # Semantics
//! An array of `{labels, annotations, startsAt, endsAt, generatorURL}` to `/api/v2/alerts`; the caller keeps to
//! [`MOST_ALERTS`] a batch. Alertmanager takes the newest state of a label set, so a repeated post changes nothing.
//!
//! # Errors
//! [`NotifyError`]: whether another try may work, and why not.

use super::json::AsObject;
use bellwether_model::Labels;
use bellwether_model::civil::rfc3339;
use serde::Serialize;
use std::time::Duration;

/// Alerts in a batch at most (Prometheus `maxBatchSize`).
pub const MOST_ALERTS: usize = 256;

/// Bytes of an error answer that are shown.
const SHOWN: usize = 200;

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
    #[error("{url} is no address of an Alertmanager: write http://HOST:9093")]
    Address {
        /// What was given.
        url: String,
    },
}

/// One Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    url: String,
    agent: ureq::Agent,
}

impl Alertmanager {
    /// The Alertmanager at an address, with or without a path prefix. Does not look whether it is there.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, NotifyError> {
        let base = url.trim_end_matches('/');
        let host = base.strip_prefix("http://").filter(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace));
        if host.is_none() {
            return Err(NotifyError::Address { url: url.to_owned() });
        }
        let config = ureq::Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false).build();
        Ok(Self { url: format!("{base}/api/v2/alerts"), agent: config.into() })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a batch; returns once it was taken.
    pub fn post(&self, batch: &[Notification]) -> Result<(), NotifyError> {
        let later = |reason: String| NotifyError::Later { url: self.url.clone(), reason };
        let request = self.agent.post(&self.url).header("content-type", "application/json");
        let mut answer = request.send(body(batch)).map_err(|e| later(e.to_string()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.body_mut().with_config().limit(64 << 10).read_to_string().unwrap_or_default();
        let shown: String = text.chars().take(SHOWN).collect();
        let reason = format!("{status} {}", shown.trim());
        if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
            Err(later(reason))
        } else {
            Err(NotifyError::Refused { url: self.url.clone(), reason })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
        for url in ["", "am:9093", "http://", "ftp://am", "http://a b"] {
            assert!(
                matches!(Alertmanager::new(url, Duration::from_secs(1)), Err(NotifyError::Address { .. })),
                "{url}"
            );
        }
        assert_eq!(
            Alertmanager::new("http://am:9093/x/", Duration::from_secs(1)).unwrap().url(),
            "http://am:9093/x/api/v2/alerts"
        );
    }

    #[test]
    fn nobody_there_is_worth_another_try() {
        let nobody = Alertmanager::new("http://127.0.0.1:1", Duration::from_secs(2)).unwrap();
        assert!(matches!(nobody.post(&[]), Err(NotifyError::Later { .. })));
    }
}

//! Parameters of requests, as Prometheus reads them: from the URL, and from the form that a POST carries.
//!
//! # Semantics (Prometheus web/api/v1, `parseTime`, `parseDuration`)
//! A time is seconds, or RFC 3339; a duration is seconds, or `1h30m`. Of a parameter that is there twice the form's counts.

use crate::live::query::QueryError;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bellwether_dataflow::promql;
use bellwether_model::civil::parse_rfc3339;
use bellwether_operators::template::quote::quote;
use std::time::Duration;
use tokio::time::timeout;

/// How long a form may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// Stamps are numbers that a float holds exactly, ms.
const FURTHEST_MS: i64 = 1 << 53;

/// What Prometheus calls the first and the last instant.
const ENDS: [(&str, i64); 2] =
    [("-292273086-05-16T16:47:06Z", -FURTHEST_MS), ("+292277025-08-18T07:12:54.999999999Z", FURTHEST_MS)];

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let url = request.uri().query().unwrap_or("").to_owned();
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let is_form = kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
        if request.method() != Method::POST || !is_form {
            return Ok(Self::new(&[url.as_bytes()]));
        }
        match timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await {
            Ok(body) => Ok(Self::new(&[&body.map_err(IntoResponse::into_response)?, url.as_bytes()])),
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT.into_response()),
        }
    }
}

impl Params {
    /// From encoded text; what comes first counts.
    pub fn new(encoded: &[&[u8]]) -> Self {
        let pairs = encoded.iter().flat_map(|text| form_urlencoded::parse(text));
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// All values of a parameter.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect()
    }

    /// A parameter's text; "" where it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// A time that has to be there, ms.
    pub fn time(&self, name: &str) -> Result<i64, QueryError> {
        time(self.text(name)).map_err(|why| QueryError::parameter(name, why))
    }

    /// A time, ms; `None` where it is not there.
    pub fn time_if_given(&self, name: &str) -> Result<Option<i64>, QueryError> {
        let why = |why: String| QueryError::parameter(name, format!("invalid time value for '{name}': {why}"));
        match self.text(name) {
            "" => Ok(None),
            text => time(text).map(Some).map_err(why),
        }
    }

    /// A duration that has to be there, ms.
    pub fn duration(&self, name: &str) -> Result<i64, QueryError> {
        duration(self.text(name)).map_err(|why| QueryError::parameter(name, why))
    }

    /// A duration, ms; `None` where it is not there.
    pub fn duration_if_given(&self, name: &str) -> Result<Option<i64>, QueryError> {
        if self.text(name).is_empty() { Ok(None) } else { self.duration(name).map(Some) }
    }

    /// How many elements are wanted; 0 is any number.
    pub fn limit(&self) -> Result<usize, QueryError> {
        let text = self.text("limit");
        match text.parse::<i64>() {
            _ if text.is_empty() => Ok(0),
            Ok(n) => usize::try_from(n).map_err(|_| QueryError::parameter("limit", "limit must be non-negative")),
            Err(_) => {
                Err(QueryError::parameter("limit", format!("strconv.Atoi: parsing {}: invalid syntax", quote(text))))
            }
        }
    }
}

fn time(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.abs() <= FURTHEST_MS as f64 / 1_000.0
    {
        let whole = seconds.trunc();
        return Ok(whole as i64 * 1_000 + ((seconds - whole) * 1_000.0).round() as i64);
    }
    let end = ENDS.iter().find(|(name, _)| *name == text).map(|(_, ms)| *ms);
    let stamp_ms = parse_rfc3339(text).filter(|_| text.contains(['T', 't'])).or(end);
    stamp_ms.ok_or_else(|| format!("cannot parse {} to a valid timestamp", quote(text)))
}

fn duration(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = seconds * 1_000.0;
        // Prometheus counts nanoseconds in 64 bits.
        if ms.is_nan() || ms.abs() >= i64::MAX as f64 / 1e6 {
            return Err(format!("cannot parse {} to a valid duration. It overflows int64", quote(text)));
        }
        return Ok(ms as i64);
    }
    promql::parse_duration(text).map_err(|_| format!("cannot parse {} to a valid duration", quote(text)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        let cases = [
            ("4", 4_000),
            ("1700000000.123", 1_700_000_000_123),
            ("-1.5", -1_500),
            ("1.7e9", 1_700_000_000_000),
            ("2023-11-14T22:15:00.250+01:00", 1_699_996_500_250),
            (ENDS[0].0, -FURTHEST_MS),
            (ENDS[1].0, FURTHEST_MS),
        ];
        for (text, ms) in cases {
            assert_eq!(time(text), Ok(ms), "{text}");
        }
        for text in ["", "NaN", "Inf", "1e300", "now", "2023-11-14", "2023-11-14 22:15:00Z"] {
            assert_eq!(time(text), Err(format!("cannot parse {text:?} to a valid timestamp")));
        }
    }

    #[test]
    fn durations_are_seconds_or_prometheus_own() {
        let cases = [("15", 15_000), ("0.5", 500), ("1m30s", 90_000), ("-1", -1_000)];
        for (text, ms) in cases {
            assert_eq!(duration(text), Ok(ms), "{text}");
        }
        assert_eq!(duration("1x"), Err("cannot parse \"1x\" to a valid duration".to_owned()));
        for text in ["NaN", "1e300"] {
            assert!(duration(text).unwrap_err().ends_with("It overflows int64"), "{text}");
        }
    }

    #[test]
    fn a_form_counts_before_the_url_and_lists_add_up() {
        let params = Params::new(&[b"query=a%2Bb+c&match[]=x", b"query=other&match%5B%5D=y&time=4"]);
        assert_eq!((params.text("query"), params.text("time"), params.text("step")), ("a+b c", "4", ""));
        assert_eq!(params.all("match[]"), ["x", "y"]);
    }

    #[test]
    fn limits_are_no_less_than_none() {
        let limit = |text: &str| Params::new(&[format!("limit={text}").as_bytes()]).limit().map_err(|e| e.to_string());
        assert_eq!((limit(""), limit("7")), (Ok(0), Ok(7)));
        assert_eq!(limit("-1"), Err("invalid parameter \"limit\": limit must be non-negative".to_owned()));
        let text = "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax";
        assert_eq!(limit("x"), Err(text.to_owned()));
    }
}

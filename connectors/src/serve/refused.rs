//! A request that is answered with an error: its status, and when to come again.

use super::rate::RateLimit;
use crate::source::intake::IntakeError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Display;

/// Seconds after which a sender shall come again where nothing says better: a restart takes about as long.
const RETRY_AFTER_S: u32 = 5;

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) retry_after_s: Option<u32>,
    pub(super) text: String,
}

impl Refused {
    /// One that a sender shall not repeat.
    pub(super) fn new(status: StatusCode, text: impl Display) -> Self {
        Self { status, retry_after_s: None, text: text.to_string() }
    }

    /// One that a sender shall repeat.
    pub(super) fn later(retry_after_s: u32, text: impl Display) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self { status, retry_after_s: Some(retry_after_s), text: text.to_string() }
    }
}

impl Refused {
    /// More samples a second than allowed: a sender's own limit is its own business, the process's is ours.
    pub(super) fn too_fast(rate: &RateLimit, after_s: u32) -> Self {
        let (status, whose) = match rate.own {
            true => (StatusCode::TOO_MANY_REQUESTS, "the tenant"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "this server"),
        };
        let text =
            format!("more than the {} samples a second that {whose} may take: send it again later", rate.per_second());
        Self { status, retry_after_s: Some(after_s), text }
    }
}

impl From<IntakeError> for Refused {
    fn from(error: IntakeError) -> Self {
        let after_s =
            if let IntakeError::Busy { retry_after_s } = error { retry_after_s.max(1) } else { RETRY_AFTER_S };
        Self::later(after_s, error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let response = (self.status, format!("{}\n", self.text)).into_response();
        self.with(response)
    }
}

impl Refused {
    /// An answer with this one's headers.
    pub(super) fn with(&self, mut response: Response) -> Response {
        if let Some(after_s) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after_s));
        }
        response
    }
}

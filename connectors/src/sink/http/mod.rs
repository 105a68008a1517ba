//! A client of HTTP servers: bodies in, statuses and short texts out.
//!
//! # Semantics
//! One connection is kept. A certificate is checked against the authorities of this machine, or against those of
//! [`TlsSpec::ca`] alone. Files with secrets are read before each request, those with certificates when the client is made.
//!
//! # Errors
//! [`HttpError`]: what was set cannot be used, or the server was not reached. An answer that is no success is none: the caller
//! knows what it means.

mod credentials;
mod tls;

pub use credentials::{Credentials, Secret};
pub use tls::TlsSpec;

use std::time::Duration;

/// Bytes of an answer that are read.
const MOST_READ: u64 = 64 << 10;

/// Characters of an answer that are shown.
const SHOWN: usize = 200;

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSpec {
    /// How long a request may take.
    pub timeout: Duration,
    /// Who we say we are.
    pub credentials: Option<Credentials>,
    /// Which certificates count.
    pub tls: TlsSpec,
}

impl HttpSpec {
    /// Nobody in particular, within a time.
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, credentials: None, tls: TlsSpec::default() }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// What was set cannot be used.
    #[error("{place}: {reason}")]
    Settings {
        /// Which setting, or which file.
        place: String,
        /// Why not; never a secret.
        reason: String,
    },
    /// The server was not reached.
    #[error("{0}")]
    Unreached(String),
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// What came with it, cut.
    pub text: String,
    /// How long it wants to be left alone (`Retry-After` in seconds), if it says so.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the same request may be taken later.
    pub fn may_change(&self) -> bool {
        self.status >= 500 || matches!(self.status, 408 | 425 | 429)
    }

    /// Status and text for people.
    pub fn shown(&self) -> String {
        format!("{} {}", self.status, self.text).trim_end().to_owned()
    }
}

/// A client of one server.
#[derive(Debug)]
pub struct HttpClient {
    agent: ureq::Agent,
    credentials: Option<Credentials>,
}

impl HttpClient {
    /// A client; reads certificates if `url` asks for them.
    pub fn new(url: &str, spec: &HttpSpec) -> Result<Self, HttpError> {
        let mut config = ureq::Agent::config_builder().timeout_global(Some(spec.timeout)).http_status_as_error(false);
        if url.starts_with("https://") {
            config = config.tls_config(spec.tls.load()?);
        }
        if let Some(credentials) = &spec.credentials {
            // Nobody should learn at the first alert that a file is missing.
            credentials.header()?;
        }
        Ok(Self { agent: config.build().into(), credentials: spec.credentials.clone() })
    }

    /// Posts a body.
    pub fn post(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, HttpError> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(credentials) = &self.credentials {
            request = request.header("authorization", credentials.header()?);
        }
        let mut answer = request.send(body).map_err(|e| HttpError::Unreached(e.to_string()))?;
        let status = answer.status().as_u16();
        let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        // A success has nothing to say; reading it to its end keeps the connection.
        let text = answer.body_mut().with_config().limit(MOST_READ).read_to_string().unwrap_or_default();
        let retry_after = wait.map(Duration::from_secs);
        Ok(Answer { status, text: text.trim().chars().take(SHOWN).collect(), retry_after })
    }
}

/// The address without what is no part of it, if it is one: `http://HOST[:PORT][/PATH]`, or with https.
pub fn address(url: &str) -> Option<&str> {
    let base = url.trim_end_matches('/');
    let rest = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://"))?;
    // A password in an address would stand in logs and on pages; a quote would end a label's value.
    let is_host =
        !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control() || "@\"\\".contains(c));
    is_host.then_some(base)
}

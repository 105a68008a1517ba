//! Requests of the S3 client over our own HTTP client: no second client, no second TLS.
//!
//! # Semantics
//! A request runs where it is polled and blocks there: the client's runtime does nothing else. Bodies are whole. Redirects
//! are not followed, because a signature holds for one address.
//!
//! # Errors
//! Classed by whether the server may have seen the request: only then a put that is not repeatable must not be repeated.

use crate::sink::http::{HttpError as SettingsError, TlsSpec};
use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use std::time::Duration;
use ureq::{Agent, Timeout};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a request may take: 200 MB at 2 MB/s.
const WHOLE: Duration = Duration::from_secs(120);

/// How long the machine's own metadata may take: on a machine without any, nobody answers.
const METADATA: Duration = Duration::from_secs(2);

/// Makes clients.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    agent: Agent,
    /// For addresses of this machine alone: metadata, which has roles and their keys.
    metadata: Agent,
}

/// A client.
#[derive(Clone, Debug)]
struct Client(Agent);

impl Transport {
    /// Reads certificates, if they are needed.
    pub fn new(tls: &TlsSpec, is_tls: bool) -> Result<Self, SettingsError> {
        let mut config = Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false);
        if is_tls {
            config = config.tls_config(tls.load()?);
        }
        let metadata = Agent::config_builder().timeout_global(Some(METADATA)).http_status_as_error(false).proxy(None);
        Ok(Self { agent: config.build().into(), metadata: metadata.build().into() })
    }
}

impl HttpConnector for Transport {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Nothing else is asked for without TLS by the library's own settings.
        let is_metadata =
            options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|allowed| allowed == "true");
        Ok(HttpClient::new(Client(if is_metadata { self.metadata.clone() } else { self.agent.clone() })))
    }
}

/// What kind of failure it was.
fn kind(error: &ureq::Error) -> HttpErrorKind {
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => HttpErrorKind::Connect,
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => HttpErrorKind::Connect,
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => HttpErrorKind::Connect,
        ureq::Error::Io(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    }
}

fn failed(error: ureq::Error) -> HttpError {
    HttpError::new(kind(&error), error)
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let answer = match body.is_empty() && parts.method != "PUT" && parts.method != "POST" {
            true => self.0.run(ureq::http::Request::from_parts(parts, ())),
            false => self.0.run(ureq::http::Request::from_parts(parts, body.as_ref())),
        };
        let (parts, mut body) = answer.map_err(failed)?.into_parts();
        let bytes = body.with_config().limit(u64::MAX).read_to_vec().map_err(failed)?;
        Ok(HttpResponse::from_parts(parts, bytes.into()))
    }
}

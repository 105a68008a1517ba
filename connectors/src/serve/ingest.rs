//! Where senders push to: remote-write at `/api/v1/write`, OTLP at `/v1/metrics` and `/api/v1/otlp/v1/metrics`, and by gRPC.
//!
//! # Position
//! [`Server`](super::Server) → **routes** → decode → [`Intake`]
//!
//! # Semantics (the specifications of remote-write 1.0 and 2.0)
//! | answer | when |
//! |---|---|
//! | 204 | every sample is on disk |
//! | 400 | no snappy, no protobuf, or a sample was refused: the valid rest is on disk |
//! | 408, 413, 415 | the body comes too slowly, is too large, or is of another type |
//! | 429 with `Retry-After` | a tenant sends more than it may: nothing was taken |
//! | 503 with `Retry-After` | nothing was taken, or nobody knows: send it again |
//!
//! What was written is told in headers on every answer to a 2.0 request. The process never waits for a sink here.

use super::body::InFlight;
use super::counters::{IngestCounters, ProtocolCounters, add};
use super::grpc;
use super::otlp::metrics;
use super::rate::RateLimit;
use super::refused::Refused;
use super::source::Source;
use crate::source::intake::{Batch, Intake, IntakeError, Report, Rows, WriteLimits};
use crate::source::otlp::OtlpOptions;
use crate::source::remote_write::{DecodeError, Version, decode, uncompress, uncompressed_bytes};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Seconds after which a sender shall come again whose samples were not on disk in time.
const RETRY_AFTER_S: u32 = 5;

const SAMPLES_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// What requests may cost, each and all of them.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// Of one request.
    pub limits: WriteLimits,
    /// Bytes that all requests may hold together, bodies and what they are decoded to; copies of this share them.
    pub in_flight: InFlight,
    /// Samples a second that may come.
    pub rate: Option<RateLimit>,
    /// Bytes of memory that an OTLP request may take once it is decoded.
    pub otlp_memory_bytes: usize,
    /// How OTLP becomes series.
    pub otlp: OtlpOptions,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How long a request waits for its samples to be on disk.
    pub commit_timeout: Duration,
}

impl Default for IngestConfig {
    /// Prometheus gives up after 30 s.
    fn default() -> Self {
        Self {
            limits: WriteLimits::default(),
            in_flight: InFlight::new(256 << 20),
            rate: None,
            otlp_memory_bytes: 128 << 20,
            otlp: OtlpOptions::default(),
            body_timeout: Duration::from_secs(20),
            commit_timeout: Duration::from_secs(25),
        }
    }
}

/// What the routes share.
pub(super) struct Ingest {
    intake: Arc<dyn Intake>,
    pub(super) config: IngestConfig,
    pub(super) counters: Arc<IngestCounters>,
}

/// The routes that senders push to.
pub fn router(intake: Arc<dyn Intake>, config: IngestConfig, counters: Arc<IngestCounters>) -> Router {
    let ingest = Arc::new(Ingest { intake, config, counters });
    Router::new()
        .route("/api/v1/write", post(write))
        .route("/api/v1/otlp/v1/metrics", post(metrics))
        .route("/v1/metrics", post(metrics))
        .route(grpc::EXPORT, post(grpc::export))
        .with_state(ingest)
}

impl Ingest {
    /// A batch for a request that begins now.
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch::new(self.intake.dictionary(), &self.config.limits, self.intake.now_ms())
    }

    /// Waits until rows are on disk.
    pub(super) async fn commit(&self, source: &str, rows: Rows) -> Result<(), Refused> {
        if rows.is_empty() {
            return Ok(());
        }
        if let Some(rate) = &self.config.rate {
            rate.take(rows.len()).map_err(|after_s| Refused::too_fast(rate, after_s))?;
        }
        let answer = self.intake.append(source, rows)?;
        match timeout(self.config.commit_timeout, answer).await {
            Ok(Ok(committed)) => Ok(committed?),
            // Nobody will answer any more: the log is gone.
            Ok(Err(_)) => Err(IntakeError::Closed.into()),
            Err(_) => Err(Refused::later(RETRY_AFTER_S, "the samples were not on disk in time: send them again")),
        }
    }

    /// Reads, decodes and commits a remote-write request.
    async fn write(&self, version: Version, source: &str, body: Body) -> Result<Report, Refused> {
        let limits = &self.config.limits;
        let (body, mut held) = self.config.in_flight.read(body, limits.body_bytes, self.config.body_timeout).await?;
        add(&self.counters.remote_write.bytes, body.len() as u64);
        // The message, and rows of about its size.
        self.config.in_flight.take(2 * uncompressed_bytes(&body, limits.decoded_bytes)?, &mut held)?;
        let message = uncompress(&body, limits.decoded_bytes)?;
        let (rows, report) = decode(version, &message, self.batch())?;
        // From here on the log counts what waits.
        drop((body, message, held));
        self.commit(source, rows).await?;
        self.counters.remote_write.add(&report);
        Ok(report)
    }
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        let status = match error {
            DecodeError::Snappy(_) | DecodeError::Malformed(_) => StatusCode::BAD_REQUEST,
            DecodeError::TooLarge { .. } | DecodeError::TooMany(_) => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Self::new(status, error)
    }
}

/// `POST /api/v1/write`.
async fn write(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    let counters = &ingest.counters.remote_write;
    add(&counters.requests, 1);
    let version = match version(request.headers()) {
        Ok(version) => version,
        Err(refused) => return counted(counters, refused.into_response()),
    };
    let source = source(&request);
    let written = ingest.write(version, source.as_ref().map_or("", Source::name), request.into_body()).await;
    let (samples, histograms) = written.as_ref().map_or((0, 0), |report| (report.samples, report.histograms));
    let mut response = match written {
        Ok(report) if report.first().is_none() => StatusCode::NO_CONTENT.into_response(),
        Ok(report) => Refused::new(StatusCode::BAD_REQUEST, report).into_response(),
        Err(refused) => refused.into_response(),
    };
    if version == Version::Two {
        let written = [(SAMPLES_WRITTEN, samples), (HISTOGRAMS_WRITTEN, histograms), (EXEMPLARS_WRITTEN, 0)];
        response.headers_mut().extend(written.map(|(name, n)| (name, HeaderValue::from(n))));
    }
    counted(counters, response)
}

/// Who sends; nobody where the routes are not served by a [`Server`](super::Server).
pub(super) fn source(request: &Request) -> Option<Source> {
    request.extensions().get::<Source>().cloned()
}

/// Counts an answer by who has to act.
pub(super) fn counted(counters: &ProtocolCounters, response: Response) -> Response {
    if matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        add(&counters.postponed_requests, 1);
    } else if response.status().is_client_error() {
        add(&counters.refused_requests, 1);
    }
    response
}

/// The message that headers announce.
fn version(headers: &HeaderMap) -> Result<Version, Refused> {
    let unsupported = |text: String| Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    let text = |name| headers.get(name).map_or("", |value: &HeaderValue| value.to_str().unwrap_or("(no text)"));
    let encoding = text(header::CONTENT_ENCODING).trim();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        return Err(unsupported(format!("the content encoding is {encoding:?}, it has to be \"snappy\"")));
    }
    let content_type = text(header::CONTENT_TYPE);
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if !media_type.is_empty() && !media_type.eq_ignore_ascii_case("application/x-protobuf") {
        let text = format!("the content type is {content_type:?}, it has to be \"application/x-protobuf\"");
        return Err(unsupported(text));
    }
    let proto =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("proto"));
    match proto.map(|(_, message)| message.trim().trim_matches('"')) {
        None | Some("prometheus.WriteRequest") => Ok(Version::One),
        Some("io.prometheus.write.v2.Request") => Ok(Version::Two),
        Some(other) => {
            let known = "prometheus.WriteRequest and io.prometheus.write.v2.Request";
            Err(unsupported(format!("the message {other:?} is none of {known}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content_type: &'static str, encoding: &'static str) -> Result<Version, StatusCode> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        version(&headers).map_err(|refused| refused.status)
    }

    #[test]
    fn headers_say_which_message_it_is() {
        assert_eq!(version(&HeaderMap::new()).ok(), Some(Version::One));
        assert_eq!(of("application/x-protobuf", "snappy"), Ok(Version::One));
        assert_eq!(of("application/x-protobuf;proto=prometheus.WriteRequest", "snappy"), Ok(Version::One));
        assert_eq!(of("Application/X-Protobuf; a=b; proto=\"io.prometheus.write.v2.Request\"", ""), Ok(Version::Two));
        let unsupported = Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(of("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy"), unsupported);
        assert_eq!(of("application/json", "snappy"), unsupported);
        assert_eq!(of("application/x-protobuf", "zstd"), unsupported);
    }
}

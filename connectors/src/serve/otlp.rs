//! `POST /v1/metrics` and `/api/v1/otlp/v1/metrics`: OTLP over HTTP, protobuf or JSON, plain or gzip.
//!
//! # Semantics (the OTLP specification, OTLP/HTTP)
//! 200 says that what was not rejected is on disk; what was rejected is told in it as a partial success, and is not to be
//! sent again. 503 with `Retry-After` is to be sent again; every other error is not. Answers are in the encoding of the
//! request, errors as a `google.rpc.Status`.

use super::body::Held;
use super::counters::add;
use super::ingest::{Ingest, counted, source};
use super::refused::Refused;
use super::source::Source;
use crate::source::intake::Report;
use crate::source::otlp::{DecodeError, Encoding, decode, decoded_bytes};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use prost::Message;
use std::io::Read;
use std::sync::Arc;

/// Bytes that deflate makes of one, at most.
const GZIP_RATIO: usize = 1_032;

/// `ExportMetricsPartialSuccess`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_data_points: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `ExportMetricsServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

impl ExportResponse {
    /// What a report tells the sender.
    pub(super) fn new(report: &Report) -> Self {
        let partial = |_| PartialSuccess {
            rejected_data_points: i64::try_from(report.refused()).unwrap_or(i64::MAX),
            error_message: report.to_string(),
        };
        Self { partial_success: report.first().map(partial) }
    }

    fn json(&self) -> serde_json::Value {
        match &self.partial_success {
            None => serde_json::json!({}),
            Some(partial) => serde_json::json!({ "partialSuccess": {
                "rejectedDataPoints": partial.rejected_data_points.to_string(),
                "errorMessage": partial.error_message,
            }}),
        }
    }
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        let status = match error {
            DecodeError::Malformed(_) => StatusCode::BAD_REQUEST,
            DecodeError::TooLarge { .. } | DecodeError::TooMany(_) => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Self::new(status, error)
    }
}

impl Ingest {
    /// Decodes and commits an OTLP request.
    pub(super) async fn export(
        &self,
        encoding: Encoding,
        gzip: bool,
        source: &str,
        (mut body, mut held): (Vec<u8>, Held),
    ) -> Result<Report, Refused> {
        let limits = &self.config.limits;
        add(&self.counters.otlp.bytes, body.len() as u64);
        if gzip {
            let most = limits.decoded_bytes.min(body.len().saturating_mul(GZIP_RATIO));
            self.config.in_flight.take(most.min(4 * body.len()), &mut held)?;
            body = unzip(&body, limits.decoded_bytes)?;
        }
        let bytes = decoded_bytes(encoding, &body, self.config.otlp_memory_bytes)?;
        self.config.in_flight.take(bytes, &mut held)?;
        let (rows, report) = decode(encoding, &body, &self.config.otlp, self.batch())?;
        drop((body, held));
        self.commit(source, rows).await?;
        self.counters.otlp.add(&report);
        Ok(report)
    }
}

fn unzip(body: &[u8], most: usize) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    let read = GzDecoder::new(body).take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|e| Refused::new(StatusCode::BAD_REQUEST, format!("the body is no gzip: {e}")))?;
    if bytes.len() > most {
        let text = format!("the request has more than {most} bytes uncompressed: send smaller batches");
        return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    Ok(bytes)
}

/// How a request is written, and whether it is compressed.
fn announced(headers: &HeaderMap) -> Result<(Encoding, bool), Refused> {
    let unsupported = |text: String| Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    let text = |name| headers.get(name).map_or("", |value: &HeaderValue| value.to_str().unwrap_or("(no text)").trim());
    let content_type = text(header::CONTENT_TYPE);
    let encoding = match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-protobuf" => Encoding::Protobuf,
        "application/json" => Encoding::Json,
        _ => {
            let known = "\"application/x-protobuf\" or \"application/json\"";
            return Err(unsupported(format!("the content type is {content_type:?}, it has to be {known}")));
        }
    };
    match text(header::CONTENT_ENCODING).to_ascii_lowercase().as_str() {
        "" | "identity" => Ok((encoding, false)),
        "gzip" => Ok((encoding, true)),
        other => Err(unsupported(format!("the content encoding is {other:?}, it has to be \"gzip\" or nothing"))),
    }
}

/// The route.
pub(super) async fn metrics(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    let counters = &ingest.counters.otlp;
    add(&counters.requests, 1);
    let (encoding, gzip) = match announced(request.headers()) {
        Ok(announced) => announced,
        Err(refused) => return counted(counters, refused.into_response()),
    };
    let source = source(&request);
    let exported = exported(&ingest, encoding, gzip, source, request.into_body()).await;
    let response = match exported {
        Ok(report) => {
            let response = ExportResponse::new(&report);
            encoded(encoding, StatusCode::OK, &response, ExportResponse::json)
        }
        Err(refused) => {
            let status = Status { code: grpc_code(refused.status), message: refused.text.clone() };
            let json = |s: &Status| serde_json::json!({ "code": s.code, "message": s.message });
            refused.with(encoded(encoding, refused.status, &status, json))
        }
    };
    counted(counters, response)
}

async fn exported(
    ingest: &Ingest,
    encoding: Encoding,
    gzip: bool,
    source: Option<Source>,
    body: Body,
) -> Result<Report, Refused> {
    let read = ingest.config.in_flight.read(body, ingest.config.limits.body_bytes, ingest.config.body_timeout).await?;
    ingest.export(encoding, gzip, source.as_ref().map_or("", Source::name), read).await
}

fn encoded<M: Message>(
    encoding: Encoding,
    status: StatusCode,
    message: &M,
    json: impl Fn(&M) -> serde_json::Value,
) -> Response {
    let (content_type, bytes) = match encoding {
        Encoding::Protobuf => ("application/x-protobuf", message.encode_to_vec()),
        Encoding::Json => ("application/json", json(message).to_string().into_bytes()),
    };
    (status, [(header::CONTENT_TYPE, content_type)], bytes).into_response()
}

/// The status of gRPC that says the same.
pub(super) fn grpc_code(status: StatusCode) -> i32 {
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => 14,
        // Larger than allowed: as gRPC's own servers say it.
        StatusCode::PAYLOAD_TOO_LARGE => 8,
        StatusCode::REQUEST_TIMEOUT => 4,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => 12,
        _ => 3,
    }
}

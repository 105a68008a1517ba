//! `MetricsService/Export`: OTLP over gRPC.
//!
//! # Semantics (gRPC over HTTP/2; the OTLP specification, OTLP/gRPC)
//! One message in, one message out: a unary call is a POST whose body is a byte that says whether the message is
//! compressed, its length, and the message; the status comes in trailers. That is all of gRPC that a receiver of metrics
//! needs, and so requests pass the same limits as all others before anything of them is decoded.
//!
//! `UNAVAILABLE` is to be sent again.
//!
//! # Limits
//! No reflection, no health service, no streams.

use super::counters::add;
use super::ingest::{Ingest, counted, source};
use super::otlp::{ExportResponse, grpc_code};
use super::refused::Refused;
use super::source::Source;
use crate::source::intake::Report;
use crate::source::otlp::Encoding;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Full};
use prost::Message;
use std::fmt::Write;
use std::sync::Arc;

/// The path of the call.
pub(super) const EXPORT: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// The route.
pub(super) async fn export(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    let counters = &ingest.counters.otlp;
    add(&counters.requests, 1);
    let content_type = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if !content_type.starts_with(b"application/grpc") {
        let refused = Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this is a gRPC service");
        return counted(counters, refused.into_response());
    }
    match exported(&ingest, request).await {
        Ok(report) => answer(0, "", Some(&ExportResponse::new(&report))),
        Err(refused) => {
            // Counted by its meaning: in gRPC every answer is a 200.
            let _ = counted(counters, refused.status.into_response());
            answer(grpc_code(refused.status), &refused.text, None)
        }
    }
}

async fn exported(ingest: &Ingest, request: Request) -> Result<Report, Refused> {
    let source = source(&request);
    let encoding = request.headers().get(ENCODING).map_or(&b"identity"[..], HeaderValue::as_bytes).to_vec();
    let most = ingest.config.limits.body_bytes;
    let (mut body, held) = ingest.config.in_flight.read(request.into_body(), most, ingest.config.body_timeout).await?;
    let gzip = unframe(&mut body, &encoding)?;
    ingest.export(Encoding::Protobuf, gzip, source.as_ref().map_or("", Source::name), (body, held)).await
}

/// Takes the prefix off the one message of a body; returns whether the message is compressed.
fn unframe(body: &mut Vec<u8>, encoding: &[u8]) -> Result<bool, Refused> {
    let invalid = |text: &str| Err(Refused::new(StatusCode::BAD_REQUEST, text));
    let Some((prefix, message)) = body.split_first_chunk::<PREFIX_BYTES>() else {
        return invalid("the body is no gRPC message");
    };
    let [compressed, length @ ..] = *prefix;
    if u32::from_be_bytes(length) as usize != message.len() {
        return invalid("the body is not one gRPC message");
    }
    let gzip = match (compressed, encoding) {
        (0, _) => false,
        (1, b"gzip") => true,
        _ => return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "messages may be compressed by gzip only")),
    };
    body.drain(..PREFIX_BYTES);
    Ok(gzip)
}

fn answer(code: i32, text: &str, message: Option<&ExportResponse>) -> Response {
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, HeaderValue::from(code));
    if let Ok(text) = HeaderValue::from_str(&percent(text))
        && !text.is_empty()
    {
        trailers.insert(MESSAGE, text);
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/grpc")),
        (ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip")),
    ];
    let Some(message) = message else {
        // Without a message the trailers are the headers.
        return (headers, trailers, Body::empty()).into_response();
    };
    let message = message.encode_to_vec();
    let mut framed = vec![0];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend(message);
    let body = Full::new(Bytes::from(framed)).with_trailers(async { Some(Ok(trailers)) });
    (headers, Body::new(body)).into_response()
}

/// A text as a header of gRPC may have it.
fn percent(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut all, byte| {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            all.push(char::from(byte));
        } else {
            let _ = write!(all, "%{byte:02X}");
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_is_a_prefix_and_itself() {
        let of = |bytes: &[u8], encoding: &[u8]| {
            let mut body = bytes.to_vec();
            let gzip = unframe(&mut body, encoding).map_err(|refused| refused.status)?;
            Ok::<_, StatusCode>((gzip, body))
        };
        assert_eq!(of(&[0, 0, 0, 0, 2, 7, 8], b"identity"), Ok((false, vec![7, 8])));
        assert_eq!(of(&[1, 0, 0, 0, 1, 7], b"gzip"), Ok((true, vec![7])));
        assert_eq!(of(&[1, 0, 0, 0, 1, 7], b"identity"), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        for bytes in [&[][..], &[0, 0, 0, 0], &[0, 0, 0, 0, 2, 7], &[0, 0, 0, 0, 1, 7, 8], &[0, 0xff, 0xff, 0xff, 0xff]]
        {
            assert_eq!(of(bytes, b"identity"), Err(StatusCode::BAD_REQUEST), "{bytes:?}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(percent("100 %\né"), "100 %25%0A%C3%A9");
    }
}

//! Prometheus's envelope around every answer.

use crate::live::query::QueryError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// `{"status":"success","data":…}`.
pub fn success(data: Value) -> Response {
    json_response(StatusCode::OK, &json!({"status": "success", "data": data}))
}

/// The same, written already.
pub fn success_text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A query that is not answered, with Prometheus's status code.
pub fn failed(error: &QueryError) -> Response {
    let (code, kind) = match error {
        QueryError::BadData(_) => (StatusCode::BAD_REQUEST, "bad_data"),
        QueryError::Execution(_) => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
        QueryError::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
        QueryError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        QueryError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    };
    let mut response = failure(code, kind, &error.to_string());
    if *error == QueryError::Busy {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// `{"status":"error",…}` with a status code.
pub fn failure(code: StatusCode, kind: &str, error: &str) -> Response {
    json_response(code, &json!({"status": "error", "errorType": kind, "error": error}))
}

fn json_response(code: StatusCode, value: &Value) -> Response {
    (code, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// A stamp as Prometheus writes it in JSON: RFC 3339 with milliseconds.
pub fn rfc3339(ms: i64) -> String {
    bellwether_model::civil::rfc3339(ms)
}

//! Prometheus's envelope around every answer.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// `{"status":"success","data":…}`.
pub fn success(data: Value) -> Response {
    json_response(StatusCode::OK, &json!({"status": "success", "data": data}))
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

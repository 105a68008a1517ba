//! `/metrics`: the run's own metrics, as text, or as protobuf for those who ask for it.

mod accept;
mod collect;
mod family;
mod protobuf;
#[cfg(test)]
mod tests;
mod text;

pub use collect::families;
pub use family::{Families, of_tenants};

use super::Api;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The route.
pub async fn metrics(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    answer(&families(&api), &headers)
}

/// Families in the form that is asked for.
pub fn answer(families: &Families, headers: &HeaderMap) -> Response {
    let vary = (header::VARY, "accept");
    if accept::wants_protobuf(headers) {
        return ([(header::CONTENT_TYPE, protobuf::CONTENT_TYPE), vary], protobuf::protobuf(families)).into_response();
    }
    ([(header::CONTENT_TYPE, text::CONTENT_TYPE), vary], text::text(families)).into_response()
}

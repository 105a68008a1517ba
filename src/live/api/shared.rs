//! What belongs to the process where there are tenants: health, readiness, reload, metrics of all of them.

use super::{Api, health, metrics};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every tenant's API by its name.
pub(super) type Tenants = Arc<BTreeMap<String, Arc<Api>>>;

/// 200 once every tenant is ready; else 503 that says who is not.
pub(super) async fn ready(State(all): State<Tenants>) -> (StatusCode, String) {
    let waiting: Vec<&str> = all.iter().filter(|(_, api)| !api.run.is_ready()).map(|(name, _)| name.as_str()).collect();
    if waiting.is_empty() {
        return (StatusCode::OK, "Bellwether is Ready.\n".to_owned());
    }
    let text = format!("Bellwether reads back what was on disk of {}.\n", waiting.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

/// Reads everybody's rule files again; 500 if those of one are not good.
pub(super) async fn reload(State(all): State<Tenants>) -> (StatusCode, String) {
    let (mut status, mut text) = (StatusCode::OK, String::new());
    for (name, api) in all.iter() {
        let (code, said) = health::reload(State(api.clone())).await;
        if code != StatusCode::OK {
            status = code;
        }
        text.push_str(&format!("{name}: {said}"));
    }
    (status, text)
}

/// Metrics of all tenants, each with its label.
pub(super) async fn all_metrics(State(all): State<Tenants>, headers: HeaderMap) -> Response {
    let each = all.iter().map(|(name, api)| (name.clone(), metrics::families(api)));
    metrics::answer(&metrics::of_tenants(each), &headers)
}

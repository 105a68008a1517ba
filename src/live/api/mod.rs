//! The HTTP API of a live run, as Prometheus has it: what Grafana, `promtool` and people read.
//!
//! # Semantics
//! Rules, alerts and progress come from the newest durable epoch: nothing is shown that a restart could take back. Queries are
//! run over the log ([`crate::live::query`]). Errors are
//! `{"status":"error","errorType":…,"error":…}` with Prometheus's status codes.

mod alerts;
mod answer;
mod health;
mod metrics;
mod params;
mod query;
mod result;
mod rules;
mod series;
mod shared;
mod status;

pub(super) use answer::rfc3339;

use super::notify::ReceiverStats;
use super::query::Queries;
use super::run::LiveHandle;
use axum::Router;
use axum::routing::{get, post};
use bellwether_connectors::serve::counters::IngestCounters;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the routes share.
pub struct Api {
    /// The run.
    pub run: LiveHandle,
    /// What the push protocols count.
    pub ingest: Arc<IngestCounters>,
    /// What receivers were told.
    pub receivers: Vec<Arc<ReceiverStats>>,
    /// Version of the program.
    pub version: &'static str,
}

/// The routes.
pub fn router(api: Arc<Api>) -> Router {
    let queries = queries(api.run.clone());
    Router::new()
        .route("/-/healthy", get(health::healthy))
        .route("/-/ready", get(health::ready))
        .route("/-/reload", post(health::reload))
        .route("/metrics", get(metrics::metrics))
        .route("/api/v1/rules", get(rules::rules))
        .route("/api/v1/alerts", get(alerts::alerts))
        .route("/api/v1/status/buildinfo", get(status::build_info))
        .route("/api/v1/status/progress", get(status::progress))
        .with_state(api)
        .merge(queries)
}

/// The routes that are no tenant's, over all of them.
pub fn shared(tenants: BTreeMap<String, Arc<Api>>) -> Router {
    Router::new()
        .route("/-/healthy", get(health::healthy))
        .route("/-/ready", get(shared::ready))
        .route("/-/reload", post(shared::reload))
        .route("/metrics", get(shared::all_metrics))
        .with_state(Arc::new(tenants))
}

/// The routes that query, by GET and by POST of a form, as Grafana may be set up either way.
pub(super) fn queries(run: LiveHandle) -> Router {
    Router::new()
        .route("/api/v1/query", get(query::query).post(query::query))
        .route("/api/v1/query_range", get(query::query_range).post(query::query_range))
        .route("/api/v1/format_query", get(query::format_query).post(query::format_query))
        .route("/api/v1/series", get(series::series).post(series::series))
        .route("/api/v1/labels", get(series::label_names).post(series::label_names))
        .route("/api/v1/label/{name}/values", get(series::label_values))
        .route("/api/v1/metadata", get(series::metadata))
        .route("/api/v1/query_exemplars", get(series::exemplars).post(series::exemplars))
        .with_state(Arc::new(Queries::new(run)))
}

//! The HTTP API of a live run, as Prometheus has it: what Grafana, `promtool` and people read.
//!
//! # Semantics
//! Answers come from the newest durable epoch: nothing is shown that a restart could take back. Errors are
//! `{"status":"error","errorType":…,"error":…}` with Prometheus's status codes.

mod alerts;
mod answer;
mod health;
mod metrics;
mod rules;
mod status;

use super::notify::ReceiverStats;
use super::run::LiveHandle;
use axum::Router;
use axum::routing::{get, post};
use bellwether_connectors::serve::counters::IngestCounters;
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
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/-/healthy", get(health::healthy))
        .route("/-/ready", get(health::ready))
        .route("/-/reload", post(health::reload))
        .route("/metrics", get(metrics::metrics))
        .route("/api/v1/rules", get(rules::rules))
        .route("/api/v1/alerts", get(alerts::alerts))
        .route("/api/v1/status/buildinfo", get(status::build_info))
        .route("/api/v1/status/progress", get(status::progress))
        .with_state(Arc::new(api))
}

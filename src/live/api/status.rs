//! What is running, and how far it is.

use super::Api;
use super::answer::{rfc3339, success};
use crate::live::{ArchiveStats, Progress};
use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// As Prometheus has it; without `features`, by which Grafana would take it for Mimir.
pub async fn build_info(State(api): State<Arc<Api>>) -> Response {
    success(json!({
        "application": "bellwether",
        "version": "3.0.0",
        "revision": api.version,
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}

/// The watermark, who holds it, and what stands between the log and the ledger. Ours only.
pub async fn progress(State(api): State<Arc<Api>>) -> Response {
    let run = &api.run;
    let commit = run.commit_stats();
    let view = run.view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    let minted_ms = commit.watermark_ms.load(Ordering::Relaxed);
    let checkpoint = view
        .checkpoint
        .map(|c| json!({"epoch": c.epoch, "at": rfc3339(c.at_ms), "bytes": c.bytes, "took_ms": c.took_ms}));
    let remote = run.remote().map(|remote| {
        let newest = remote
            .last()
            .map(|c| json!({"epoch": c.epoch, "of": rfc3339(c.wall_ms), "bytes": c.bytes, "took_ms": c.took_ms}));
        json!({"place": remote.place, "newest": newest, "error": remote.trouble()})
    });
    let receivers: Vec<_> = api
        .receivers
        .iter()
        .map(|r| {
            let error = r.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let outbox = r.outbox.lock().unwrap_or_else(PoisonError::into_inner).clone();
            json!({"url": r.url, "sent": r.sent.load(Ordering::Relaxed), "error": error, "outbox": outbox})
        })
        .collect();
    let replicas: Vec<_> = commit
        .replicas
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .map(|r| {
            json!({
                "cluster": r.cluster,
                "replica": r.replica,
                "elected": r.is_elected,
                "heard": r.heard_ms.map(rfc3339),
                "failovers": r.failovers,
                "dropped": r.dropped,
            })
        })
        .collect();
    let reload = run.last_reload();
    success(json!({
        "ready": run.is_ready(),
        "generation": run.started().generation,
        "workers": run.workers(),
        "epoch": view.epoch,
        "watermark": rfc3339(view.watermark_ms),
        "watermark_minted": rfc3339(minted_ms),
        "lateness_ms": commit.lateness_ms.load(Ordering::Relaxed),
        "sources_waited_for": commit.held_for.load(Ordering::Relaxed),
        "epochs_under_way": run.depth(),
        "log_bytes": commit.log_bytes.load(Ordering::Relaxed),
        "decisions": view.decisions,
        "decisions_hash": format!("{:032x}", view.rolling_hash),
        "checkpoint": checkpoint,
        "remote_checkpoint": remote,
        "archive": archive(run.archive()),
        "quarantine": {"rules": run.quarantine().rules, "series": run.quarantine().series},
        "receivers": receivers,
        "remote_write": run.forwarded().into_iter().map(forwarded).collect::<Vec<_>>(),
        "replicas": replicas,
        "rules": {
            "version": format!("{:032x}", run.table().version),
            "files": run.patterns(),
            "read": rfc3339(reload.good_ms),
            "tried": rfc3339(reload.at_ms),
            "error": reload.error,
        },
    }))
}

/// What the archive has, and what ails it.
fn archive(archive: &ArchiveStats) -> serde_json::Value {
    json!({
        "parts": archive.parts.load(Ordering::Relaxed),
        "samples": archive.samples.load(Ordering::Relaxed),
        "error": archive.trouble(),
        "merge_error": archive.merge_trouble(),
    })
}

/// How far a receiver of what rules write is.
fn forwarded(r: Progress) -> serde_json::Value {
    json!({
        "name": r.name,
        "sent": r.sent,
        "refused": r.refused,
        "dropped": r.dropped,
        "waiting": r.waiting,
        "waiting_bytes": r.waiting_bytes,
        "oldest": r.oldest_ms.map(rfc3339),
        "newest_sent": r.newest_sent_ms.map(rfc3339),
        "error": r.error,
    })
}

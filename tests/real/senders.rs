//! Real senders push to a real `bellwether run`, and its rules see what they sent.
//!
//! # Semantics
//! Prometheus scrapes itself and a node-exporter and writes on: every sample and all metadata are here as they are there. The
//! OpenTelemetry SDK for Python pushes over gRPC and HTTP. What is not installed is said to be skipped: `apt-get install prometheus
//! prometheus-node-exporter`, `pip install opentelemetry-sdk opentelemetry-exporter-otlp` (`BELLWETHER_PYTHON` names another
//! interpreter).

use super::prometheus::{Prometheus, metadata};
use super::{Run, folder, free_port, installed, listen, now_ms, quiet, wait_for};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What both answer alike: windows, staleness, classic and native histograms.
const QUERIES: [&str; 10] = [
    "up",
    "count by (job) ({job=~\"node|itself\", __name__!~\"ALERTS.*\"})",
    "rate(node_cpu_seconds_total{mode=\"idle\"}[5s])",
    "increase(prometheus_tsdb_head_samples_appended_total[5s])",
    "count_over_time(up[4s])",
    "sum_over_time(up[3s:1s])",
    "histogram_quantile(0.9, rate(prometheus_http_response_size_bytes_bucket[8s]))",
    "histogram_quantile(0.9, prometheus_target_interval_length_histogram_seconds)",
    "histogram_count(rate(prometheus_target_interval_length_histogram_seconds[5s]))",
    "absent(up{job=\"no\"})",
];

#[test]
fn prometheus_writes_on() {
    let test = "prometheus_writes_on";
    let Some(prometheus) = Prometheus::find(test) else { return };
    if !installed("prometheus-node-exporter", &["--version"], test) {
        return;
    }
    let folder = folder();
    let rules = "groups: [{name: g, interval: 1s, rules: [
        {alert: Up, expr: 'up == 1'}, {alert: Gone, expr: 'up == 0'},
        {alert: Works, expr: 'rate(node_cpu_seconds_total[5s]) >= 0'}]}]";
    let run = Run::start(folder.path(), rules, &[]);
    let (exporter_port, port) = (free_port(), free_port());
    let _exporter = quiet("prometheus-node-exporter", &[listen(exporter_port)], folder.path());
    let jobs = [("node", exporter_port), ("itself", port), ("nobody", 1)];
    let sender = prometheus.start(folder.path(), port, &jobs, run.port, "", "");
    run.wait_for(&[("Up", "\"node\""), ("Up", "\"itself\""), ("Gone", "\"nobody\""), ("Works", "\"mode\":\"idle\"")]);
    let from_ms = now_ms();
    std::thread::sleep(Duration::from_secs(10));
    let upto_ms = now_ms() - 1_000;
    let samples = sender.is_repeated_by(run.port, "node|itself|nobody", (from_ms, upto_ms));
    if !prometheus.is_old() {
        // Before 3.0 a window had both of its ends.
        sender.is_answered_by(run.port, &QUERIES, upto_ms);
    }
    println!("{samples} samples equal");
    assert!(samples > 1_000);
    let taken = run.counter("bellwether_ingest_samples_total", &["remote_write"]);
    assert!(taken > 0 && taken as f64 >= sender.sum("prometheus_remote_storage_samples_total"), "{taken}");
    assert_eq!(run.counter("bellwether_ingest_rejected_total", &["remote_write"]), 0);
    let natives = run.counter("bellwether_ingest_histograms_total", &["remote_write"]);
    assert_eq!(natives > 0, !prometheus.is_old(), "native histograms are sent since 3.0");
    // What is said of metrics: by 2.0 only of those that have samples.
    let theirs = metadata(port);
    wait_for("metadata is here", || metadata(run.port).len() >= theirs.len());
    let ours = metadata(run.port);
    assert!(theirs.keys().filter(|name| name.starts_with("node_")).count() > 100, "{theirs:?}");
    theirs.iter().for_each(|(name, entries)| assert_eq!(ours.get(name), Some(entries), "{name}"));
    println!("{} metrics with equal metadata", theirs.len());
    sender.is_satisfied(&["failed", "dropped", "retried"], &[]);
}

#[test]
fn the_opentelemetry_sdk_pushes() {
    let python = std::env::var("BELLWETHER_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let needed =
        "import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.grpc, opentelemetry.exporter.otlp.proto.http";
    if !installed(&python, &["-c", needed], "the_opentelemetry_sdk_pushes") {
        return;
    }
    let folder = folder();
    let rules = "groups: [{name: g, interval: 1s, rules: [
        {alert: Counter, expr: 'requests_total > 0'}, {alert: Gauge, expr: 'queue > 0'},
        {alert: Classic, expr: 'latency_seconds_bucket{le=\"+Inf\"} > 0'},
        {alert: Native, expr: 'histogram_quantile(0.5, size_bytes) > 100'},
        {alert: Info, expr: 'target_info{region=\"eu\"} == 1'}]}]";
    let run = Run::start(folder.path(), rules, &[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/otlp.py");
    for protocol in ["grpc", "http"] {
        let sent = Command::new(&python).arg(&script).args([&run.port.to_string(), protocol]).status().unwrap();
        assert!(sent.success());
        let instance = format!("\"instance\":\"{protocol}\"");
        run.wait_for(&["Counter", "Gauge", "Classic", "Native", "Info"].map(|alert| (alert, instance.as_str())));
    }
    assert_eq!(run.counter("bellwether_ingest_rejected_total", &["otlp"]), 0);
    assert_eq!(run.counter("bellwether_ingest_requests_refused_total", &["otlp"]), 0);
}

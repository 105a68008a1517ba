//! Real senders push to a real `bellwether run`, and its rules see what they sent.
//!
//! # Semantics
//! Debian's Prometheus scrapes itself and a node-exporter and writes on by remote-write 1.0; the OpenTelemetry SDK for
//! Python pushes over gRPC and HTTP. What is not installed is said to be skipped: `apt-get install prometheus
//! prometheus-node-exporter`, `pip install opentelemetry-sdk opentelemetry-exporter-otlp` (`BELLWETHER_PYTHON` names another
//! interpreter).

use super::{Run, folder, free_port, get, installed, listen, quiet};
use std::path::Path;
use std::process::Command;

#[test]
fn debian_s_prometheus_writes_on() {
    let test = "debian_s_prometheus_writes_on";
    if !installed("prometheus", &["--version"], test) || !installed("prometheus-node-exporter", &["--version"], test) {
        return;
    }
    let folder = folder();
    let rules = "groups: [{name: g, interval: 1s, rules: [
        {alert: Up, expr: 'up == 1'}, {alert: Gone, expr: 'up == 0'},
        {alert: Works, expr: 'rate(node_cpu_seconds_total[5s]) >= 0'}]}]";
    let run = Run::start(folder.path(), rules, &[]);
    let (exporter_port, prometheus_port) = (free_port(), free_port());
    let scrape = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n\
         - {{job_name: node, static_configs: [{{targets: ['127.0.0.1:{exporter_port}']}}]}}\n\
         - {{job_name: itself, static_configs: [{{targets: ['127.0.0.1:{prometheus_port}']}}]}}\n\
         - {{job_name: nobody, static_configs: [{{targets: ['127.0.0.1:1']}}]}}\n\
         remote_write: [{{url: 'http://127.0.0.1:{}/api/v1/write'}}]\n",
        run.port
    );
    std::fs::write(folder.path().join("prometheus.yml"), scrape).unwrap();
    let _exporter = quiet("prometheus-node-exporter", &[listen(exporter_port)], folder.path());
    let arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb"].map(str::to_owned);
    let _prometheus = quiet("prometheus", &[&arguments[..], &[listen(prometheus_port)]].concat(), folder.path());
    run.wait_for(&[("Up", "\"node\""), ("Up", "\"itself\""), ("Gone", "\"nobody\""), ("Works", "\"mode\":\"idle\"")]);
    let told = get(prometheus_port, "/metrics").unwrap();
    let sum = |name: &str| -> f64 {
        let of = told.lines().filter(|line| line.starts_with(name));
        of.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let lost =
        ["failed", "dropped", "retried"].map(|what| sum(&format!("prometheus_remote_storage_samples_{what}_total")));
    assert_eq!(lost, [0.0; 3]);
    let taken = run.counter("bellwether_ingest_samples_total", &["remote_write"]);
    assert!(taken > 0 && taken as f64 >= sum("prometheus_remote_storage_samples_total"), "{taken}");
    assert_eq!(run.counter("bellwether_ingest_rejected_total", &["remote_write"]), 0);
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

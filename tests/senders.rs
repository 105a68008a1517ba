//! Real senders push to a real `bellwether run`, and its rules see what they sent.
//!
//! # Semantics
//! Debian's Prometheus scrapes itself and a node-exporter and writes on by remote-write 1.0; the OpenTelemetry SDK for
//! Python pushes over gRPC and HTTP. What is not installed is said to be skipped: `apt-get install prometheus
//! prometheus-node-exporter`, `pip install opentelemetry-sdk opentelemetry-exporter-otlp` (`BELLWETHER_PYTHON` names another
//! interpreter).
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A child that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A `bellwether run` on a port of its own.
struct Run {
    port: u16,
    _child: Killed,
}

/// The body of an answer.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

impl Run {
    fn start(folder: &Path, rules: &str) -> Self {
        std::fs::write(folder.join("rules.yml"), rules).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_bellwether"))
            .args([
                "run",
                "--rules",
                "rules.yml",
                "--listen",
                "127.0.0.1:0",
                "--lateness",
                "1s",
                "--catch-up-hold",
                "0s",
            ])
            .current_dir(folder)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.by_ref().find_map(|line| Some(line.split_once("listening at http://")?.1.to_owned()));
        let port = address.expect("it does not say where it listens").rsplit(':').next().unwrap().parse().unwrap();
        // What else it says is read, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { port, _child: Killed(child) }
    }

    /// The sum of a counter's series whose text has all of these.
    fn counter(&self, name: &str, having: &[&str]) -> u64 {
        let text = get(self.port, "/metrics").unwrap_or_default();
        let of = text.lines().filter(|line| line.starts_with(name) && having.iter().all(|part| line.contains(part)));
        of.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// Waits until each alert fires with labels that have this text.
    fn wait_for(&self, alerts: &[(&str, &str)]) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let answer: serde_json::Value =
                serde_json::from_str(&get(self.port, "/api/v1/alerts").unwrap_or_default()).unwrap_or_default();
            let firing: Vec<String> =
                answer["data"]["alerts"].as_array().into_iter().flatten().map(|a| a.to_string()).collect();
            let fires = |(name, label): &(&str, &str)| {
                let name = format!("\"alertname\":\"{name}\"");
                firing.iter().any(|a| a.contains(&name) && a.contains(label) && a.contains("firing"))
            };
            let missing: Vec<_> = alerts.iter().filter(|alert| !fires(alert)).collect();
            if missing.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "not firing: {missing:?}; firing: {firing:#?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn installed(command: &str, arguments: &[&str], test: &str) -> bool {
    let found = Command::new(command).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        println!("skipped: {test}: {command} {} does not work", arguments.join(" "));
    }
    found
}

fn quiet(command: &str, arguments: &[String], folder: &Path) -> Killed {
    let mut command = Command::new(command);
    Killed(command.args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

#[test]
fn debian_s_prometheus_writes_on() {
    let test = "debian_s_prometheus_writes_on";
    if !installed("prometheus", &["--version"], test) || !installed("prometheus-node-exporter", &["--version"], test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let rules = "groups: [{name: g, interval: 1s, rules: [
        {alert: Up, expr: 'up == 1'}, {alert: Gone, expr: 'up == 0'},
        {alert: Works, expr: 'rate(node_cpu_seconds_total[5s]) >= 0'}]}]";
    let run = Run::start(folder.path(), rules);
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
    let listen = |port| format!("--web.listen-address=127.0.0.1:{port}");
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
    let folder = tempfile::tempdir().unwrap();
    let rules = "groups: [{name: g, interval: 1s, rules: [
        {alert: Counter, expr: 'requests_total > 0'}, {alert: Gauge, expr: 'queue > 0'},
        {alert: Classic, expr: 'latency_seconds_bucket{le=\"+Inf\"} > 0'},
        {alert: Native, expr: 'histogram_quantile(0.5, size_bytes) > 100'},
        {alert: Info, expr: 'target_info{region=\"eu\"} == 1'}]}]";
    let run = Run::start(folder.path(), rules);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/senders/otlp.py");
    for protocol in ["grpc", "http"] {
        let sent = Command::new(&python).arg(&script).args([&run.port.to_string(), protocol]).status().unwrap();
        assert!(sent.success());
        let instance = format!("\"instance\":\"{protocol}\"");
        run.wait_for(&["Counter", "Gauge", "Classic", "Native", "Info"].map(|alert| (alert, instance.as_str())));
    }
    assert_eq!(run.counter("bellwether_ingest_rejected_total", &["otlp"]), 0);
    assert_eq!(run.counter("bellwether_ingest_requests_refused_total", &["otlp"]), 0);
}

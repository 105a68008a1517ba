//! A real `bellwether run` among real neighbours: Prometheus and the OpenTelemetry SDK that send to it, Prometheus that scrapes
//! it, Alertmanager that hears from it, and Prometheus beside it with the same rules.
//!
//! # Semantics
//! What is not installed is said to be skipped: `apt-get install prometheus prometheus-node-exporter
//! prometheus-alertmanager`, `pip install opentelemetry-sdk opentelemetry-exporter-otlp` (`BELLWETHER_PYTHON` names another
//! interpreter), a bucket (`BELLWETHER_S3`). `BELLWETHER_PROMETHEUS` names another Prometheus (`scripts/newest-prometheus`).
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "real/alertmanager.rs"]
mod alertmanager;
#[path = "real/bucket.rs"]
mod bucket;
#[path = "real/comparison.rs"]
mod comparison;
#[path = "real/itself.rs"]
mod itself;
#[path = "real/outage.rs"]
mod outage;
#[path = "real/prometheus.rs"]
mod prometheus;
#[path = "real/senders.rs"]
mod senders;
#[path = "real/store.rs"]
mod store;

use bellwether_test_support::http::{http, now_ms};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
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

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn listen(port: u16) -> String {
    format!("--web.listen-address=127.0.0.1:{port}")
}

/// The body of an answer.
fn get(port: u16, path: &str) -> Option<String> {
    http(port, &format!("GET {path}"), &[], &[]).map(|(_, body)| body)
}

fn json(port: u16, path: &str) -> Value {
    serde_json::from_str(&get(port, path).unwrap_or_default()).unwrap_or_default()
}

/// Whether something holds within 90 s.
fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(90);
    while !holds() {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    true
}

/// Waits until something holds.
fn wait_for(what: &str, holds: impl FnMut() -> bool) {
    assert!(eventually(holds), "{what}: not within 90 s");
}

/// A `bellwether run` on a port of its own.
struct Run {
    port: u16,
    _child: Killed,
}

impl Run {
    /// Starts in a folder with rules and further arguments.
    fn start(folder: &Path, rules: &str, arguments: &[&str]) -> Self {
        let path = folder.join("rules.yml");
        std::fs::write(&path, rules).unwrap();
        Self::again(folder, &[&["--listen", "127.0.0.1:0"], arguments].concat())
    }

    /// Starts where one was before.
    fn again(folder: &Path, arguments: &[&str]) -> Self {
        let rules = folder.join("rules.yml").display().to_string();
        let unless = |name: &'static str, value: &'static str| {
            if arguments.contains(&name) { Vec::new() } else { vec![name, value] }
        };
        let (lateness, hold) = (unless("--lateness", "1s"), unless("--catch-up-hold", "0s"));
        Self::spawn(folder, &[&["run", "--rules", &rules], &lateness[..], &hold, arguments].concat())
    }

    /// Starts with a configuration file alone.
    fn configured(folder: &Path, config: &str) -> Self {
        Self::spawn(folder, &["run", "--config", config])
    }

    fn spawn(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bellwether"))
            .args(arguments)
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
        for (name, label) in alerts {
            wait_for(&format!("{name} with {label} fires"), || {
                let answer = json(self.port, "/api/v1/alerts");
                let name = format!("\"alertname\":\"{name}\"");
                let mut all = answer["data"]["alerts"].as_array().into_iter().flatten().map(Value::to_string);
                all.any(|a| a.contains(&name) && a.contains(label) && a.contains("firing"))
            });
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

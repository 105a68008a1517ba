//! The Prometheus of these tests: Debian's, or the one that `BELLWETHER_PROMETHEUS` names (`scripts/newest-prometheus`).
//!
//! # Semantics
//! Since 3.0 it sends by remote-write 2.0 with metadata, starts of counters and native histograms, before by 1.0 with metadata
//! once a second.

use super::{Killed, eventually, get, installed, json, listen};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One that can be started.
pub(super) struct Prometheus {
    pub(super) command: String,
    version: String,
}

/// One that runs.
pub(super) struct Running {
    pub(super) port: u16,
    log: PathBuf,
    _child: Killed,
}

impl Prometheus {
    /// If there is one.
    pub(super) fn find(test: &str) -> Option<Self> {
        let command = std::env::var("BELLWETHER_PROMETHEUS").unwrap_or_else(|_| "prometheus".to_owned());
        if !installed(&command, &["--version"], test) {
            return None;
        }
        let version = Command::new(&command).arg("--version").output().unwrap();
        let version = String::from_utf8_lossy(&[version.stdout, version.stderr].concat()).into_owned();
        Some(Self { command, version })
    }

    /// Whether it is older than 3.0. A build by `go install` does not know its version.
    pub(super) fn is_old(&self) -> bool {
        self.version.contains("version 2.")
    }

    /// How it spreads its groups: Debian 12 has 2.42, and that was changed in 2.44.
    pub(super) fn grid(&self) -> &'static str {
        if self.version.contains("version 2.42") { "prometheus2" } else { "prometheus" }
    }

    /// Starts it in a folder: it scrapes jobs (name, port) each second and writes on to us; `more` are further lines of its
    /// configuration, `queue` settings of its queue.
    pub(super) fn start(
        &self,
        folder: &Path,
        port: u16,
        jobs: &[(&str, u16)],
        to: u16,
        more: &str,
        queue: &str,
    ) -> Running {
        let (global, message, features) = match self.is_old() {
            true => ("", "metadata_config: {send_interval: 1s}", ""),
            false => (
                ", scrape_native_histograms: true",
                "protobuf_message: io.prometheus.write.v2.Request, send_native_histograms: true, metadata_config: {send: false}",
                "--enable-feature=metadata-wal-records,st-storage",
            ),
        };
        let scrape = |(name, port): &(&str, u16)| {
            format!("- {{job_name: {name}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n")
        };
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 2s{global}}}\n{more}scrape_configs:\n{}\
             remote_write: [{{url: 'http://127.0.0.1:{to}/api/v1/write', {message}, queue_config: {{{queue}}}}}]\n",
            jobs.iter().map(scrape).collect::<String>(),
        );
        std::fs::write(folder.join("prometheus.yml"), config).unwrap();
        let log = folder.join("prometheus.log");
        let mut command = Command::new(&self.command);
        command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", &listen(port)]);
        command.args(Some(features).filter(|f| !f.is_empty())).current_dir(folder);
        command.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Running { port, log, _child: Killed(command.spawn().unwrap()) }
    }
}

impl Running {
    /// The sum of a metric of its own.
    pub(super) fn sum(&self, name: &str) -> f64 {
        let told = get(self.port, "/metrics").unwrap();
        let of = told.lines().filter(|line| line.starts_with(name));
        of.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// None of these happened to samples that it sent, and it warned of nothing but what has one of these texts.
    pub(super) fn is_satisfied(&self, never: &[&str], warned: &[&str]) {
        for what in never {
            for kind in ["samples", "histograms", "exemplars", "metadata"] {
                let name = format!("prometheus_remote_storage_{kind}_{what}_total");
                assert_eq!(self.sum(&name), 0.0, "{name}");
            }
        }
        let log = std::fs::read_to_string(&self.log).unwrap().to_lowercase();
        let complains = |line: &&str| ["level=warn", "level=error"].iter().any(|level| line.contains(level));
        let expected = |line: &&str| warned.iter().any(|text| line.contains(text));
        let complaints: Vec<&str> = log.lines().filter(complains).filter(|line| !expected(line)).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    /// Every sample of jobs (a regular expression) with a stamp in `(from, upto]`, ms, is here as it is there: how many there
    /// are. Our own alerts have the labels of their series.
    pub(super) fn is_repeated_by(&self, ours: u16, jobs: &str, (from_ms, upto_ms): (i64, i64)) -> usize {
        let selector = &format!("{{job=~\"{jobs}\", __name__!~\"ALERTS.*\"}}");
        let (mut theirs, mut here) = (BTreeMap::new(), BTreeMap::new());
        // What is on its way to either of them comes.
        let equal = eventually(|| {
            theirs = samples(self.port, selector, (from_ms, upto_ms));
            here = samples(ours, selector, (from_ms, upto_ms));
            here == theirs
        });
        for (series, points) in theirs.iter().filter(|_| !equal) {
            assert_eq!(here.get(series), Some(points), "{series}");
        }
        assert_eq!(here.len(), theirs.len());
        theirs.values().map(Vec::len).sum()
    }

    /// We answer queries at an instant, ms, as it does; sums may differ in their last bits.
    pub(super) fn is_answered_by(&self, ours: u16, queries: &[&str], at_ms: i64) {
        for query in queries {
            let (theirs, here) = (vector(self.port, query, at_ms), vector(ours, query, at_ms));
            assert!(!theirs.is_empty(), "{query} gives nothing");
            let close = |(a, b): (&f64, &f64)| a == b || (a - b).abs() <= 1e-9 * a.abs() || a.is_nan() && b.is_nan();
            let equal = theirs.keys().eq(here.keys()) && theirs.values().zip(here.values()).all(close);
            assert!(equal, "{query} is {theirs:#?} there and {here:#?} here");
        }
    }
}

/// Elements of a query's answer: by labels, their floats.
fn vector(port: u16, query: &str, at_ms: i64) -> BTreeMap<String, f64> {
    let answer = ask(port, query, at_ms);
    let list = answer["data"]["result"].as_array().cloned().unwrap_or_else(|| panic!("{query}: {answer}"));
    let float = |element: &Value| element["value"][1].as_str().unwrap().parse().unwrap();
    list.iter().map(|element| (element["metric"].to_string(), float(element))).collect()
}

fn ask(port: u16, query: &str, at_ms: i64) -> Value {
    let query: String = query.bytes().map(|b| format!("%{b:02X}")).collect();
    json(port, &format!("/api/v1/query?query={query}&time={}", at_ms as f64 / 1_000.0))
}

/// Points of series, by labels.
type Samples = BTreeMap<String, Vec<(i64, String)>>;

/// What a server has of a selector with stamps in `(from, upto]`, ms. A window was closed on both sides before 3.0.
fn samples(port: u16, selector: &str, (from_ms, upto_ms): (i64, i64)) -> Samples {
    let answer = ask(port, &format!("{selector}[{}ms]", upto_ms - from_ms), upto_ms);
    let list = answer["data"]["result"].as_array().cloned().unwrap_or_else(|| panic!("{answer}"));
    let point = |pair: &Value| ((pair[0].as_f64().unwrap() * 1_000.0).round() as i64, pair[1].to_string());
    let points = |series: &Value| {
        let all = ["values", "histograms"].map(|kind| series[kind].as_array().cloned().unwrap_or_default());
        all.iter().flatten().map(point).filter(|(stamp_ms, _)| *stamp_ms > from_ms).collect::<Vec<_>>()
    };
    let all = list.iter().map(|series| (series["metric"].to_string(), points(series)));
    all.filter(|(_, points)| !points.is_empty()).collect()
}

/// What a server says of metrics: by name, the entries in order.
pub(super) fn metadata(port: u16) -> BTreeMap<String, Vec<String>> {
    let answer = json(port, "/api/v1/metadata");
    let entries = |all: &Value| {
        let mut all: Vec<String> = all.as_array().into_iter().flatten().map(Value::to_string).collect();
        all.sort();
        all
    };
    answer["data"].as_object().into_iter().flatten().map(|(name, all)| (name.clone(), entries(all))).collect()
}

//! Prometheus scrapes our own metrics: as protobuf, where it takes native histograms.
//!
//! # Semantics
//! Before 3.0 that is asked for by `--enable-feature=native-histograms`, since then by its configuration. Classic buckets are dropped
//! then. What it says of the histograms is held against what the text format says.

use super::prometheus::Prometheus;
use super::{Run, folder, free_port, get, json, listen, quiet, wait_for};
use serde_json::Value;
use std::time::Duration;

/// A bucket is 2^(1/8) times as wide as the one before.
const GROWTH: f64 = 1.0906;

/// The value that Prometheus gives for a query of one series, if there is one.
fn ask(port: u16, query: &str) -> Option<f64> {
    let encoded: String = query.bytes().map(|b| format!("%{b:02X}")).collect();
    let answer = json(port, &format!("/api/v1/query?query={encoded}"));
    let Value::Array(list) = &answer["data"]["result"] else { return None };
    list.first()?["value"][1].as_str()?.parse().ok()
}

/// The value of a line of our own text.
fn line(text: &str, name: &str) -> f64 {
    let found = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    found.unwrap_or_else(|| panic!("there is no {name} in {text}"))
}

/// Bounds of the classic bucket that holds a quantile, s.
fn bucket(text: &str, name: &str, q: f64) -> (f64, f64) {
    let rank = line(text, &format!("{name}_count")) * q;
    let mut lower = 0.0;
    for line in text.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix("_bucket{le=\"")) {
        let (le, count) = line.split_once("\"} ").unwrap();
        let upper = le.replace("+Inf", "inf").parse().unwrap();
        if count.parse::<f64>().unwrap() >= rank {
            return (lower, upper);
        }
        lower = upper;
    }
    panic!("{name} has no bucket for {q} in {text}");
}

#[test]
fn prometheus_scrapes_our_native_histograms() {
    let Some(prometheus) = Prometheus::find("prometheus_scrapes_our_native_histograms") else { return };
    let folder = folder();
    // Alerts that begin at several moments, and then nothing more is decided.
    let rules = "groups: [{name: g, interval: 1s, rules: [
        {alert: Up, expr: 'up == 1'}, {alert: Later, expr: 'up == 1', for: 3s},
        {alert: Series, expr: 'bellwether_ingest_rejected_total >= 0', for: 2s},
        {alert: Fails, expr: 'up + on () up'}]}]";
    let run = Run::start(folder.path(), rules, &["--lateness", "2s"]);
    let port = free_port();
    let (global, feature) = match prometheus.is_old() {
        true => ("", "--enable-feature=native-histograms"),
        false => (", scrape_native_histograms: true", "--enable-feature=metadata-wal-records"),
    };
    let scrape = format!(
        "global: {{scrape_interval: 1s{global}}}\nscrape_configs:\n\
         - {{job_name: bellwether, static_configs: [{{targets: ['127.0.0.1:{0}']}}]}}\n\
         - {{job_name: itself, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n\
         remote_write: [{{url: 'http://127.0.0.1:{0}/api/v1/write', queue_config: {{batch_send_deadline: 200ms}}}}]\n",
        run.port
    );
    std::fs::write(folder.path().join("prometheus.yml"), scrape).unwrap();
    let arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", feature];
    let arguments = [&arguments.map(str::to_owned)[..], &[listen(port)]].concat();
    let _prometheus = quiet(&prometheus.command, &arguments, folder.path());
    run.wait_for(&[("Up", "\"bellwether\""), ("Later", "\"itself\""), ("Series", "\"protocol\":\"otlp\"")]);
    // Until nothing is decided any more, and Prometheus has seen what was.
    let same = |text: &str| {
        let name = "bellwether_decision_delay_seconds";
        let seen = ask(port, &format!("histogram_count({name})"));
        let decisions = ask(port, "bellwether_decisions_total");
        (seen, decisions)
            == (Some(line(text, &format!("{name}_count"))), Some(line(text, "bellwether_decisions_total")))
    };
    let mut before = String::new();
    wait_for("Prometheus has what the text says", || {
        std::thread::sleep(Duration::from_millis(1_500));
        before = get(run.port, "/metrics").unwrap();
        same(&before)
    });
    for name in ["bellwether_engine_latency_seconds", "bellwether_decision_delay_seconds"] {
        let (count, sum) = (line(&before, &format!("{name}_count")), line(&before, &format!("{name}_sum")));
        assert_eq!(ask(port, &format!("histogram_count({name})")), Some(count), "{name}");
        assert!((ask(port, &format!("histogram_sum({name})")).unwrap() - sum).abs() < 1e-9, "{name}");
        assert_eq!(ask(port, &format!("{name}_count")), None, "it is native, and not classic");
        for q in [0.5, 0.99] {
            let ((lower, upper), estimate) =
                (bucket(&before, name, q), ask(port, &format!("histogram_quantile({q}, {name})")).unwrap());
            println!("{name} {q}: {estimate} s of {count}, in ({lower}, {upper}]");
            assert!(lower / GROWTH <= estimate && estimate <= upper * GROWTH, "{name} {q}: {estimate}");
        }
    }
    assert!(line(&before, "bellwether_decision_delay_seconds_count") > 8.0, "{before}");
    // Families without histograms came by the same form.
    let rule = |name: &str, rule: &str| ask(port, &format!("{name}{{group=\"g\",rule=\"{rule}\"}}")).unwrap();
    assert!(rule("bellwether_rule_evaluations_total", "Up") > 3.0);
    assert!(rule("bellwether_rule_values_read_total", "Series") > rule("bellwether_rule_values_read_total", "Up"));
    assert!(rule("bellwether_rule_evaluation_failures_total", "Fails") > 0.0);
    assert_eq!(rule("bellwether_rule_evaluation_failures_total", "Up"), 0.0);
    assert_eq!(ask(port, "up{job=\"bellwether\"}"), Some(1.0));
}

//! A real Prometheus takes what rules write, through its own death, and answers queries about it.

use super::prometheus::Prometheus;
use super::{Run, folder, free_port, http, json, listen, now_ms, quiet, wait_for};
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::remote_write::Version;
use bellwether_model::{Labels, Sample};
use bellwether_test_support::http::REMOTE_WRITE;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

fn start(prometheus: &Prometheus, port: u16, folder: &Path) -> super::Killed {
    std::fs::write(folder.join("prometheus.yml"), "global: {scrape_interval: 1h}\n").unwrap();
    let arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--web.enable-remote-write-receiver"];
    quiet(&prometheus.command, &[&arguments.map(str::to_owned)[..], &[listen(port)]].concat(), folder)
}

/// Stamps (s) and values of a range selector's one series.
fn samples(port: u16, query: &str) -> BTreeMap<i64, String> {
    let query: String = query.bytes().map(|b| format!("%{b:02X}")).collect();
    let answer = json(port, &format!("/api/v1/query?query={query}"));
    let all = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    assert!(all.len() <= 1, "{all:?}");
    let pairs = all.iter().flat_map(|series| series["values"].as_array().cloned().unwrap_or_default());
    pairs.map(|p| (p[0].as_f64().unwrap() as i64, p[1].as_str().unwrap().to_owned())).collect()
}

#[test]
fn prometheus_has_what_rules_wrote_through_its_death() {
    let Some(prometheus) = Prometheus::find("prometheus_has_what_rules_wrote_through_its_death") else { return };
    let folder = folder();
    let port = free_port();
    let store = start(&prometheus, port, folder.path());
    let rules = "groups: [{name: g, interval: 1s, rules: [{record: wave:double, expr: wave * 2}, {alert: High, expr: wave > 5}]}]";
    let url = format!("http://127.0.0.1:{port}/api/v1/write");
    let run = Run::start(folder.path(), rules, &["--remote-write", &url, "--external-label", "dc=eu"]);
    let send = |value: f64| {
        let labels = Labels::from_pairs([("__name__", "wave"), ("instance", "a")]);
        let body = compress(&message(Version::One, &[Sample::float(labels, now_ms(), value)])).unwrap();
        assert!(http(run.port, "POST /api/v1/write", &REMOTE_WRITE, &body).is_some_and(|(code, _)| code / 100 == 2));
        std::thread::sleep(Duration::from_millis(250));
    };
    (0..16).for_each(|_| send(1.0));
    wait_for("Prometheus has a recorded sample", || !samples(port, "wave:double[1m]").is_empty());
    // It is away while the alert begins and ends.
    drop(store);
    (0..12).for_each(|_| send(7.0));
    (0..16).for_each(|_| send(1.0));
    assert!(run.counter("bellwether_remote_write_samples_waiting", &[&url]) > 0);
    let _store = start(&prometheus, port, folder.path());
    (0..4).for_each(|_| send(1.0));
    wait_for("nothing waits", || {
        send(1.0);
        run.counter("bellwether_remote_write_samples_waiting", &[]) < 6
    });
    assert_eq!(run.counter("bellwether_remote_write_samples_dropped_total", &[]), 0);
    let recorded = samples(port, "wave:double{instance=\"a\",dc=\"eu\"}[1m]");
    let seconds: Vec<i64> = recorded.keys().copied().collect();
    assert!(seconds.windows(2).all(|w| w[1] == w[0] + 1) && seconds.len() > 10, "{recorded:?}");
    assert!(recorded.values().all(|v| v == "2" || v == "14"), "{recorded:?}");
    let firing = samples(port, "ALERTS{alertname=\"High\",alertstate=\"firing\"}[1m]");
    let high: Vec<i64> = recorded.iter().filter(|(_, v)| *v == "14").map(|(t, _)| *t).collect();
    assert_eq!(firing.keys().copied().collect::<Vec<_>>(), high);
    // The stale marker ends it at once, where lookback alone would keep it for five minutes.
    let after = json(port, &format!("/api/v1/query?query=ALERTS&time={}", high.last().unwrap() + 1));
    assert_eq!(after["data"]["result"], Value::Array(Vec::new()));
}

//! A live run's end within a time, and what it says as JSON.

use super::live::Live;
use super::run::Place;
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::remote_write::Version;
use bellwether_model::{Labels, Sample};
use bellwether_test_support::http::{REMOTE_WRITE, now_ms};
use serde_json::Value;
use std::net::TcpListener;

/// A name that no line may have.
const SECRET: &str = "ada-lovelace";

const RULES: &str = "
groups:
- name: g
  interval: 1s
  rules:
  - alert: High
    expr: load > 0
  - alert: Twice
    expr: load * on (job) group_right () load
";

/// One sample of each of two series; a rule fails over them, because they are two.
fn send(live: &Live) {
    let of = |user: &str| {
        let labels = Labels::from_pairs([("__name__", "load"), ("user", user), ("job", "j")]);
        Sample::float(labels, now_ms(), 1.0)
    };
    let body = compress(&message(Version::One, &[of(SECRET), of("grace")])).unwrap();
    let (code, answer) = live.http("POST /api/v1/write", &REMOTE_WRITE, &body);
    assert_eq!(code / 100, 2, "{answer}");
}

/// Whoever takes connections and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

const QUICK: [&str; 6] = ["--rules", "rules.yml", "--lateness", "0s", "--withhold-absence", "false"];

/// A run whose Alertmanager has been told something, and does not answer.
fn hanging(place: &Place, url: &str, args: &[&str]) -> Live {
    let live = Live::start(place, &[&QUICK[..], &["--alertmanager", url], args].concat());
    live.until("GET /api/v1/alerts", &[], |body| {
        send(&live);
        body.contains("firing")
    });
    // The notifier looks five times a second.
    std::thread::sleep(std::time::Duration::from_millis(600));
    live
}

#[test]
fn a_stop_ends_within_its_time_and_says_what_is_not_done() {
    let place = Place::new();
    place.write("rules.yml", RULES);
    let (_silent, url) = silent();
    let live = hanging(&place, &url, &["--stop-timeout", "1s"]);
    live.stop()
        .refuses(5, &["stop_timeout (1 s) is over while Alertmanagers answer", "the next start reads the log back"]);
    // Nothing is lost: it goes on from the log.
    let before = place.read("bellwether-data/decisions.jsonl").lines().count();
    assert!(before > 0);
    let live = Live::start(&place, &QUICK);
    live.until("GET /api/v1/alerts", &[], |body| body.contains("High"));
    live.stop().succeeds();
    assert!(place.read("bellwether-data/decisions.jsonl").lines().count() >= before);
}

#[test]
fn a_second_signal_ends_a_stop_at_once() {
    let place = Place::new();
    place.write("rules.yml", RULES);
    let (_silent, url) = silent();
    let live = hanging(&place, &url, &["--stop-timeout", "1h"]);
    live.signal();
    let said = live.reads("stopping: finishing what came");
    said.stop().refuses(130, &["stopped at once"]);
}

/// Every line as an object.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn of<'a>(lines: &'a [Value], event: &str) -> &'a Value {
    lines.iter().find(|line| line["event"] == event).unwrap_or_else(|| panic!("no {event} in {lines:#?}"))
}

#[test]
fn every_line_is_an_object_and_has_no_value_of_a_label() {
    let place = Place::new();
    place.write("rules.yml", RULES);
    for asked in [false, true] {
        place.write("c.yml", format!("rules: [rules.yml]\nlog: {{format: json, label_values: {asked}}}\n"));
        let live =
            Live::start(&place, &["--config", "c.yml", "--lateness", "0s", "--alertmanager", "http://127.0.0.1:1"]);
        live.until("GET /api/v1/rules", &[], |body| {
            send(&live);
            body.contains("many-to-many") || body.contains("duplicate series")
        });
        let live = live.reads("\"rule_failing\"").reads("\"receiver_failing\"");
        place.write("rules.yml", format!("{RULES}  - alert: ["));
        let live = live.reads("\"reload_failed\"");
        place.write("rules.yml", RULES);
        let answer = live.stop();
        let all = lines(&answer.succeeds().err);
        for line in &all {
            assert!(
                line["ts"].as_str().unwrap().ends_with('Z') && !line["message"].as_str().unwrap().is_empty(),
                "{line}"
            );
        }
        assert_eq!(of(&all, "rules_loaded")["rules"], 2);
        assert!(of(&all, "listening")["address"].as_str().unwrap().starts_with("http://127.0.0.1:"));
        assert_eq!(of(&all, "rule_failing")["level"], "warn");
        assert_eq!(of(&all, "rule_failing")["rule"], "g/Twice");
        assert_eq!(of(&all, "stopped")["level"], "info");
        assert_eq!(answer.err.contains(SECRET), asked, "{}", answer.err);
    }
}

#[test]
fn an_end_by_an_error_is_a_line_too_and_levels_keep_the_rest_away() {
    let place = Place::new();
    place.write("rules.yml", "groups: [{name: g, rules: [{alert: A, expr: 'rate('}]}]");
    let answer = place.run(&["run", "--rules", "rules.yml", "--log-format", "json", "--log-level", "error"]);
    assert_eq!(answer.code, 3);
    let all = lines(&answer.err);
    assert_eq!((all.len(), &all[0]["event"], &all[0]["exit_code"]), (1, &"failed".into(), &3.into()));
    assert!(all[0]["message"].as_str().unwrap().contains("rules.yml"));
}

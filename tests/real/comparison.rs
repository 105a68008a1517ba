//! Prometheus and we evaluate the same rules over the same scrapes: every step of every alert is compared.
//!
//! # Semantics
//! Prometheus scrapes an exporter of ours and writes on to us; steps are on its grid (`--grid`, the same file
//! path). It looks at a step once, a moment after it; we wait for the lateness, so that samples on their way count. So the two
//! may differ where a scrape has a stamp just before the step and was not stored yet when Prometheus evaluated: such a
//! step is named, and there may only be few.

use super::prometheus::Prometheus;
use super::{Run, folder, free_port, get, json, now_ms, wait_for};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

/// Scrapes with a stamp that close before a step may not have been stored at the step, ms.
const RACE_MS: i64 = 250;

/// Steps of the rules, ms.
const INTERVAL_MS: i64 = 2_000;

/// How long things happen, ms.
const SHOW_MS: i64 = 36_000;

const GROUP: &str = r#"
- name: NAME
  interval: 2s
  rules:
  - record: wave:sum
    expr: sum by (kind) (wave)
    labels: {in: NAME}
  - {alert: High, expr: wave > 0, for: 4s, labels: {in: NAME}}
  - {alert: Now, expr: 'wave > 0', labels: {in: NAME}}
  - {alert: Recorded, expr: 'wave:sum{in="NAME"} > 1', labels: {in: NAME}}
  - {alert: Fast, expr: 'rate(work_total[7s]) > 5', labels: {in: NAME}}
  - {alert: Flaky, expr: 'flaky', for: 2s, keep_firing_for: 4s, labels: {in: NAME}}
  - {alert: Gone, expr: 'absent(flaky{n="0"})', labels: {in: NAME}}
  - {alert: Joined, expr: 'wave * on (n) group_left flaky > 0', labels: {in: NAME}}
  - {alert: Chained, expr: 'count(ALERTS{alertname="High", in="NAME", alertstate="firing"}) > 0', labels: {in: NAME}}
"#;

/// What the exporter says, `t` ms after things begin; before, everything is quiet.
fn page(t: i64) -> String {
    let mut text = String::new();
    let t = t.max(0);
    for n in 0..3i64 {
        let wave = i64::from(t > 0 && (t / 1_000 + n * 3) % 14 >= 7);
        let _ = writeln!(text, "wave{{n=\"{n}\",kind=\"k\"}} {wave}");
        if (t / 1_000 + n * 4) % 12 < 8 || t == 0 {
            let _ = writeln!(text, "flaky{{n=\"{n}\"}} 1");
        }
    }
    // It begins again at half time.
    let s = t as f64 / 1_000.0;
    let since = if s >= 18.0 { s - 18.0 } else { s };
    let work = if since < 6.0 { since } else { 6.0 + (since - 6.0) * 9.0 };
    let _ = writeln!(text, "work_total {work}");
    text
}

/// Serves the page until the process ends.
fn exporter(begin_ms: i64) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4_096]);
            let body = page(now_ms() - begin_ms);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    port
}

/// Samples of a selector that Prometheus holds: by labels, the stamps in ms.
fn raw(port: u16, selector: &str) -> BTreeMap<String, Vec<i64>> {
    let answer = json(port, &format!("/api/v1/query?query={selector}%5B5m%5D"));
    let list = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    let stamps = |series: &Value| {
        let values = series["values"].as_array().cloned().unwrap_or_default();
        values.iter().map(|pair| (pair[0].as_f64().unwrap() * 1_000.0).round() as i64).collect::<Vec<_>>()
    };
    list.iter().map(|series| (key(&series["metric"]), stamps(series))).collect()
}

/// Labels without the metric name and the state, as text.
fn key(labels: &Value) -> String {
    let pairs = labels.as_object().unwrap().iter().filter(|(k, _)| !["__name__", "alertstate"].contains(&k.as_str()));
    pairs.map(|(k, v)| format!("{k}={v} ")).collect()
}

/// Steps at which an alert fires, by its labels, as our decisions say it.
fn ours(decisions: &str, upto_ms: i64) -> BTreeMap<String, BTreeSet<i64>> {
    let (mut firing, mut since) = (BTreeMap::<String, BTreeSet<i64>>::new(), BTreeMap::<String, i64>::new());
    let mut end = |since: &mut BTreeMap<String, i64>, key: &str, until_ms: i64| {
        let steps = since.remove(key).into_iter().flat_map(|from| (from..until_ms).step_by(INTERVAL_MS as usize));
        firing.entry(key.to_owned()).or_default().extend(steps);
    };
    for line in decisions.lines() {
        let decision: Value = serde_json::from_str(line).unwrap();
        let (key, step_ms) = (key(&decision["labels"]), decision["step_ms"].as_i64().unwrap());
        match decision["transition"].as_str().unwrap() {
            "firing" => drop(since.insert(key, step_ms)),
            "resolved" | "dropped" => end(&mut since, &key, step_ms),
            _ => {}
        }
    }
    for key in since.keys().cloned().collect::<Vec<_>>() {
        end(&mut since, &key, upto_ms + 1);
    }
    firing
}

#[test]
fn prometheus_and_we_say_the_same_of_the_same_scrapes() {
    let Some(prometheus) = Prometheus::find("prometheus_and_we_say_the_same_of_the_same_scrapes") else { return };
    let folder = folder();
    let groups: String = ["one", "two", "three"].map(|name| GROUP.replace("NAME", name)).concat();
    let run = Run::start(
        folder.path(),
        &format!("groups:{groups}"),
        &["--grid", prometheus.grid(), "--lateness", "3s", "--withhold-absence", "false"],
    );
    let begin_ms = now_ms() + 12_000;
    let (target, port) = (exporter(begin_ms), free_port());
    let rules = format!("rule_files: ['{}']\n", folder.path().join("rules.yml").display());
    let jobs = [("show", target)];
    let sender = prometheus.start(folder.path(), port, &jobs, run.port, &rules, "batch_send_deadline: 200ms");
    wait_for("the show is over", || now_ms() > begin_ms + SHOW_MS);
    let (from_ms, upto_ms) = (begin_ms - 2_000, begin_ms + SHOW_MS - 6_000);
    std::thread::sleep(Duration::from_secs(4));
    let theirs = raw(port, "ALERTS%7Balertstate=%22firing%22%7D");
    let scrapes: Vec<i64> = raw(port, "work_total").into_values().flatten().collect();
    let steps = raw(port, "wave:sum");
    let decisions = std::fs::read_to_string(folder.path().join("bellwether-data/decisions.jsonl")).unwrap();
    let ours = ours(&decisions, upto_ms);
    assert!(get(run.port, "/-/ready").is_some());
    compare(&theirs, &ours, &scrapes, &steps, (from_ms, upto_ms));
    sender.is_satisfied(&["failed", "dropped", "retried"], &[]);
}

/// Compares step by step; what differs must be explained.
fn compare(
    theirs: &BTreeMap<String, Vec<i64>>,
    ours: &BTreeMap<String, BTreeSet<i64>>,
    scrapes: &[i64],
    steps: &BTreeMap<String, Vec<i64>>,
    (from_ms, upto_ms): (i64, i64),
) {
    let alerts: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let names: BTreeSet<&str> =
        theirs.keys().filter_map(|k| k.split("alertname=\"").nth(1)?.split('"').next()).collect();
    let all = ["Chained", "Fast", "Flaky", "Gone", "High", "Joined", "Now", "Recorded"];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), all, "the show shows every rule");
    let all_steps: BTreeSet<i64> = steps.values().flatten().copied().collect();
    let races = |step: &i64| scrapes.iter().any(|s| (0..=RACE_MS).contains(&(step - s)));
    let (mut equal, mut explained, mut wrong) = (0, 0, Vec::new());
    for alert in alerts {
        let inside = |t: &&i64| (from_ms..=upto_ms).contains(*t);
        let a: BTreeSet<i64> = theirs.get(alert).into_iter().flatten().filter(inside).copied().collect();
        let b: BTreeSet<i64> = ours.get(alert).into_iter().flatten().filter(inside).copied().collect();
        equal += a.intersection(&b).count();
        for step in a.symmetric_difference(&b) {
            // A step that differs makes what hangs on it differ for a while: hold durations, alerts on alerts.
            let near: Vec<&i64> = all_steps.range(step - 8_000..=*step).filter(|s| races(s)).collect();
            match near.is_empty() {
                true => wrong.push(format!(
                    "{alert} at {step}: only {} fires",
                    if a.contains(step) { "theirs" } else { "ours" }
                )),
                false => explained += 1,
            }
        }
    }
    println!("{equal} firing steps equal, {explained} differ beside a scrape within {RACE_MS} ms before a step");
    assert!(wrong.is_empty(), "{equal} equal, {explained} explained, these are not: {wrong:#?}");
    assert!(equal > 300 && explained * 10 < equal, "{equal} equal, {explained} explained");
}

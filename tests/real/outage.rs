//! We are away for half a minute while a real Prometheus goes on: it sends again what we did not take.
//!
//! # Semantics
//! The process is killed, so nothing of it is done in order. Afterwards every sample that Prometheus has is here, and no alert has
//! ended, and none has begun, because we were away.

use super::prometheus::Prometheus;
use super::{Run, folder, free_port, now_ms, wait_for};
use serde_json::Value;
use std::net::TcpListener;
use std::time::Duration;

/// How long we are away.
const AWAY: Duration = Duration::from_secs(30);

const RULES: &str = "groups: [{name: g, interval: 1s, rules: [
    {alert: Up, expr: 'up == 1', for: 2s}, {alert: Missing, expr: 'absent(up)'},
    {alert: Sparse, expr: 'count_over_time(up[4s]) < 3'}]}]";

/// A port that no connection is given by chance while we are away.
fn lasting_port() -> u16 {
    let from = 20_000 + (std::process::id() % 9_000) as u16;
    (from..32_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

#[test]
fn what_came_while_we_were_away_comes_again() {
    let Some(prometheus) = Prometheus::find("what_came_while_we_were_away_comes_again") else { return };
    let folder = folder();
    let (ours, theirs) = (lasting_port(), free_port());
    let address = format!("127.0.0.1:{ours}");
    let arguments = ["--listen", &address, "--lateness", "3s", "--catch-up-hold", "60s", "--withhold-absence", "false"];
    std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
    let run = Run::again(folder.path(), &arguments);
    let sender = prometheus.start(folder.path(), theirs, &[("itself", theirs)], ours, "", "batch_send_deadline: 200ms");
    run.wait_for(&[("Up", "\"itself\"")]);
    let from_ms = now_ms();
    std::thread::sleep(Duration::from_secs(4));
    let before = run.counter("bellwether_ingest_samples_total", &["remote_write"]);
    assert!(before > 0);
    drop(run);
    std::thread::sleep(AWAY);
    let run = Run::again(folder.path(), &arguments);
    wait_for("Prometheus goes on", || run.counter("bellwether_ingest_samples_total", &["remote_write"]) > before);
    let upto_ms = now_ms();
    std::thread::sleep(Duration::from_secs(10));
    let samples = sender.is_repeated_by(ours, "itself", (from_ms, upto_ms));
    println!("{samples} samples, nothing lost");
    assert!(samples > 1_000);
    // That it has to try again is what it warns of.
    sender.is_satisfied(&["failed", "dropped"], &["failed to send batch, retrying", "skipping resharding"]);
    let decisions = std::fs::read_to_string(folder.path().join("bellwether-data/decisions.jsonl")).unwrap();
    let since = |line: &Value| line["step_ms"].as_i64().unwrap() > from_ms;
    let decisions = decisions.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let false_ones: Vec<String> = decisions.filter(since).map(|line| line.to_string()).collect();
    assert!(false_ones.is_empty(), "{false_ones:#?}");
    // The steps in between are not left out: an alert that is in force since before goes on.
    run.wait_for(&[("Up", "\"itself\"")]);
}

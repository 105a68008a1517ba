//! A real bucket: a machine is killed and its folder lost, another one goes on; the first one does not come back.
//!
//! `BELLWETHER_S3=http://HOST:PORT/BUCKET` names a server that speaks as S3 does, and a bucket that is there; keys come from
//! `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. With versitygw: `ROOT_ACCESS_KEY=… ROOT_SECRET_KEY=… versitygw --port
//! 127.0.0.1:7070 posix DIR`, and a folder DIR/BUCKET.

use super::{Killed, Run, folder, json, wait_for};
use super::{http, now_ms};
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::remote_write::Version;
use bellwether_model::{Labels, Sample, Value};
use bellwether_test_support::http::REMOTE_WRITE;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const RULES: &str = r#"
groups:
- name: g
  interval: 1s
  rules:
  - alert: High
    expr: wave > 50
  - alert: Held
    expr: wave > 50
    for: 1h
"#;

fn send(port: u16) {
    let labels = Labels::from_pairs([("__name__", "wave"), ("instance", "a")]);
    let sample = Sample { labels, timestamp_ms: now_ms(), value: Value::Float(100.0), start_ms: 0 };
    let body = compress(&message(Version::One, &[sample])).unwrap();
    // What is not taken is not sent again: the machine may just be going.
    let _ = http(port, "POST /api/v1/write", &REMOTE_WRITE, &body);
}

/// When each alert became active, with its state.
fn alerts(port: u16) -> Vec<(String, String, String)> {
    let answer = json(port, "/api/v1/alerts");
    let mut all: Vec<_> = answer["data"]["alerts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|a| {
            let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
            (text(&a["labels"]["alertname"]), text(&a["state"]), text(&a["activeAt"]))
        })
        .collect();
    all.sort();
    all
}

/// The epoch of the newest checkpoint in the bucket, as the process knows it.
fn in_bucket(port: u16) -> u64 {
    json(port, "/api/v1/status/progress")["data"]["remote_checkpoint"]["newest"]["epoch"].as_u64().unwrap_or(0)
}

fn epoch(port: u16) -> u64 {
    json(port, "/api/v1/status/progress")["data"]["epoch"].as_u64().unwrap_or(0)
}

fn settings(folder: &Path, name: &str, bucket: &str, prefix: &str) -> String {
    let (endpoint, bucket) = bucket.rsplit_once('/').unwrap();
    let path = folder.join(format!("{name}.yml"));
    let text = format!(
        "rules: [rules.yml]\nlisten: 127.0.0.1:0\nevaluation: {{lateness: 1s, catch_up_hold: 5s}}\nstate:\n  folder: {name}\n  \
         checkpoint_interval: 1s\n  checkpoints: {{url: 's3://{bucket}/{prefix}', endpoint: '{endpoint}', allow_http: true, interval: 2s}}\n"
    );
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_machine_goes_on_with_what_a_lost_one_left_in_the_bucket() {
    let Ok(bucket) = std::env::var("BELLWETHER_S3") else {
        println!("skipped: a_machine_goes_on_with_what_a_lost_one_left_in_the_bucket: BELLWETHER_S3 names no bucket");
        return;
    };
    let folder = folder();
    std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
    let prefix = format!("test-{}", now_ms());
    let [first, second] = ["first", "second"].map(|name| settings(folder.path(), name, &bucket, &prefix));

    let run = Run::configured(folder.path(), &first);
    wait_for("the alerts are in a checkpoint in the bucket", || {
        send(run.port);
        let known = alerts(run.port).len() == 2 && in_bucket(run.port) > 3;
        std::thread::sleep(Duration::from_millis(300));
        known
    });
    let at = epoch(run.port);
    wait_for("one that has them", || {
        send(run.port);
        in_bucket(run.port) > at
    });
    let before = alerts(run.port);
    drop(run);
    // The folder stays: it is the machine that is given up. Another one has an empty folder.
    std::thread::sleep(Duration::from_secs(3));
    let run = Run::configured(folder.path(), &second);
    let restored = alerts(run.port);
    assert_eq!(restored, before);
    for _ in 0..20 {
        send(run.port);
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(alerts(run.port), before, "nothing resolves, and what is pending goes on from where it was");
    let ledger = std::fs::read_to_string(folder.path().join("second/decisions.jsonl")).unwrap();
    assert_eq!(ledger, "");
    let at = epoch(run.port);
    wait_for("the second one brings its own", || {
        send(run.port);
        in_bucket(run.port) > at
    });
    // The first one does not come back.
    let refused = Command::new(env!("CARGO_BIN_EXE_bellwether"))
        .args(["run", "--config", &first])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = refused.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("generation 2 has taken over"), "{text}");
    drop(run);
    // And one that is taken over while it runs ends.
    let third = settings(folder.path(), "third", &bucket, &prefix);
    let mut stale = Killed(
        Command::new(env!("CARGO_BIN_EXE_bellwether"))
            .args(["run", "--config", &second])
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    std::thread::sleep(Duration::from_secs(2));
    let _run = Run::configured(folder.path(), &third);
    wait_for("the stale one ends", || stale.0.try_wait().unwrap().is_some_and(|status| status.code() == Some(4)));
}

//! What brings a run down, as a process: three deaths, what is said then, and how it goes on.

use super::live::Live;
use super::run::Place;
use bellwether_test_support::http::http;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const RULES: &str = r#"
groups:
- name: g
  interval: 1s
  rules:
  - {alert: Wide, expr: up}
  - {alert: Narrow, expr: 'up{job="a"}'}
"#;

/// Runs until it dies of what it is sent, or of what it was sent before.
fn die(place: &Place, sends: bool) {
    let args = ["run", "--listen", "127.0.0.1:0", "--rules", "r.yml", "--lateness", "0s", "--limit", "elements=1"];
    let mut child = place.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
        if let Some((_, address)) = line.split_once("listening at ")
            && sends
        {
            let port = address.trim().rsplit(':').next().unwrap().parse().unwrap();
            let text = |job: &str| format!("{{\"key\":\"job\",\"value\":{{\"stringValue\":\"{job}\"}}}}");
            let now_ns = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
            let point =
                |job: &str| format!("{{\"timeUnixNano\":\"{now_ns}\",\"asDouble\":1,\"attributes\":[{}]}}", text(job));
            let body = format!(
                "{{\"resourceMetrics\":[{{\"scopeMetrics\":[{{\"metrics\":[{{\"name\":\"up\",\"gauge\":{{\"dataPoints\":[{},{}]}}}}]}}]}}]}}",
                point("a"),
                point("b")
            );
            let head = "POST /api/v1/otlp/v1/metrics";
            let (status, _) = http(port, head, &[("content-type", "application/json")], body.as_bytes()).unwrap();
            assert_eq!(status, 200);
        }
        said.push_str(&line);
        said.push('\n');
    }
    assert_eq!(child.wait().unwrap().code(), Some(4), "{said}");
    assert!(said.contains("up of g/Wide: 2 elements, more than the limit elements=1"), "{said}");
}

#[test]
fn what_kills_three_starts_is_named_and_can_be_left_out() {
    let place = Place::new();
    place.write("r.yml", RULES);
    place.run(&["quarantine"]).refuses(3, &["bellwether-data is no state folder", "it has no log"]);
    die(&place, true);
    die(&place, false);
    die(&place, false);
    let run = ["run", "--listen", "127.0.0.1:0", "--rules", "r.yml", "--lateness", "0s", "--limit", "elements=1"];
    let remedy = "bellwether quarantine --state bellwether-data --rule \"g/Wide\"";
    place.run(&run).refuses(4, &["3 starts have died at one epoch", "of g/Wide: 2 elements", remedy, "--retry"]);
    place.run(&["quarantine", "--rule", "Wide"]).refuses(2, &["--rule Wide: write GROUP/NAME"]);
    place.run(&["quarantine", "--series", "{"]).refuses(3, &["{: "]);
    place.run(&["quarantine", "--release", "--rule", "g/Wide"]).refuses(3, &["g/Wide is not in quarantine"]);
    assert!(place.run(&["quarantine"]).succeeds().out.contains("nothing is in quarantine"));
    let answer = place.run(&["quarantine", "--rule", "g/Wide"]);
    assert!(answer.succeeds().out.contains("rule    g/Wide\nit holds from the next start on"), "{}", answer.out);
    let live = Live::start(&place, &["--rules", "r.yml", "--lateness", "0s", "--limit", "elements=1"]);
    let alerts = live.until("GET /api/v1/alerts", &[], |body| body.contains("Narrow"));
    assert!(!alerts.contains("Wide"), "{alerts}");
    place.run(&["quarantine", "--retry"]).refuses(2, &["is in use by another process"]);
    let answer = live.stop();
    assert!(answer.succeeds().err.contains("in quarantine, and not evaluated: g/Wide"), "{}", answer.err);
}

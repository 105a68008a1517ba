//! `bellwether config`, and a run that is told by a file.

use super::live::Live;
use super::run::{Place, RULES};
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::remote_write::Version;
use bellwether_model::{Labels, Sample, Value};
use bellwether_test_support::http::now_ms;

#[test]
fn a_mistake_is_shown_at_its_place() {
    let place = Place::new();
    place.write("rules.yml", RULES);
    place.write("typo.yml", "rules: [rules.yml]\nstate:\n  retension: 1h\n");
    let typo = place.run(&["config", "check", "typo.yml"]);
    typo.refuses(3, &["typo.yml:3:3: unknown field `retension`", "  |   retension: 1h\n  |   ^", "retention"]);
    // A run says the same.
    place.run(&["run", "--config", "typo.yml"]).refuses(3, &["typo.yml:3:3: unknown field `retension`"]);
    place.run(&["config", "check", "none.yml"]).refuses(3, &["none.yml: cannot be read: No such file"]);
    place.write("rules-away.yml", "rules: [away.yml]\n");
    place.run(&["config", "check", "rules-away.yml"]).refuses(3, &["away.yml"]);
    place.write("secret-away.yml", "rules: [rules.yml]\naccess: {tokens: [{token_file: away}]}\n");
    place.run(&["config", "check", "secret-away.yml"]).refuses(3, &["away: No such file"]);
    place.write("open.yml", "rules: [rules.yml]\nlisten: 0.0.0.0:9099\n");
    place.run(&["config", "check", "open.yml"]).refuses(3, &["0.0.0.0:9099", "allow_unauthenticated: true"]);
    place.run(&["run", "--config", "open.yml"]).refuses(2, &["0.0.0.0:9099", "--allow-unauthenticated"]);
    assert!(!place.files().contains(&"bellwether-data".to_owned()));
}

#[test]
fn what_is_shown_is_a_configuration() {
    let place = Place::new();
    place.write("rules.yml", RULES);
    place.write("c.yml", "rules: [rules.yml]\naccess: {tokens: [{token: \"hunter2\"}]}\n");
    let check = place.run(&["config", "check", "c.yml"]);
    assert_eq!(check.succeeds().out, "1 rule in 1 file\nc.yml: good\n");
    let show = place.run(&["config", "show", "c.yml"]);
    assert!(!show.succeeds().out.contains("hunter2"), "{}", show.out);
    place.write("shown.yml", &show.out);
    assert_eq!(place.run(&["config", "show", "shown.yml"]).out, show.out);
    let schema: serde_json::Value = serde_json::from_str(&place.run(&["config", "schema"]).succeeds().out).unwrap();
    assert!(schema["properties"]["evaluation"].is_object());
}

fn up(instance: &str) -> Vec<u8> {
    let sample = Sample {
        labels: Labels::from_pairs([("__name__", "up"), ("instance", instance)]),
        timestamp_ms: now_ms(),
        value: Value::Float(1.0),
        start_ms: 0,
    };
    compress(&message(Version::One, &[sample])).unwrap()
}

#[test]
fn tenants_see_their_own() {
    let place = Place::new();
    let rules = |name: &str| format!("groups: [{{name: g, interval: 1s, rules: [{{alert: {name}, expr: up > 0}}]}}]\n");
    place.write("a.yml", rules("OfA"));
    place.write("b.yml", rules("OfB"));
    place.write(
        "c.yml",
        "evaluation: {lateness: 0s, catch_up_hold: 0s, workers: 1}
access: {tokens: [{token: ta, tenant: a}, {token: tb, tenant: b}, {token: ops}]}
tenants: {a: {rules: [a.yml]}, b: {rules: [b.yml], limits: {series: 1}}}
",
    );
    let live = Live::start(&place, &["--config", "c.yml"]);
    let (a, b) = (("Authorization", "Bearer ta"), ("Authorization", "Bearer tb"));
    live.until("GET /-/ready", &[a], |text| text.contains("Ready"));
    let write = |who, instance| live.http("POST /api/v1/write", &[who], &up(instance));
    assert_eq!(write(a, "ha").0, 204);
    assert_eq!(write(b, "hb").0, 204);
    let (code, text) = write(b, "another");
    assert!(code == 400 && text.contains("series"), "{code} {text}");
    assert_eq!(live.http("POST /api/v1/write", &[], &up("x")).0, 401);
    assert_eq!(live.http("POST /api/v1/write", &[a, ("X-Scope-OrgID", "b")], &up("x")).0, 403);
    let alerts = |who, want: &str| live.until("GET /api/v1/alerts", &[who], |text| text.contains(want));
    let of_a = alerts(a, "firing");
    let of_b = alerts(b, "firing");
    assert!(of_a.contains("OfA") && of_a.contains("\"ha\"") && !of_a.contains("OfB"), "{of_a}");
    assert!(of_b.contains("OfB") && of_b.contains("\"hb\"") && !of_b.contains("OfA"), "{of_b}");
    // Who runs it sees everybody's by the header, and metrics of all.
    let ops = ("Authorization", "Bearer ops");
    assert_eq!(live.http("GET /api/v1/rules", &[ops], b"").0, 401);
    assert!(live.http("GET /api/v1/rules", &[ops, ("X-Scope-OrgID", "b")], b"").1.contains("OfB"));
    let metrics = live.http("GET /metrics", &[ops], b"").1;
    assert!(metrics.contains("bellwether_series_known{tenant=\"a\"} 1"), "{metrics}");
    assert!(metrics.contains("bellwether_series_known{tenant=\"b\"} 1"), "{metrics}");
    let cost = metrics.lines().find(|l| l.starts_with("bellwether_rule_values_read_total{tenant=\"a\",group="));
    assert!(cost.is_some_and(|line| line.contains("rule=\"OfA\"} ") && !line.ends_with(" 0")), "{metrics}");
    let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let protobuf = live.http("GET /metrics", &[ops, ("Accept", accept)], b"").1;
    assert!(["a", "b"].iter().all(|who| protobuf.contains(&format!("\n\u{6}tenant\u{12}\u{1}{who}"))), "{protobuf}");
    assert!(!protobuf.contains("# HELP"), "{protobuf}");
    let said = live.stop();
    assert!(said.err.contains("tenant a: 1 rule in 1 file"), "{}", said.err);
    assert!(said.err.contains("tenant b: stopped at epoch"), "{}", said.err);
    assert_eq!(said.succeeds().code, 0);
    assert!(place.path("bellwether-data/tenants/a/decisions.jsonl").exists());
}

//! What the specification says beyond the suite's cases: a rule whose alerts are not told apart fails and tells nobody, and
//! what a template may leave out is no reason to refuse a rule.

use super::*;
use serde_json::json;

const RULES: &str = r#"
groups:
- name: twice
  interval: 30s
  rules:
  - alert: Twice
    expr: alert_generator_test_suite > 10
    labels:
      id: all
- name: optional
  interval: 30s
  rules:
  - alert: Optional
    expr: 'alert_generator_test_suite{id="1"} > 10'
    annotations:
      links: '{{ graphLink "up" }} {{ tableLink "up" }}'
      console: '{{ safeHtml "" }}{{ pathPrefix }}'
      external: '{{ $externalLabels.a }}{{ .ExternalLabels.a }}'
"#;

#[test]
fn a_rule_whose_alerts_are_not_told_apart_fails_and_tells_nobody() {
    let mut suite = Suite::with_rules(RULES, 1, 0);
    for sample in 0..12 {
        let at_ms = suite.zero_ms + sample * SAMPLE_MS;
        let labels = |id| Labels::from_pairs([("__name__", "alert_generator_test_suite"), ("id", id)]);
        // One alert, then two of one label set, then one again.
        let second = if (4..8).contains(&sample) { 11.0 } else { 1.0 };
        suite.send(at_ms, vec![(labels("1"), 11.0), (labels("2"), second)]);
        suite.look(at_ms + LOOK_MS);
        let heard = suite.receiver.take();
        let failed = (4..8).contains(&sample);
        let twice = suite.get("/api/v1/rules?rule_group[]=twice")["groups"][0]["rules"][0].clone();
        assert_eq!(twice["health"], json!(if failed { "err" } else { "ok" }), "{twice}");
        assert_eq!(twice["lastError"].is_string(), failed, "{twice}");
        // It stays what it was.
        assert_eq!(twice["state"], "firing");
        let told = heard.iter().filter(|m| m["labels"]["alertname"] == "Twice").count();
        // Each minute, by the notifier's own clock: it goes on while evaluations fail, on purpose.
        assert_eq!(told, usize::from(sample % 4 == 0), "sample {sample}");
    }
    let optional = suite.get("/api/v1/alerts")["alerts"].clone();
    let optional = optional.as_array().unwrap().iter().find(|a| a["labels"]["alertname"] == "Optional").unwrap();
    // What is empty is left out.
    assert_eq!(optional["annotations"].as_object().unwrap().keys().collect::<Vec<_>>(), ["links"]);
    suite.run.stop().unwrap();
}

#[test]
fn since_when_an_alert_is_active_is_known_for_as_long_as_it_is() {
    let rules = "groups:\n- name: long\n  interval: 30s\n  rules:\n  - {alert: Long, expr: x > 10, for: 1m}\n";
    let mut suite = Suite::with_rules(rules, 1, 0);
    for sample in 0..120 {
        let at_ms = suite.zero_ms + sample * SAMPLE_MS;
        suite.send(at_ms, vec![(Labels::from_pairs([("__name__", "x")]), 11.0)]);
        suite.look(at_ms + LOOK_MS);
        if sample % 30 == 29 {
            let at = (at_ms + LOOK_MS) / 1_000;
            let found = suite.get(&format!("/api/v1/query?query=ALERTS_FOR_STATE&time={at}"));
            assert_eq!(found["result"][0]["value"][1], json!((suite.zero_ms / 1_000).to_string()), "sample {sample}");
        }
    }
    suite.run.stop().unwrap();
}

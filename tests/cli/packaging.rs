//! What is shipped beside the binary: its configuration, the rules and the dashboard about itself.

use super::live::Live;
use super::run::{Place, RULES};
use bellwether_dataflow::promql;
use std::collections::BTreeSet;
use std::path::Path;

fn shipped(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)).unwrap()
}

/// Names of our own metrics in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_name(c)).filter(|word| word.starts_with("bellwether_"));
    words.map(str::to_owned).collect()
}

#[test]
fn the_shipped_configuration_is_good() {
    let place = Place::new();
    place.write("bellwether.yml", shipped("bellwether.yml"));
    std::fs::create_dir(place.path("rules")).unwrap();
    place.write("rules/own.yml", shipped("bellwether-rules.yml"));
    let check = place.run(&["config", "check", "bellwether.yml"]);
    assert!(check.succeeds().out.contains("13 rules in 1 file"), "{} {}", check.out, check.err);
    // No lint has anything to say about our own rules.
    assert_eq!(place.run(&["check", "--lint-fatal", "rules/own.yml"]).succeeds().err, "");
}

#[test]
fn rules_and_dashboard_about_ourselves_read_metrics_that_there_are() {
    let dashboard: serde_json::Value = serde_json::from_str(&shipped("grafana-dashboard.json")).unwrap();
    let mut wanted = metrics(&shipped("bellwether-rules.yml"));
    let mut queries = 0;
    for target in dashboard["panels"].as_array().unwrap().iter().flat_map(|p| p["targets"].as_array().unwrap()) {
        let text = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
        promql::parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        wanted.extend(metrics(&text));
        queries += 1;
    }
    assert!(queries > 12 && wanted.len() > 15, "{queries} {wanted:?}");
    let place = Place::new();
    place.write("rules.yml", RULES);
    let nobody = "http://127.0.0.1:1";
    let live = Live::start(&place, &["--rules", "rules.yml", "--alertmanager", nobody, "--remote-write", nobody]);
    // A checkpoint that there is none of yet has no age; without a bucket nothing is said of one.
    let mut there = metrics(&live.http("GET /metrics", &[], b"").1);
    let later = ["bellwether_checkpoint_age_seconds", "bellwether_checkpoint_bytes", "bellwether_remote_checkpoint_up"];
    there.extend(later.map(str::to_owned));
    let missing: Vec<_> = wanted.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?} are not among {there:?}");
}

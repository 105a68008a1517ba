//! The evaluator against what Prometheus answers on the benchmarks' data: rules as range queries over real and
//! generated series.
//!
//! # Limits
//! Rules that read recorded series are left out: a range query records nothing.

#![allow(clippy::unwrap_used)]

use bellwether_dataflow::rules::load_text;
use bellwether_oracle::{Fault, Oracle};
use bellwether_test_support::compare::{Comparison, ResultRow, compare, load};
use bellwether_test_support::samples::load_samples;
use bellwether_test_support::shared_or_skip;
use std::path::Path;

/// Evaluates every rule of a file over `first..=last` and compares with the expected file.
fn run(shared: &Path, name: &str, first_s: i64, last_s: i64, step_s: i64) -> Comparison {
    let bench = shared.join("bench");
    let oracle = Oracle::new(load_samples(&shared.join(format!("data/{name}.parquet"))).unwrap());
    let path = bench.join(format!("{}_rules.yml", name.trim_end_matches("_small")));
    let rules = load_text("rules.yml", &std::fs::read_to_string(path).unwrap()).unwrap();
    let records: Vec<String> =
        rules.rules().filter(|(_, _, r)| !r.is_alert()).map(|(_, _, r)| r.name.clone()).collect();
    let mut expected = load(&bench.join(format!("expected/{name}.parquet"))).unwrap();
    let mut found = Vec::new();
    for (_, _, rule) in rules.rules() {
        if records.iter().any(|r| rule.expr_text.contains(r.as_str())) {
            println!("left out, because it reads a recorded series: {}", rule.name);
            expected.retain(|row| row.rule != rule.name);
            continue;
        }
        match oracle.range(&rule.expr_text, first_s * 1000, last_s * 1000, step_s * 1000) {
            Ok(series) => found.extend(series.into_iter().flat_map(|(labels, points)| {
                let row = |(timestamp_ms, value): (i64, bellwether_model::Value)| ResultRow {
                    rule: rule.name.clone(),
                    labels: labels.clone(),
                    timestamp_ms,
                    value: value.float(),
                };
                points.into_iter().map(row).collect::<Vec<_>>()
            })),
            Err(Fault::NotSupported(what)) => println!("{}: not supported: {what}: {}", rule.name, rule.expr_text),
            Err(Fault::Query(message)) => println!("{}: {message}: {}", rule.name, rule.expr_text),
        }
    }
    let comparison = compare(&expected, &found);
    for line in comparison.to_string().lines().filter(|l| !l.starts_with("ok")) {
        println!("{line}");
    }
    comparison
}

/// All 566 PromQL compliance queries.
#[test]
fn compliance_queries_agree_with_prometheus() {
    let Some(shared) = shared_or_skip("compliance_queries_agree_with_prometheus") else { return };
    let c = run(&shared, "demo", 1_700_004_780, 1_700_008_380, 60);
    assert!(c.is_equal());
}

/// Real series with gaps and irregular stamps.
#[test]
fn nab_rules_agree_with_prometheus() {
    let Some(shared) = shared_or_skip("nab_rules_agree_with_prometheus") else { return };
    let c = run(&shared, "nab", 1_392_388_200, 1_398_330_000, 300);
    assert!(c.is_equal());
}

#[test]
fn fleet_rules_agree_with_prometheus() {
    let Some(shared) = shared_or_skip("fleet_rules_agree_with_prometheus") else { return };
    let c = run(&shared, "fleet_small", 1_700_000_100, 1_700_010_885, 15);
    assert!(c.is_equal());
}

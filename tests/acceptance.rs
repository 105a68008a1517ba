//! The engine against what Prometheus answers on the benchmarks' data: every rule equal, on one worker and on two.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod engine;

use bellwether_dataflow::lower::{Options, Recorded, RuleInput, compile, rule_inputs};
use bellwether_dataflow::rules::load_text;
use bellwether_test_support::compare::{ResultRow, compare as compare_rows, load};
use bellwether_test_support::samples::load_samples;
use bellwether_test_support::shared_or_skip;
use engine::{Cut, compile_rules, results};
use std::path::Path;

/// Runs a file of rules; rules that are not supported yet are left out and named. Returns how many were equal.
fn equal_rules(shared: &Path, name: &str, (first_s, last_s, step_s): (i64, i64, i64), cut: Cut) -> usize {
    let bench = shared.join("bench");
    let path = bench.join(format!("{}_rules.yml", name.trim_end_matches("_small")));
    let set = load_text("rules.yml", &std::fs::read_to_string(path).unwrap()).unwrap();
    // The compliance queries were asked one by one: none of them may see what another one records.
    let recorded = if name == "demo" { Recorded::Keep } else { Recorded::Recompute };
    let options = Options { interval_override_ms: Some(step_s * 1000), recorded, ..Options::default() };
    let all = rule_inputs(&set);
    let mut expected = load(&bench.join(format!("expected/{name}.parquet"))).unwrap();
    let supported: Vec<RuleInput<'_>> = all
        .into_iter()
        .filter(|rule| match compile(std::slice::from_ref(rule), &[], &options) {
            Ok(_) => true,
            Err(errors) => {
                println!("left out: {}: {}", rule.name, errors[0].message);
                expected.retain(|row| row.rule != rule.name);
                false
            }
        })
        .collect();
    let names: Vec<String> = supported.iter().map(|r| r.name.to_owned()).collect();
    let samples = load_samples(&shared.join(format!("data/{name}.parquet"))).unwrap();
    let found = results(compile_rules(&supported, options), samples, (first_s * 1000, last_s * 1000), cut);
    // As recording rules some compliance queries fail, because their results differ in the name only: their results as
    // queries count here.
    let of_queries: Vec<_> = found.errors.iter().filter(|e| e.tag.is_some()).collect();
    assert!(of_queries.is_empty(), "{of_queries:?}");
    let mut rows = Vec::new();
    for ((tag, labels), points) in found.rows {
        rows.extend(points.into_iter().map(|(timestamp_ms, value)| ResultRow {
            rule: names[tag as usize].clone(),
            labels: labels.clone().unwrap_or_default(),
            timestamp_ms,
            value: value.float(),
        }));
    }
    let comparison = compare_rows(&expected, &rows);
    for line in comparison.to_string().lines().filter(|l| !l.starts_with("ok")) {
        println!("{line}");
    }
    assert!(comparison.is_equal());
    comparison.equal_rules()
}

/// Twenty rules, of which JobTrafficDrop gives nothing, neither there nor here.
#[test]
fn fleet_rules_equal_prometheus() {
    let Some(shared) = shared_or_skip("fleet_rules_equal_prometheus") else { return };
    for workers in [1, 2] {
        let cut = Cut { workers, block_ms: 1_800_000 };
        assert_eq!(equal_rules(&shared, "fleet_small", (1_700_000_100, 1_700_010_885, 15), cut), 19);
    }
}

/// In epochs of a week a series ends and comes back under another row before a match looks: a pair of rows that outlived
/// its elements once put one series' values under another one's labels.
#[test]
fn nab_rules_equal_prometheus() {
    let Some(shared) = shared_or_skip("nab_rules_equal_prometheus") else { return };
    for (workers, block_ms) in [(1, 86_400_000), (2, 86_400_000), (2, 600_000_000)] {
        let cut = Cut { workers, block_ms };
        let equal = equal_rules(&shared, "nab", (1_392_388_200, 1_398_330_000, 300), cut);
        assert!(equal >= 9, "{equal}");
    }
}

#[test]
fn compliance_queries_equal_prometheus() {
    let Some(shared) = shared_or_skip("compliance_queries_equal_prometheus") else { return };
    let cut = Cut { workers: 2, block_ms: 600_000 };
    let equal = equal_rules(&shared, "demo", (1_700_004_780, 1_700_008_380, 60), cut);
    assert!(equal >= 515, "{equal}");
}

//! The engine against what Prometheus answers on the benchmarks' data: every rule equal, on one worker and on two.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use bellwether_conformance::answers::{DEMO, FLEET, NAB, Workload};
use bellwether_conformance::engine::Cut;
use bellwether_test_support::shared_or_skip;
use std::path::Path;

/// Runs a file of rules; rules that are not supported yet are left out and named. Returns how many were equal.
fn equal_rules(shared: &Path, workload: Workload, cut: Cut) -> usize {
    let answered = workload.answer(shared, cut).unwrap();
    answered.left_out.iter().for_each(|rule| println!("left out: {rule}"));
    for line in answered.comparison.to_string().lines().filter(|l| !l.starts_with("ok")) {
        println!("{line}");
    }
    assert!(answered.comparison.is_equal());
    answered.comparison.equal_rules()
}

/// Twenty rules, of which JobTrafficDrop gives nothing, neither there nor here.
#[test]
fn fleet_rules_equal_prometheus() {
    let Some(shared) = shared_or_skip("fleet_rules_equal_prometheus") else { return };
    for workers in [1, 2] {
        assert_eq!(equal_rules(&shared, FLEET, Cut { workers, block_ms: 1_800_000 }), 19);
    }
}

/// In epochs of a week a series ends and comes back under another row before a match looks: a pair of rows that outlived
/// its elements once put one series' values under another one's labels.
#[test]
fn nab_rules_equal_prometheus() {
    let Some(shared) = shared_or_skip("nab_rules_equal_prometheus") else { return };
    for (workers, block_ms) in [(1, 86_400_000), (2, 86_400_000), (2, 600_000_000)] {
        let equal = equal_rules(&shared, NAB, Cut { workers, block_ms });
        assert!(equal >= 9, "{equal}");
    }
}

#[test]
fn compliance_queries_equal_prometheus() {
    let Some(shared) = shared_or_skip("compliance_queries_equal_prometheus") else { return };
    let equal = equal_rules(&shared, DEMO, Cut { workers: 2, block_ms: 600_000 });
    assert!(equal >= 515, "{equal}");
}

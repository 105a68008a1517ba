//! Equal sub-expressions are one node, and identities do not depend on what else is loaded.
use super::*;
use bellwether_operators::program::Op;

#[test]
fn a_thousand_thresholds_share_one_window() {
    let lines: String =
        (0..1000).map(|i| format!("!a{i} = rate(http_errors_total{{job=\"x\"}}[5m]) > {i}\n")).collect();
    let compiled = compiled(&lines);
    assert_eq!(compiled.stats.windows, 1);
    assert_eq!(compiled.stats.windows_asked, 1000);
    let windows = compiled.program.nodes.iter().filter(|n| matches!(n.op, Op::Range { .. })).count();
    assert_eq!(windows, 1);
    // One window; for each rule a number, a comparison and the alert.
    assert_eq!(compiled.program.nodes.len(), 3001);
    assert_eq!(compiled.program.selectors.len(), 1);
}

#[test]
fn writing_does_not_matter() {
    let compiled =
        compiled("a = sum by (b, a) ((rate(x{l=\"1\",k=\"2\"}[300s])))\nb = sum(rate(x{k='2', l='1'}[5m])) by (a,b)");
    assert_eq!(compiled.program.nodes.len(), 4, "window, sum, two records");
}

#[test]
fn grids_and_offsets_tell_nodes_apart() {
    let compiled = compiled("a = x\n@30s b = x\nc = x offset 5m\nd = x offset -5m");
    let leaves = compiled.program.nodes.iter().filter(|n| matches!(n.op, Op::Instant { .. })).count();
    assert_eq!(leaves, 4);
    assert_eq!(compiled.program.selectors.len(), 1);
    assert_eq!(compiled.program.selectors[0].retain_ms, 600_000);
    let waits: Vec<i64> = compiled.program.grids.iter().map(|g| g.wait_ms).collect();
    assert_eq!(waits, [0, 0, 300_000]);
    assert_eq!(compiled.program.grids[1].phase_ms, 30_000);
}

#[test]
fn identities_do_not_depend_on_other_rules() {
    let ids =
        |lines: &str| compiled(lines).program.nodes.iter().map(|n| n.id).collect::<std::collections::BTreeSet<_>>();
    let alone = ids("!a = sum(rate(x[5m])) > 1");
    let with_others = ids("!a = sum(rate(x[5m])) > 1\nz = y\n!c = z > 2");
    assert!(alone.is_subset(&with_others));
}

#[test]
fn literals_fold() {
    let compiled = compiled("a = x > 2 * (3 + 4) ^ 2");
    assert!(compiled.program.nodes.iter().any(|n| n.op == Op::Number(98.0)));
    assert_eq!(compiled.program.nodes.len(), 4);
}

#[test]
fn equal_rules_keep_their_own_state() {
    let compiled = compiled("!a = x > 1\n!a = x > 1");
    assert_ne!(compiled.rules[0].root, compiled.rules[1].root);
}

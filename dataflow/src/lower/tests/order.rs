//! The total order (step, file, group, rule): what a selector sees of other rules.
use super::*;
use bellwether_operators::program::{NodeIdx, Op, Program};

fn clips(compiled: &Compiled) -> Vec<Option<i64>> {
    compiled.program.selectors.iter().flat_map(|s| s.producers.iter().map(|p| p.clip_ms)).collect()
}

fn positions(program: &Program, wanted: impl Fn(&Op) -> bool) -> Vec<(usize, usize, NodeIdx)> {
    let mut found = Vec::new();
    for (p, phase) in program.phases.iter().enumerate() {
        for (s, stage) in phase.stages.iter().enumerate() {
            found.extend(stage.eval.iter().filter(|n| wanted(&program.nodes[**n].op)).map(|n| (p, s, *n)));
        }
    }
    found
}

#[test]
fn an_earlier_rule_is_seen_at_its_own_instant() {
    let c = compiled("r = sum(x)\n!a = r > 1");
    assert_eq!(clips(&c), [None]);
    let record = positions(&c.program, |op| matches!(op, Op::Record(_)));
    let leaf = positions(&c.program, |op| matches!(op, Op::Instant { selector: 1, .. }));
    assert!(record < leaf, "{record:?} {leaf:?}");
}

#[test]
fn a_later_rule_is_seen_one_evaluation_late() {
    let c = compiled("!a = r > 1\nr = sum(x)");
    assert_eq!(clips(&c), [Some(1)]);
    assert!(c.program.phases.iter().all(|p| !p.stepwise), "no cycle");
    assert_eq!(clips(&compiled("!a = rate(r[5m]) > 1\nr = sum(x)")), [Some(1)], "whatever the window's borders mean");
    assert_eq!(clips(&compiled("!a = r offset 1m > 1\nr = sum(x)")), [None], "the offset hides the newest one anyway");
}

#[test]
fn query_offsets_shift_what_is_seen() {
    assert_eq!(clips(&compiled("@30s r = sum(x)\n!a = r > 1")), [Some(30_000)]);
    assert_eq!(clips(&compiled("r = sum(x)\n@30s !a = r > 1")), [None]);
    assert_eq!(clips(&compiled("@30s !a = r > 1\nr = sum(x)")), [None], "its newest visible stamp is after t");
}

#[test]
fn a_rule_that_reads_itself_runs_step_by_step() {
    let c = compiled("r = r + 1 or vector(0)\n!a = r > 1\n!b = y > 1");
    assert_eq!(c.program.phases.iter().map(|p| p.stepwise).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(c.rules[0].horizon_ms, 300_000, "lookback once");
    assert_eq!(c.rules[1].horizon_ms, 600_000);
    assert_eq!(c.rules[2].horizon_ms, 300_000);
}

#[test]
fn rules_that_read_each_other_run_step_by_step_together() {
    let c = compiled("a = b + x\nb = a * 2");
    assert_eq!(clips(&c), [Some(1), None]);
    assert_eq!(c.program.phases.iter().filter(|p| p.stepwise).count(), 1);
}

#[test]
fn reading_alerts_of_another_alert_is_no_cycle() {
    let c = compiled(
        "!InfoInhibitor{severity=\"none\"} = ALERTS{severity=\"info\"} == 1 unless on (namespace) ALERTS{alertname!=\"InfoInhibitor\",severity=~\"warning|critical\",alertstate=\"firing\"} == 1\n!Disk{severity=\"info\"} = x > 1\n!Cpu{severity=\"critical\"} = y > 1",
    );
    assert!(c.program.phases.iter().all(|p| !p.stepwise));
    assert_eq!(clips(&c), [Some(1), Some(1)]);
}

#[test]
fn matchers_exclude_producers() {
    let c = compiled(
        "r{env=\"prod\"} = sum(x)\na = r{env=\"dev\"}\nb = {__name__=~\"r|s\",env=~\"p.+\"}\nc = ALERTS{alertstate=\"inactive\"}\n!d = y",
    );
    let reads: Vec<usize> = c.program.selectors.iter().map(|s| s.producers.len()).collect();
    assert_eq!(reads, [0, 0, 1, 0, 0]);
}

#[test]
fn look_ahead_goes_through_recorded_series() {
    let c = compiled(
        "r = x offset -10m\n!a = r > 1\n!b = r offset 4m > 1\n!d = max_over_time((x offset -1m)[5m:1m] offset 30s) > 1",
    );
    let wait = |i: usize| c.program.grids[c.program.nodes[c.rules[i].root].grid].wait_ms;
    assert_eq!([wait(0), wait(1), wait(2), wait(3)], [600_000, 600_000, 360_000, 30_000]);
}

#[test]
fn horizons_add_up() {
    let c = compiled(
        "r = rate(x[10m])\n!a = max_over_time(r[1h] offset 1d) > 1\n!b = max_over_time(rate(x[5m])[1h:1m]) > 1",
    );
    let horizons: Vec<i64> = c.rules.iter().map(|r| r.horizon_ms / 60_000).collect();
    assert_eq!(horizons, [10, 24 * 60 + 60 + 10, 65]);
    assert_eq!(c.program.horizon_ms, c.rules[1].horizon_ms);
    // An alert knows its own.
    let reads = |rule: usize| match &c.program.nodes[c.rules[rule].root].op {
        Op::Alert(spec) => spec.reads_ms / 60_000,
        other => panic!("{other:?}"),
    };
    assert_eq!([1, 2].map(reads), [24 * 60 + 60 + 10, 65]);
}

#[test]
fn what_rests_on_absence_says_for_how_long() {
    let c = compiled(
        "!a = x > 1\n!b = absent(x)\n!c = absent_over_time(x[1h] offset 5m)\n!d = x unless y\n\
         !e = x > 1 or y > 1\n!f = (sum(x) or vector(0)) < 1\nr = sum(rate(x[10m])) or vector(0)\n!g = r < 1\n\
         !h = x > scalar(y offset 2m)\n!i = rate(x[1d]) > 1 unless on () max_over_time(y[1m])",
    );
    let minutes = |rule: usize| match &c.program.nodes[c.rules[rule].root].op {
        Op::Alert(spec) => spec.absence_ms / 60_000,
        other => panic!("{other:?}"),
    };
    assert_eq!([0, 1, 2, 3, 4, 5, 7, 8, 9].map(minutes), [0, 5, 65, 5, 0, 5, 10, 7, 1]);
}

//! Rule groups by hand: what the naive simulation says, written out as a timeline.

#![allow(clippy::unwrap_used, clippy::panic)]

use bellwether_model::{Labels, Sample, Transition, is_stale};
use bellwether_oracle::{Group, History, Oracle, Outcome, Rule, RuleKind};
use bellwether_test_support::script::{Value, notation::parse_series};

const MINUTE: i64 = 60_000;

/// Samples a minute apart, from the scripts' notation.
fn oracle(lines: &[&str]) -> Oracle {
    let mut samples = Vec::new();
    for line in lines {
        let (labels, values) = parse_series(line).unwrap();
        for (i, value) in values.into_iter().enumerate() {
            let Some(Value::Float(value)) = value else { continue };
            samples.push(Sample::float(labels.clone(), i as i64 * MINUTE, value));
        }
    }
    Oracle::new(samples)
}

fn rule(name: &str, expr: &str, kind: RuleKind) -> Rule {
    Rule { name: name.into(), expr: expr.into(), labels: vec![("severity".into(), "page".into())], kind }
}

fn alert(name: &str, expr: &str, for_minutes: i64, keep_minutes: i64) -> Rule {
    let kind = RuleKind::Alert { for_ms: for_minutes * MINUTE, keep_firing_for_ms: keep_minutes * MINUTE };
    rule(name, expr, kind)
}

fn group(rules: Vec<Rule>) -> Group {
    Group {
        file: "a.yml".into(),
        name: "g".into(),
        interval_ms: MINUTE,
        phase_ms: 0,
        query_offset_ms: 0,
        limit: 0,
        rules,
    }
}

fn run(oracle: &Oracle, groups: &[Group], minutes: i64) -> History {
    oracle.alerts(groups, 0, minutes * MINUTE).unwrap()
}

/// Transitions as (minute, instance, what).
fn timeline(h: &History) -> Vec<(i64, String, Transition)> {
    h.transitions.iter().map(|t| (t.step_ms / MINUTE, t.labels.get("instance").to_owned(), t.transition)).collect()
}

#[test]
fn an_alert_is_pending_then_fires_then_resolves() {
    use Transition::{Dropped, Firing, Pending, Resolved};
    let o = oracle(&["up{instance=\"a\"} 0 0 0 1 1 1", "up{instance=\"b\"} 1 0 1 1 1 1"]);
    let h = run(&o, &[group(vec![alert("Down", "up == 0", 2, 0)])], 5);
    let (a, b) = (|| "a".to_owned(), || "b".to_owned());
    let want = [(0, a(), Pending), (1, b(), Pending), (2, a(), Firing), (2, b(), Dropped), (3, a(), Resolved)];
    assert_eq!(timeline(&h), want);
    let fired = &h.transitions[2];
    assert_eq!((fired.active_at_ms, fired.fired_at_ms), (0, Some(2 * MINUTE)));
    assert_eq!(fired.labels.to_string(), "{alertname=\"Down\", instance=\"a\", severity=\"page\"}");
}

#[test]
fn a_firing_alert_is_kept_firing() {
    use Transition::{Firing, Resolved};
    let o = oracle(&["up{instance=\"a\"} 0 1 1 0 1 1 1 1 1"]);
    let h = run(&o, &[group(vec![alert("Down", "up == 0", 0, 2)])], 8);
    // The second outage at minute 3 starts the keeping anew.
    assert_eq!(timeline(&h), [(0, "a".into(), Firing), (6, "a".into(), Resolved)]);
}

#[test]
fn rules_read_what_earlier_rules_wrote() {
    let o = oracle(&["x 1 2 _ 4", "up{instance=\"a\"} 0 0 1 1"]);
    let rules = vec![
        rule("y", "x > 1", RuleKind::Record),
        rule("z", "y * 10", RuleKind::Record),
        alert("Down", "up == 0", 1, 0),
        rule("n", "count(ALERTS{alertstate=\"firing\"})", RuleKind::Record),
    ];
    let h = run(&o, &[group(rules)], 3);
    let written = |name: &str| -> Vec<(i64, f64)> {
        let of = h.samples.iter().filter(|s| s.labels.metric_name() == name);
        of.map(|s| (s.timestamp_ms / MINUTE, if is_stale(s.value.float()) { -1.0 } else { s.value.float() })).collect()
    };
    assert_eq!(written("y"), [(1, 2.0), (2, 2.0), (3, 4.0)]);
    assert_eq!(written("z"), [(1, 20.0), (2, 20.0), (3, 40.0)]);
    // The pending series ends when the alert fires, the firing one when it resolves: the count ends with it.
    assert_eq!(written("n"), [(1, 1.0), (2, -1.0)]);
    assert_eq!(written("ALERTS"), [(0, 1.0), (1, 1.0), (1, -1.0), (2, -1.0)]);
}

#[test]
fn what_is_written_has_the_stamp_of_what_was_read() {
    let o = oracle(&["x 1 2 3"]);
    let mut g = group(vec![rule("y", "x", RuleKind::Record)]);
    g.query_offset_ms = MINUTE;
    let h = run(&o, &[g], 2);
    let stamps: Vec<(i64, f64)> = h.samples.iter().map(|s| (s.timestamp_ms / MINUTE, s.value.float())).collect();
    assert_eq!(stamps, [(0, 1.0), (1, 2.0)]);
}

#[test]
fn an_error_keeps_alerts_and_writes_nothing() {
    use Transition::{Firing, Resolved};
    // At minute 1 two series are on the "one" side; at minute 2 one of them has gone.
    let o = oracle(&["x{instance=\"a\"} 1 1 1 0", "y{v=\"1\"} 1 1 1 1", "y{v=\"2\"} _ 1 stale"]);
    let h = run(&o, &[group(vec![alert("A", "x == on() group_left() y", 0, 0)])], 3);
    assert_eq!(timeline(&h), [(0, "a".into(), Firing), (3, "a".into(), Resolved)]);
    assert!(matches!(&h.evaluations[1].outcome, Outcome::Failed(m) if m.contains("many-to-many")));
    assert!(h.samples.iter().all(|s| s.timestamp_ms != MINUTE));
}

#[test]
fn a_limit_drops_all_alerts_of_the_rule() {
    use Transition::{Dropped, Firing};
    let o = oracle(&["up{instance=\"a\"} 0 0 0", "up{instance=\"b\"} 1 0 1"]);
    let mut g = group(vec![alert("Down", "up == 0", 0, 0)]);
    g.limit = 1;
    let h = run(&o, &[g], 2);
    let a = || "a".to_owned();
    assert_eq!(timeline(&h), [(0, a(), Firing), (1, a(), Dropped), (2, a(), Firing)]);
    assert_eq!(h.evaluations[1].outcome, Outcome::Failed("exceeded limit of 1 with 2 alerts".into()));
}

#[test]
fn one_identity_twice_fails_the_rule() {
    let o = oracle(&["p{instance=\"a\"} 1", "q{instance=\"a\"} 1"]);
    let rules = vec![alert("A", "{instance=\"a\"}", 0, 0), rule("r", "{instance=\"a\"}", RuleKind::Record)];
    let h = run(&o, &[group(rules)], 0);
    let failed = h.evaluations.iter().filter(|e| matches!(e.outcome, Outcome::Failed(_)));
    assert_eq!((failed.count(), h.samples.len()), (2, 0));
}

#[test]
fn groups_run_on_their_own_grids_in_the_order_of_the_list() {
    let o = oracle(&["x 1x10"]);
    let mut slow = group(vec![rule("slow", "x", RuleKind::Record)]);
    slow.interval_ms = 2 * MINUTE;
    slow.phase_ms = MINUTE;
    let fast = group(vec![rule("fast", "x + vector(1)", RuleKind::Record), rule("s", "1", RuleKind::Record)]);
    let h = run(&o, &[slow, fast], 3);
    let order: Vec<(i64, usize, usize)> = h.evaluations.iter().map(|e| (e.step_ms / MINUTE, e.group, e.rule)).collect();
    let fast_at = |m| [(m, 1, 0), (m, 1, 1)];
    let mut want = fast_at(0).to_vec();
    want.push((1, 0, 0));
    want.extend(fast_at(1));
    want.extend(fast_at(2));
    want.push((3, 0, 0));
    want.extend(fast_at(3));
    assert_eq!(order, want);
    // A scalar is one element without labels.
    let Outcome::Result { rows, .. } = &h.evaluations[1].outcome else { panic!() };
    assert_eq!(rows, &[(Labels::empty(), bellwether_model::Value::Float(1.0))]);
}

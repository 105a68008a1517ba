//! Another rule set is put in force in the middle of a run: what did not change does not notice, what was removed ends,
//! what is new begins, and state follows its identity to wherever the new program places it.

use super::whole::{END_MS, RULES, assert_same, backtest, between, go, of, program_of, samples};
use super::*;
use crate::lower::Options;
use bellwether_model::{Decision, Transition};
use std::collections::BTreeMap;

/// Rules that stay.
const STAYS: &str = r#"
groups:
  - name: stays
    interval: 30s
    rules:
      - record: job:load:avg
        expr: avg by (job) (load)
      - alert: HighLoad
        expr: job:load:avg > 48
        for: 1m
      - alert: Trend
        expr: avg_over_time(job:load:avg[5m:1m]) > 47.5
      - alert: Warm
        expr: max by (instance) ({__name__=~"temp_.*"}) > 85
        for: 1m
"#;

/// Rules that are removed; `Hot` shares a node with `Warm`, which stays.
const GOES: &str = r#"
  - name: goes
    rules:
      - alert: Hot
        expr: max by (instance) ({__name__=~"temp_.*"}) > 90
      - alert: HighTrend
        expr: avg_over_time(job:load:avg[5m:1m]) > 48
        for: 1m
"#;

/// Rules that are new.
const COMES: &str = r#"
  - name: comes
    rules:
      - alert: OneJob
        expr: job:load:avg{job="job-1"} > 47
      - alert: Longer
        expr: avg_over_time(job:load:avg[4m]) > 48
      - alert: Grows
        expr: increase(requests_total[10m]) > 2000
        for: 1m
"#;

/// Rules that change, given the expressions of two.
fn changes(moved: &str, regrouped: &str) -> String {
    format!(
        r#"
  - name: changes
    rules:
      - alert: Moved
        expr: {moved}
        for: 2m
        keep_firing_for: 1m
      - alert: Regrouped
        expr: {regrouped}
      - alert: Watcher
        expr: count by (instance) (ALERTS{{alertname="Moved"}}) > 0
"#
    )
}

/// The rules before the swap, and after it: `Moved` gives what it gave, but on the workers that own the jobs; `Regrouped` has
/// other identities.
fn rule_sets() -> (String, String) {
    let after = changes("up == 0 and on (job) group by (job) (up)", "sum by (job) (up) < 3");
    (format!("{STAYS}{GOES}{}", changes("up == 0", "up == 0")), format!("{STAYS}{after}{COMES}"))
}

const BLOCK_MS: i64 = 60_000;

/// Runs `before` up to an epoch and `after` from there on. Where it `loads`, an epoch between them reads the horizon again.
fn swapped(workers: usize, at: usize, loads: bool, before: &Arc<Program>, after: &Arc<Program>) -> Vec<Decision> {
    let samples = samples();
    let mut epochs = Vec::new();
    for (i, span) in backtest(BLOCK_MS).iter().enumerate() {
        let mut program = [(0, before), (at, after)].into_iter().find(|(n, _)| *n == i).map(|(_, p)| Arc::clone(p));
        let mut binding = span.binding(None);
        binding.times.epoch *= 2;
        if i == at && loads {
            let mut load = Binding { load_only: true, program: program.take(), ..binding.clone() };
            load.times.epoch -= 1;
            load.times.watermark_ms = span.after_ms;
            epochs.push((load, between(&samples, span.after_ms - after.horizon_ms, span.after_ms)));
        }
        binding.program = program;
        epochs.push((binding, between(&samples, span.after_ms, span.upto_ms)));
    }
    go(config(workers, Mode::Threads), epochs).1
}

/// A run of one program whose alerts begin at `from_ms`.
fn alone(program: &Arc<Program>, from_ms: i64) -> Vec<Decision> {
    let (samples, mut program) = (samples(), Some(Arc::clone(program)));
    let epochs = backtest(BLOCK_MS).iter().map(|span| {
        let mut binding = span.binding(program.take());
        binding.times.from_ms = from_ms;
        (binding, between(&samples, span.after_ms, span.upto_ms))
    });
    go(config(1, Mode::Threads), epochs.collect()).1
}

fn upto(all: &[Decision], upto_ms: i64) -> Vec<Decision> {
    all.iter().filter(|d| d.step_ms <= upto_ms).cloned().collect()
}

fn named(all: &[Decision], names: &[&str]) -> Vec<Decision> {
    all.iter().filter(|d| names.contains(&d.alert.as_str())).cloned().collect()
}

/// Decisions without what names the version of a rule.
fn unversioned(all: &[Decision]) -> Vec<Decision> {
    all.iter().map(|d| Decision { decision_id: 0, ..d.clone() }).collect()
}

/// What of these decisions is still open at their end, by identity.
fn open(all: &[Decision]) -> BTreeMap<String, Decision> {
    let mut open = BTreeMap::new();
    for d in all {
        let key = format!("{} {}", d.alert, d.labels);
        match d.transition {
            Transition::Pending | Transition::Firing => drop(open.insert(key, d.clone())),
            _ => drop(open.remove(&key)),
        }
    }
    open
}

/// The ends of `open` as one sees them without annotations: (alert, labels, transition, step).
fn ends(all: &[Decision]) -> Vec<(String, String, Transition, i64)> {
    let mut ends: Vec<_> = all
        .iter()
        .filter(|d| matches!(d.transition, Transition::Dropped | Transition::Resolved))
        .map(|d| (d.alert.clone(), d.labels.to_string(), d.transition, d.step_ms))
        .collect();
    ends.sort_by(|a, b| (a.3, &a.0, &a.1).cmp(&(b.3, &b.0, &b.1)));
    ends
}

#[test]
fn a_swap_keeps_moves_ends_and_begins() {
    let (before, after) = rule_sets();
    let (before, after) = (program_of(&before, &Options::default()), program_of(&after, &Options::default()));
    let old = alone(&before, 300_000);
    for (at, loads) in [(12, false), (19, true), (33, true)] {
        let swap_ms = backtest(BLOCK_MS).get(at as u64).unwrap().after_ms;
        let new = alone(&after, swap_ms + 1);
        for workers in 1..=4 {
            let got = swapped(workers, at, loads, &before, &after);
            let what = |name: &str| format!("{name}, epoch {at}, {workers} workers");
            for name in ["HighLoad", "Trend", "Warm"] {
                assert!(of(&old, name) > 0, "{name}");
                assert_same(&named(&got, &[name]), &named(&old, &[name]), &what(name));
            }
            for name in ["Moved", "Watcher"] {
                let (got, old) = (unversioned(&named(&got, &[name])), unversioned(&named(&old, &[name])));
                assert!(!open(&upto(&old, swap_ms)).is_empty(), "{name}: nothing to move");
                assert_same(&got, &old, &what(name));
            }
            for name in ["Hot", "HighTrend"] {
                let past = upto(&named(&old, &[name]), swap_ms);
                let ended = |d: Decision| (d.alert, d.labels.to_string(), Transition::Dropped, swap_ms);
                let mut want = ends(&past);
                want.extend(open(&past).into_values().map(ended));
                assert_eq!(ends(&named(&got, &[name])), want, "{}", what(name));
                assert_same(&upto(&named(&got, &[name]), swap_ms - 1), &upto(&past, swap_ms - 1), &what(name));
            }
            // Other identities: the old alerts end at the first step of the new expression.
            let past = upto(&named(&old, &["Regrouped"]), swap_ms);
            let ended = |d: Decision| (d.alert, d.labels.to_string(), Transition::Resolved, swap_ms + BLOCK_MS);
            let mut want = ends(&past);
            want.extend(open(&past).into_values().map(ended));
            want.extend(ends(&named(&new, &["Regrouped"])));
            want.sort_by(|a, b| (a.3, &a.0, &a.1).cmp(&(b.3, &b.0, &b.1)));
            assert_eq!(ends(&named(&got, &["Regrouped"])), want, "{}", what("Regrouped"));
            for name in ["OneJob", "Longer", "Grows"] {
                // A window that nobody had before is full only where the horizon was read again.
                if loads || name != "Grows" {
                    assert!(of(&new, name) > 0, "{name}");
                    assert_same(&named(&got, &[name]), &named(&new, &[name]), &what(name));
                }
            }
        }
    }
}

#[test]
fn another_placement_of_the_same_rules_changes_nothing() {
    let compiled = |exchange_everywhere| program_of(RULES, &Options { exchange_everywhere, ..Options::default() });
    let (local, everywhere) = (compiled(false), compiled(true));
    let expected = alone(&local, 300_000);
    for (workers, at) in [(1, 9), (2, 14), (3, 22), (4, 31)] {
        for (before, after) in [(&local, &everywhere), (&everywhere, &local)] {
            let got = swapped(workers, at, false, before, after);
            assert_same(&got, &expected, &format!("{workers} workers, epoch {at} of {}", END_MS / BLOCK_MS));
        }
    }
}

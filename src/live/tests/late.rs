//! Samples that come late, and the decisions that they change.

use super::*;
use bellwether_dataflow::lower::{Late, LatePolicy, LateRule};
use serde_json::Value;
use std::collections::BTreeMap;

const WITHIN_MS: i64 = 60_000;

fn world(policy: LatePolicy) -> World {
    // Thresholds that a late sample can tip.
    let mut world = World::with_rules(1, &RULES.replace("> 0.5", "> 1.2").replace("> 1.5", "> 4.5"));
    // It is replayed from its first epoch.
    world.config.retention_ms = 3_600_000;
    world.config.options.late = Late { policy, within_ms: WITHIN_MS, rules: Vec::new() };
    world
}

/// The tick in which the samples of a host at a tick come.
type Arrives = fn(i64, i64) -> i64;

/// Now and then late, by up to 65 s, and out of order; two hosts are cut off for a while, and one sample is too late for anything.
fn late(host: i64, tick: i64) -> i64 {
    match (host, tick) {
        (1, 20..30) | (3, 52..60) => tick.div_euclid(10) * 10 + 10,
        (0 | 2, 40..52) => 52,
        (0, 100..101) => 119,
        _ if (tick * 7 + host * 3) % 11 < 3 => tick + 3 + (tick + host) % 11,
        _ => tick,
    }
}

/// Sends what comes in a tick; tick by tick, so that each series stays in order.
fn send(world: &World, run: &LiveRun, now: i64, arrives: Arrives) {
    let intake = run.handle().intake();
    let mut rows = Rows::default();
    for tick in (now - 20).max(0)..=now {
        for (i, (labels, stamp_ms, value)) in samples(tick).into_iter().enumerate() {
            let host = labels.get("instance")[1..].parse().unwrap_or(i as i64);
            if arrives(host, tick) == now {
                rows.push(intake.dictionary().define(&labels).0, stamp_ms, value);
            }
        }
    }
    append(world, run, now, rows);
}

/// Takes what came in a tick. Time goes on behind it, so that no epoch of this tick is cut before; a series that nobody reads
/// has one cut then.
fn append(world: &World, run: &LiveRun, now: i64, rows: Rows) {
    let intake = run.handle().intake();
    let mut beat = Rows::default();
    let series = intake.dictionary().define(&Labels::from_pairs([("__name__", "other")])).0;
    beat.push(series, START_MS + now * TICK_MS, 0.0);
    if !rows.is_empty() {
        assert!(intake.append("sender", rows).unwrap().blocking_recv().unwrap().is_ok());
    }
    world.clock.set(now_ms(now));
    assert!(intake.append("sender", beat).unwrap().blocking_recv().unwrap().is_ok());
    assert!(world.settle_at(run, now_ms(now)));
}

/// The wall clock of a tick: no watermark falls on a step, so nobody is late by a hair.
fn now_ms(tick: i64) -> i64 {
    START_MS + tick * TICK_MS + 2_000
}

/// Runs all ticks, with a crash after each of `crashes`, on more workers each time.
fn lived(world: &World, arrives: Arrives, crashes: &[i64]) -> Vec<String> {
    let mut workers = 1;
    let mut run = world.start(workers).unwrap();
    for tick in 0..TICKS {
        send(world, &run, tick, arrives);
        if crashes.contains(&tick) {
            world.crash(run);
            workers = workers % 4 + 1;
            run = world.start(workers).unwrap();
        }
    }
    run.stop().unwrap();
    world.ledger().iter().map(|line| named(line)).collect()
}

/// A line without the id that it supersedes, which depends on where the rules are.
fn named(line: &str) -> String {
    let mut value: Value = serde_json::from_str(line).unwrap();
    if let Some(supersedes) = value.get_mut("supersedes") {
        *supersedes = Value::from("another");
    }
    value.to_string()
}

/// What identifies a decision, and what it says.
fn said(line: &str) -> ((String, String, i64, String), String) {
    let v: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| v[name].as_str().unwrap().to_owned();
    let key = (text("alert"), v["labels"].to_string(), v["step_ms"].as_i64().unwrap(), text("transition"));
    (key, format!("{} {} {}", v["value"], v["active_at_ms"], v["annotations"]))
}

fn is_correction(line: &str) -> bool {
    serde_json::from_str::<Value>(line).unwrap()["revision"] == 1
}

/// First decisions with all corrections made, up to the last step that is settled at the end.
fn amended(ledger: &[String]) -> BTreeMap<(String, String, i64, String), String> {
    let (corrections, first): (Vec<&String>, Vec<&String>) = ledger.iter().partition(|line| is_correction(line));
    let mut all: BTreeMap<_, _> = first.into_iter().map(|line| said(line)).collect();
    for line in corrections {
        let v: Value = serde_json::from_str(line).unwrap();
        let (key, says) = said(line);
        match v["correction"].as_str().unwrap() {
            "missed" => assert_eq!(all.insert(key, says), None, "{line}"),
            "changed" => assert!(all.insert(key, says.clone()).is_some_and(|before| before != says), "{line}"),
            "withdrawn" => assert!(all.remove(&key).is_some(), "{line}"),
            other => panic!("{other}"),
        }
    }
    // The last steps, and those of rules whose query offset has them wait for longer.
    let settled_ms = START_MS + TICKS * TICK_MS - LATENESS_MS - WITHIN_MS - 30_000;
    all.retain(|(.., step_ms, _), _| *step_ms <= settled_ms);
    all
}

#[test]
fn first_decisions_and_corrections_are_what_samples_in_time_would_have_given() {
    let in_time = lived(&world(LatePolicy::Audit), |_, tick| tick, &[]);
    let corrections: Vec<_> = in_time.iter().filter(|line| is_correction(line)).collect();
    assert!(corrections.is_empty(), "nothing was late: {corrections:#?}");
    assert_eq!(
        in_time,
        lived(&world(LatePolicy::Ignore), |_, tick| tick, &[]),
        "and first decisions are as they are without a second evaluation"
    );
    let cut_off = world(LatePolicy::Audit);
    let ledger = lived(&cut_off, late, &[]);
    let kinds = |kind: &str| ledger.iter().filter(|line| line.contains(&format!("\"correction\":\"{kind}\""))).count();
    let all = ["missed", "withdrawn", "changed"].map(kinds);
    assert!(all.iter().all(|n| *n > 3), "{all:?}");
    let (found, wanted) = (amended(&ledger), amended(&in_time));
    let differ: Vec<_> = wanted.iter().filter(|(k, v)| found.get(*k) != Some(v)).collect();
    assert!(found == wanted, "{differ:#?} of {} and {}", found.len(), wanted.len());
    cut_off.replays_alike();
}

#[test]
fn corrections_survive_crashes_on_any_number_of_workers() {
    let expected = lived(&world(LatePolicy::Amend), late, &[]);
    let disturbed = world(LatePolicy::Amend);
    let ledger = lived(&disturbed, late, &[3, 24, 31, 33, 47, 62, 79, 101]);
    let lost: Vec<_> = expected.iter().filter(|line| !ledger.contains(line)).collect();
    let more: Vec<_> = ledger.iter().filter(|line| !expected.contains(line)).collect();
    assert!(ledger == expected, "lost {lost:#?}, more {more:#?}");
    disturbed.replays_alike();
}

#[test]
fn a_policy_holds_for_the_alerts_that_it_names() {
    let mut named = world(LatePolicy::Ignore);
    let rule = |alert: &str, policy| LateRule { group: Some("g".to_owned()), alert: Some(alert.to_owned()), policy };
    named.config.options.late.rules = vec![rule("Follows", LatePolicy::Audit), rule("Behind", LatePolicy::Audit)];
    let ledger = lived(&named, late, &[40]);
    let all = lived(&world(LatePolicy::Audit), late, &[]);
    let of = |ledger: &[String], alert: &str| {
        let name = format!("\"alert\":\"{alert}\"");
        ledger.iter().filter(|l| is_correction(l) && l.contains(&name)).cloned().collect::<Vec<_>>()
    };
    // It reads what another alert, which is not named, would have been.
    assert!(!of(&all, "Follows").is_empty());
    assert_eq!(of(&ledger, "Follows"), of(&all, "Follows"));
    // `Behind` is of another group.
    assert_eq!(ledger.iter().filter(|l| is_correction(l)).count(), of(&ledger, "Follows").len());
    let first = |ledger: &[String]| ledger.iter().filter(|l| !is_correction(l)).cloned().collect::<Vec<_>>();
    assert_eq!(first(&ledger), first(&all), "first decisions do not depend on policies");
}

#[test]
fn what_was_missed_is_told_once_it_is_known_and_only_if_amended() {
    const RULE: &str = "
groups:
- name: g
  interval: 15s
  rules:
  - alert: Hot
    expr: heat > 1
";
    for (policy, is_told) in [(LatePolicy::Audit, false), (LatePolicy::Amend, true)] {
        let mut world = World::with_rules(1, RULE);
        world.config.options.late = Late { policy, within_ms: WITHIN_MS, rules: Vec::new() };
        let run = world.start(1).unwrap();
        let firing = || {
            let view = run.handle().view();
            let view = view.lock().unwrap();
            view.book.iter().filter(|a| a.decision.transition == bellwether_model::Transition::Firing).count()
        };
        let heat = Labels::from_pairs([("__name__", "heat")]);
        let mut seen = Vec::new();
        for tick in 0..60i64 {
            let intake = run.handle().intake();
            let mut rows = Rows::default();
            let series = intake.dictionary().define(&heat).0;
            // Between 50 s and 100 s it was hot: that comes at 110 s, with the rest.
            let ticks = if tick == 22 { 10..=22 } else { tick..=tick };
            for t in ticks.filter(|_| !(10..22).contains(&tick)) {
                rows.push(series, START_MS + t * TICK_MS, if (10..20).contains(&t) { 2.0 } else { 0.0 });
            }
            append(&world, &run, tick, rows);
            seen.push(firing());
        }
        let told: Vec<usize> = (0..seen.len()).filter(|t| seen[*t] > 0).collect();
        let lines = told_by(&world.ledger());
        assert_eq!(lines, ["missed firing at 55", "missed resolved at 100"]);
        run.stop().unwrap();
        // Watermarks of 55 s and 100 s and the lateness and `within` behind them.
        let expected: Vec<usize> = if is_told { (25..34).collect() } else { Vec::new() };
        assert_eq!(told, expected);
    }
}

fn told_by(ledger: &[String]) -> Vec<String> {
    let values = ledger.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut all: Vec<(i64, String)> = values
        .map(|v| {
            let at_s = (v["step_ms"].as_i64().unwrap() - START_MS) / 1_000;
            let text = |name: &str| v[name].as_str().unwrap().to_owned();
            (at_s, format!("{} {} at {at_s}", text("correction"), text("transition")))
        })
        .collect();
    all.sort();
    all.into_iter().map(|(_, text)| text).collect()
}

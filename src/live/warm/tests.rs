//! Rules that come while a run is going on say what they would have said, had they been there from the beginning.

#![allow(clippy::unwrap_used, clippy::panic)]

use crate::live::LiveRun;
use crate::live::tests::{RULES, START_MS, TICK_MS, World, archive, samples};
use bellwether_connectors::source::archive::Rolled;
use bellwether_connectors::source::intake::{Intake, Rows};
use bellwether_dataflow::lower::{Late, LatePolicy};
use std::time::{Duration, Instant};

/// Of what nobody read before, or not as far back; of what older rules record; with windows, subqueries and hold durations that
/// reach back.
const LATER: &str = r#"
- name: later
  interval: 15s
  rules:
  - record: job:queue:max
    expr: max by (job) (max_over_time(queue[2m]))
  - alert: Long
    expr: job:queue:max > 10
    for: 4m
  - alert: Each
    expr: avg_over_time(queue[1m]) > 25
    for: 45s
    annotations:
      summary: "{{ $value }} since {{ $labels.instance }}"
  - alert: Inner
    expr: max_over_time(sum(queue)[3m:15s]) > 150
    for: 2m
  - alert: Known
    expr: avg_over_time(job:up:count[2m]) > 1
    for: 3m
    keep_firing_for: 1m
  - alert: Missing
    expr: absent(nobody)
    for: 4m
  - alert: Seen
    expr: count(ALERTS{alertname="Long"}) > 0
    for: 2m
  - alert: Deep
    expr: avg_over_time(load[9m]) > 410
    for: 45s
"#;

/// Rules come with this tick.
const CHANGE: i64 = 130;
const TICKS: i64 = 200;

fn write(world: &World, rules: &str) {
    std::fs::write(&world.config.rules[0], rules).unwrap();
}

/// Reloads and waits until what was written is in force.
fn reload(world: &World, run: &LiveRun, tick: i64) {
    assert!(run.handle().reload().unwrap().is_some());
    let (before, begin) = (run.handle().table().version, Instant::now());
    for round in 0.. {
        if run.handle().table().version != before {
            break;
        }
        // The wall clock goes on, by less than a tick. What comes again makes an epoch.
        world.clock.set(START_MS + tick * TICK_MS + (round * 10).min(TICK_MS - 1));
        run.handle().intake().poke();
        if round % 40 == 39 {
            assert!(world.send(run, tick));
        }
        assert!(run.ended(Duration::from_millis(2)).is_none());
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", run.handle().last_reload());
    }
    assert_eq!(run.handle().last_reload().cold, None);
}

fn go(world: &World, run: &LiveRun, ticks: std::ops::Range<i64>) {
    for tick in ticks {
        world.go_to(run, tick);
        assert!(world.send(run, tick));
        if tick > AGO && tick % 4 == 0 {
            send_again(run, tick - AGO);
        }
        assert!(world.settle(run, tick));
    }
}

/// So many ticks later, when nobody reads it before the change.
const AGO: i64 = 84;

/// What was taken long ago comes again with another value, which counts nowhere.
fn send_again(run: &LiveRun, tick: i64) {
    let (intake, mut rows) = (run.handle().intake(), Rows::default());
    for (labels, stamp_ms, _) in samples(tick).into_iter().filter(|(labels, ..)| labels.metric_name() == "load") {
        rows.push(intake.dictionary().define(&labels).0, stamp_ms, -1.0);
    }
    intake.append("sender", rows).unwrap().blocking_recv().unwrap().unwrap();
}

/// Waits for other threads.
fn wait(until: impl Fn() -> bool) {
    let begin = Instant::now();
    while !until() {
        std::thread::sleep(Duration::from_millis(5));
        assert!(begin.elapsed() < Duration::from_secs(30), "nothing goes on");
    }
}

/// Everything before the change; where there is an archive, the log has given up by then what later rules read.
fn go_to_change(world: &World, run: &LiveRun) {
    go(world, run, 0..CHANGE - 12);
    if let Some(archive) = &world.config.archive {
        let cut_ms = || Rolled::read(&archive.folder).unwrap().and_then(|r| r.cut).map_or(0, |cut| cut.before_ms);
        wait(|| cut_ms() >= START_MS + (CHANGE - 24) * TICK_MS);
        go(world, run, CHANGE - 12..CHANGE);
        wait(|| run.handle().intake().log().whole_from_ms() > START_MS + 30 * TICK_MS);
    } else {
        go(world, run, CHANGE - 12..CHANGE);
    }
}

/// What was told of the later rules behind the change, without what is pending, and without when it was told that an alert
/// fires which did so before.
fn told(lines: &[String]) -> Vec<String> {
    let change_ms = START_MS + CHANGE * TICK_MS;
    let later = |line: &String| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        let is_told = value["group"] == "later"
            && value["transition"] != "pending"
            && value["step_ms"].as_i64().unwrap() > change_ms;
        if value["fired_at_ms"].as_i64().is_some_and(|at| at <= change_ms) {
            value["fired_at_ms"] = serde_json::Value::Null;
        }
        is_told.then(|| value.to_string())
    };
    lines.iter().filter_map(later).collect()
}

fn whole_rules() -> String {
    format!("{RULES}{LATER}")
}

/// Whoever has the rules from the beginning.
fn always() -> Vec<String> {
    let world = world(1);
    write(&world, &whole_rules());
    let run = world.start(1).unwrap();
    go(&world, &run, 0..TICKS);
    run.stop().unwrap();
    world.ledger()
}

/// A world whose log keeps everything.
fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    world.config.retention_ms = 3_600_000;
    world
}

/// Two worlds: one whose log keeps everything, and one where only the archive does.
fn worlds(seed: u64) -> [(World, Option<tempfile::TempDir>); 2] {
    let (archived, folder) = archive::world(seed);
    [(world(seed), None), (archived, Some(folder))]
}

#[test]
fn rules_that_come_later_begin_as_if_they_had_been_there() {
    let expected = told(&always());
    for alert in ["Long", "Each", "Inner", "Known", "Missing", "Seen"] {
        let has = expected.iter().any(|l| l.contains(&format!("\"alert\":\"{alert}\"")));
        // What fires before the change and goes on is told by nobody else.
        assert!(has || ["Long", "Known", "Missing", "Seen", "Inner"].contains(&alert), "{alert}: {expected:#?}");
    }
    let both = |workers| worlds(2).map(|world| (workers, world));
    for (workers, (world, _folder)) in (1..=3).flat_map(both) {
        let run = world.start(workers).unwrap();
        go_to_change(&world, &run);
        write(&world, &whole_rules());
        reload(&world, &run, CHANGE - 1);
        go(&world, &run, CHANGE..TICKS);
        run.stop().unwrap();
        let ledger = world.ledger();
        let got = told(&ledger);
        for line in &expected {
            let archives = world.config.archive.is_some();
            assert!(got.contains(line), "{workers} workers, archive {archives}: missing {line}\n{got:#?}");
        }
        // What was firing already is told when the rules come: at once, not after its hold duration.
        for alert in ["Long", "Known", "Missing", "Seen"] {
            let fires = |l: &&String| l.contains(&format!("\"alert\":\"{alert}\"")) && l.contains("\"firing\"");
            let line = ledger.iter().find(fires).unwrap_or_else(|| panic!("{alert} does not fire: {ledger:#?}"));
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let step = (value["step_ms"].as_i64().unwrap() - START_MS) / TICK_MS;
            assert!((CHANGE - 4..CHANGE + 4).contains(&step), "{alert} fires at tick {step}");
        }
    }
}

#[test]
fn a_crash_behind_the_change_and_a_replay_begin_them_alike() {
    let expected = told(&always());
    for (world, _folder) in worlds(3) {
        let mut run = world.start(2).unwrap();
        go_to_change(&world, &run);
        write(&world, &whole_rules());
        reload(&world, &run, CHANGE - 1);
        let mut from = CHANGE;
        for (workers, until) in [(1, CHANGE + 1), (3, CHANGE + 9), (2, TICKS)] {
            go(&world, &run, from..until);
            world.crash(run);
            run = world.start(workers).unwrap();
            assert!(world.send(&run, until - 1), "it is sent again after a gap");
            assert!(world.settle(&run, until - 1));
            from = until;
        }
        run.stop().unwrap();
        let got = told(&world.ledger());
        let archives = world.config.archive.is_some();
        for line in &expected {
            assert!(got.contains(line), "archive {archives}: missing {line}\n{got:#?}");
        }
        world.replays_alike();
    }
}

/// Its template asks for what nobody read before.
const ASKING: &str = r#"
- name: asking
  interval: 15s
  rules:
  - alert: Asking
    expr: sum by (job) (load) > 100
    annotations:
      window: '{{ query "sum(max_over_time(queue[2m]))" | first | value }}'
      inner: '{{ query "max_over_time(sum(queue)[2m:15s])" | first | value }}'
"#;

/// Sum over the series of what `queue` was at most, and the most that it was in sum, in the two minutes up to a step.
fn queues(step_ms: i64) -> (f64, f64) {
    let at =
        |ms: i64| samples((ms - START_MS) / TICK_MS).into_iter().filter(|(labels, ..)| labels.metric_name() == "queue");
    let values = |ms: i64| at(ms).map(|(_, _, value)| value);
    let most = (0..4).map(|i| (0..24).filter_map(|k| values(step_ms - k * TICK_MS).nth(i)).fold(0.0, f64::max)).sum();
    let inner = (0..8).map(|k| values(step_ms - k * 15_000).sum::<f64>()).fold(0.0, f64::max);
    (most, inner)
}

#[test]
fn what_a_new_rule_s_templates_query_is_warm() {
    for workers in [1, 2] {
        let world = world(6);
        let run = world.start(workers).unwrap();
        go(&world, &run, 0..CHANGE);
        write(&world, &format!("{RULES}{ASKING}"));
        reload(&world, &run, CHANGE - 1);
        go(&world, &run, CHANGE..CHANGE + 10);
        run.stop().unwrap();
        let ledger = world.ledger();
        let line = ledger.iter().find(|l| l.contains("\"alert\":\"Asking\"")).unwrap();
        let told: serde_json::Value = serde_json::from_str(line).unwrap();
        let (window, inner) = queues(told["step_ms"].as_i64().unwrap());
        assert_eq!(told["annotations"]["window"], window.to_string(), "{told}");
        assert_eq!(told["annotations"]["inner"], inner.to_string(), "{told}");
        world.replays_alike();
    }
}

#[test]
fn rules_that_come_are_not_corrected_where_nothing_is_late() {
    for workers in [1, 3] {
        let mut world = world(4);
        let late = Late { policy: LatePolicy::Audit, within_ms: 60_000, rules: Vec::new() };
        world.config.options.late = late;
        let mut run = world.start(workers).unwrap();
        go(&world, &run, 0..CHANGE);
        write(&world, &whole_rules());
        reload(&world, &run, CHANGE - 1);
        go(&world, &run, CHANGE..CHANGE + 7);
        world.crash(run);
        run = world.start(4 - workers).unwrap();
        go(&world, &run, CHANGE + 6..TICKS);
        run.stop().unwrap();
        let ledger = world.ledger();
        let corrections: Vec<_> = ledger.iter().filter(|line| line.contains("\"revision\":1")).collect();
        assert!(corrections.is_empty(), "{workers} workers: {corrections:#?}");
        assert!(ledger.iter().any(|line| line.contains("\"group\":\"later\"")));
    }
}

//! Rules that come while a run is going on, where its log is short and its archive long: what they read comes out of the archive.

use super::archive::{START_MS, TICK_MS, TICKS, World};
use bellwether::live::LiveRun;
use bellwether_connectors::source::archive::Rolled;
use std::time::{Duration, Instant};

const BASE: &str = r#"
groups:
- name: g
  interval: 15s
  rules:
  - alert: High
    expr: rate(load[1m]) > 0.5
    for: 30s
"#;

/// Of what nobody read before, some of which comes late, though before a step looks at it; with windows and hold durations
/// that reach behind the log.
const LATER: &str = r#"
- name: later
  interval: 15s
  rules:
  - record: job:lag:max
    expr: max by (job) (max_over_time(lag[4m] offset 30s))
  - alert: Long
    expr: job:lag:max > 10
    for: 3m
  - alert: Deep
    expr: avg_over_time(load[6m]) > 450
    for: 45s
  - alert: Late
    expr: avg(avg_over_time(lag[4m] offset 30s)) > 24.4
    for: 30s
  - alert: Many
    expr: sum(count_over_time(size[5m])) > 50
    for: 3m
  - alert: Missing
    expr: absent(nobody)
    for: 3m
"#;

/// Rules come with this tick.
const CHANGE: i64 = 110;

/// What was told of the later rules behind the change, without what is pending, and without when it was told that an alert
/// fires which did so before.
fn told(lines: &[String]) -> Vec<String> {
    let later = |line: &String| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["file", "alert_id", "episode_id", "decision_id"] {
            // The folder is part of it.
            value.as_object_mut().unwrap().remove(key);
        }
        let is_told = value["group"] == "later"
            && value["transition"] != "pending"
            && value["step_ms"].as_i64().unwrap() > START_MS + CHANGE * TICK_MS;
        if value["fired_at_ms"].as_i64().is_some_and(|at| at <= START_MS + CHANGE * TICK_MS) {
            value["fired_at_ms"] = serde_json::Value::Null;
        }
        is_told.then(|| value.to_string())
    };
    lines.iter().filter_map(later).collect()
}

fn rules() -> String {
    format!("{BASE}{LATER}")
}

/// Waits for other threads.
fn wait(until: impl Fn() -> bool) {
    let begin = Instant::now();
    while !until() {
        std::thread::sleep(Duration::from_millis(5));
        assert!(begin.elapsed() < Duration::from_secs(30), "nothing goes on");
    }
}

/// Reloads and waits until what was written is in force.
fn reload(world: &mut World, run: &LiveRun) {
    world.place.write("rules.yml", rules());
    assert!(run.handle().reload().unwrap().is_some());
    let (before, begin) = (run.handle().table().version, Instant::now());
    for round in 0.. {
        if run.handle().table().version != before {
            break;
        }
        // The wall clock goes on, by less than a tick. What comes again makes an epoch.
        world.clock.set(START_MS + (CHANGE - 1) * TICK_MS + (round * 10).min(TICK_MS - 1));
        run.handle().intake().poke();
        if round % 40 == 39 {
            world.send(run, CHANGE - 1);
        }
        assert!(run.ended(Duration::from_millis(2)).is_none());
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", run.handle().last_reload());
    }
    assert_eq!(run.handle().last_reload().cold, None);
}

/// A run under some rules, of which some samples come late.
fn world(rules: &str) -> World {
    let world = World::new(true);
    world.place.write("rules.yml", rules);
    world
}

/// Whoever has the rules from the beginning.
fn always() -> Vec<String> {
    let mut world = world(&rules());
    let run = world.start(1);
    world.live(&run, 0..TICKS);
    run.stop().unwrap();
    told(&world.decisions("state/decisions.jsonl"))
}

#[test]
fn rules_that_reach_behind_the_log_begin_out_of_the_archive() {
    let expected = always();
    for alert in ["Deep", "Late"] {
        assert!(expected.iter().any(|l| l.contains(&format!("\"alert\":\"{alert}\""))), "{alert}: {expected:#?}");
    }
    for crashes in [false, true] {
        let mut world = world(BASE);
        let mut run = world.start(1);
        world.live(&run, 0..CHANGE - 8);
        let cut_ms = || Rolled::read(&world.archive()).unwrap().and_then(|r| r.cut).map_or(0, |cut| cut.before_ms);
        wait(|| cut_ms() >= START_MS + (CHANGE - 32) * TICK_MS);
        world.live(&run, CHANGE - 8..CHANGE);
        // What is asked for is not in the log any more.
        wait(|| run.handle().intake().log().whole_from_ms() > START_MS + (CHANGE - 40) * TICK_MS);
        reload(&mut world, &run);
        world.live(&run, CHANGE..CHANGE + 2);
        if crashes {
            run.abandon();
            run = world.start(3);
        }
        world.live(&run, CHANGE + 2..CHANGE + 20);
        if crashes {
            run.abandon();
            run = world.start(2);
        }
        world.live(&run, CHANGE + 20..TICKS);
        let view = run.handle().view();
        run.stop().unwrap();
        world.hash = view.lock().unwrap().rolling_hash;
        let ledger = world.decisions("state/decisions.jsonl");
        let got = told(&ledger);
        for line in &expected {
            assert!(got.contains(line), "crashes {crashes}: missing {line}\n{got:#?}");
        }
        // What was firing already is told when the rules come: at once, not after its hold duration.
        for alert in ["Long", "Many", "Missing"] {
            let fires = |l: &&String| l.contains(&format!("\"alert\":\"{alert}\"")) && l.contains("\"firing\"");
            let line = ledger.iter().find(fires).unwrap_or_else(|| panic!("{alert} does not fire: {ledger:#?}"));
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let step = (value["step_ms"].as_i64().unwrap() - START_MS) / TICK_MS;
            assert!((CHANGE - 4..CHANGE + 4).contains(&step), "{alert} fires at tick {step}");
        }
        world.replays_alike();
    }
}

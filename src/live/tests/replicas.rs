//! Pairs of senders in simulated time: one dies, both are away, we crash meanwhile; what is told, and that it is told the same again.

use super::*;
use crate::live::api::queries;
use crate::live::query::tests::{ask, encoded};
use bellwether_model::stale_nan;

const RULES: &str = r#"
groups:
- name: g
  interval: 15s
  rules:
  - alert: High
    expr: load > 100
    for: 2m
  - alert: Rising
    expr: rate(load[1m]) > 0.5
    for: 30s
  - alert: Twice
    expr: count by (instance) (load) > 1
  - alert: Marked
    expr: load{__replica__!=""}
  - alert: Quiet
    expr: absent_over_time(load{instance="h0"}[15s])
  - alert: Ended
    expr: absent(load{instance="h1"})
"#;

/// Silence after which the other one counts: less than six ticks and more than five.
const FAILOVER_MS: i64 = 27_000;

fn world(seed: u64, pairs: bool) -> World {
    let mut world = World::with_rules(seed, RULES);
    let spec = PairSpec { failover_ms: FAILOVER_MS, ..PairSpec::default() };
    world.config.pairs = pairs.then_some(spec);
    world
}

/// When each of the two is there, by tick: a dies and comes back, b dies, both are away and b is back first.
fn is_there(replica: &str, tick: i64) -> bool {
    match replica {
        "a" => !(100..130).contains(&tick) && !(170..182).contains(&tick),
        _ => !(150..180).contains(&tick),
    }
}

/// A scrape of a replica; the clock of the second one is behind.
fn send(world: &World, run: &LiveRun, replica: &str, tick: i64) {
    let intake = run.handle().intake();
    let at_ms = START_MS + tick * TICK_MS - if replica == "b" { 2_000 } else { 0 };
    let mut rows = Rows::default();
    for i in 0..3 {
        let instance = format!("h{i}");
        let pairs = [("__name__", "load"), ("instance", &instance), ("cluster", "c"), ("__replica__", replica)];
        let ends = i == 1 && (replica, tick) == ("b", 60) || i == 1 && replica == "a" && (70..72).contains(&tick);
        let value = if ends { stale_nan() } else { (if tick >= 30 { 150 } else { 10 } + (tick + i) % 40 * 5) as f64 };
        rows.push(intake.dictionary().define(&Labels::from_pairs(pairs)).0, at_ms, value);
    }
    let answer = intake.append(replica, rows).unwrap();
    assert_eq!(answer.blocking_recv().unwrap(), Ok(()), "{}", world.clock.now_ms());
}

/// Somebody else sends something, which makes an epoch: what a tick brought is bound within it, so that runs can be compared.
fn bind(world: &World, run: &LiveRun, tick: i64) {
    let (intake, now_ms) = (run.handle().intake(), START_MS + tick * TICK_MS + 300);
    world.clock.set(now_ms);
    let mut rows = Rows::default();
    rows.push(intake.dictionary().define(&Labels::from_pairs([("__name__", "beat")])).0, now_ms, 1.0);
    assert_eq!(intake.append("other", rows).unwrap().blocking_recv().unwrap(), Ok(()));
    assert!(world.settle_at(run, now_ms), "it has ended at tick {tick}");
}

/// What a tick brings.
fn bring(world: &World, run: &LiveRun, tick: i64) {
    for replica in ["a", "b"].into_iter().filter(|replica| is_there(replica, tick)) {
        // Far enough apart for an epoch each.
        world.clock.set(START_MS + tick * TICK_MS + if replica == "b" { 150 } else { 0 });
        send(world, run, replica, tick);
    }
    bind(world, run, tick);
}

const TICKS: i64 = 240;

/// A life of all ticks with crashes at some of them, on some number of workers.
fn live(world: &World, crashes: &[i64]) -> (Vec<String>, Vec<ReplicaStats>) {
    let mut run: Option<LiveRun> = None;
    for tick in 0..TICKS {
        world.clock.set(START_MS + tick * TICK_MS);
        if crashes.contains(&tick)
            && let Some(run) = run.take()
        {
            world.crash(run);
        }
        let run = run.get_or_insert_with(|| world.start(1 + tick as usize % 3).unwrap());
        bring(world, run, tick);
    }
    let run = run.unwrap();
    let replicas = run.handle().commit_stats().replicas.lock().unwrap_or_else(PoisonError::into_inner).clone();
    run.stop().unwrap();
    (world.ledger(), replicas)
}

#[test]
fn a_pair_is_one_sender_whoever_of_it_dies() {
    let (ledger, replicas) = live(&world(1, true), &[]);
    // What fires goes on firing, and nothing is there twice or with the label.
    let told = told(&ledger);
    for alert in ["High h0", "High h2"] {
        assert!(matches!(only(&told, alert)[..], [("firing", _)]), "{told:?}");
    }
    assert!(!ledger.iter().any(|l| l.contains("\"Twice\"") || l.contains("\"Marked\"") || l.contains("replica")));
    // Samples of a up to 495 s, of b from 523 s on, of b up to 743 s and a from 775 s on, of a up to 845 s and b, who is back first,
    // from 898 s on: a step without samples for 15 s is told once each time, and no longer.
    let quiet = only(&told, "Quiet h0");
    let expected = [("firing", 520), ("resolved", 535), ("firing", 760), ("resolved", 775)];
    assert_eq!(quiet[..4], expected, "{quiet:?}");
    assert_eq!(quiet[4..], [("firing", 865), ("resolved", 910)], "{quiet:?}");
    // The stale marker of b ends nothing, that of a, which counts, does.
    let ended = only(&told, "Ended h1");
    assert_eq!(ended, [("firing", 355), ("resolved", 370)], "{ended:?}");
    let of = |replica: &str| replicas.iter().find(|r| r.replica == replica).unwrap();
    let (a, b) = (of("a"), of("b"));
    assert_eq!((a.cluster.as_str(), a.is_elected, a.failovers), ("c", false, 1), "{replicas:?}");
    assert_eq!((b.is_elected, b.failovers), (true, 2), "{replicas:?}");
    // Whatever one sent while the other one counted, three series each.
    let not_counted = |me: &str, counts: &str, ticks: &[std::ops::Range<i64>]| {
        assert_ne!(me, counts);
        ticks.iter().cloned().flatten().filter(|tick| is_there(me, *tick)).count() as u64 * 3
    };
    assert_eq!(a.dropped, not_counted("a", "b", &[105..155, 180..TICKS]), "{replicas:?}");
    assert_eq!(b.dropped, not_counted("b", "a", &[0..105, 155..180]), "{replicas:?}");
}

#[test]
fn a_crash_anywhere_and_a_replay_choose_alike() {
    let (expected, _) = live(&world(1, true), &[]);
    // In the middle of fail-overs, with a checkpoint before them or behind, and segments that are gone.
    for (seed, crashes) in [(2, [102, 104, 106]), (3, [52, 101, 152]), (4, [105, 172, 181]), (5, [99, 100, 130])] {
        let (got, _) = live(&world(seed, true), &crashes);
        assert_eq!(got, expected, "crashes at {crashes:?}");
    }
    let mut world = world(6, true);
    world.config.retention_ms = 3_600_000;
    let (got, _) = live(&world, &[103, 131, 153]);
    assert_eq!(got, expected);
    world.replays_alike();
}

#[test]
fn rules_that_come_later_begin_with_what_counted() {
    const LATER: &str = "  - alert: Later\n    expr: count_over_time(load{instance=\"h0\"}[4m]) > 30\n    for: 1m\n";
    let world = world(8, true);
    let run = world.start(2).unwrap();
    for tick in 0..80 {
        if tick == 60 {
            std::fs::write(&world.config.rules[0], format!("{RULES}{LATER}")).unwrap();
            assert!(run.handle().reload().unwrap().is_some());
        }
        bring(&world, &run, tick);
    }
    assert_eq!(run.handle().last_reload().cold, None);
    run.stop().unwrap();
    // Without what the log has it would take 31 ticks and its hold duration.
    let told = told(&world.ledger());
    assert!(matches!(only(&told, "Later h0")[..], [("firing", at)] if (285..375).contains(&at)), "{told:?}");
}

#[test]
fn queries_know_one_series_and_what_counted() {
    let mut world = world(7, true);
    world.config.retention_ms = 3_600_000;
    live(&world, &[]);
    let run = world.start(1).unwrap();
    let router = queries(run.handle());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let data = |path: String| {
        let (code, answer) = runtime.block_on(ask(&router, &path, None));
        assert_eq!(code, 200, "{path}: {answer}");
        answer["data"].clone()
    };
    // Of 600 s up to 495 s a's samples, from 523 s on b's.
    let at_s = (START_MS + 600_000) / 1_000;
    let counted = encoded("count_over_time(load{instance=\"h0\"}[10m])");
    let counted = data(format!("/api/v1/query?query={counted}&time={at_s}"));
    let result = &counted["result"][0];
    assert_eq!(counted["result"].as_array().map(Vec::len), Some(1), "{counted}");
    assert_eq!(result["metric"], serde_json::json!({"cluster": "c", "instance": "h0"}));
    assert_eq!(result["value"][1], (99 + 16).to_string());
    let names = data("/api/v1/labels".to_owned());
    assert_eq!(names, serde_json::json!(["__name__", "alertname", "alertstate", "cluster", "instance"]));
    assert_eq!(data("/api/v1/series?match[]=load".to_owned()).as_array().map(Vec::len), Some(3));
    run.abandon();
}

#[test]
fn without_pairs_series_of_replicas_stay_apart() {
    let (ledger, replicas) = live(&world(1, false), &[]);
    assert_eq!(replicas, []);
    assert_eq!(only(&told(&ledger), "Twice h0")[0].0, "firing");
    assert!(ledger.iter().any(|l| l.contains("\"Marked\"") && l.contains("__replica__")));
}

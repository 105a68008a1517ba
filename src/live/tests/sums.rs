//! Deltas in simulated time: what they add up to is what a cumulative sender says, however they come and wherever we crash.

use super::*;
use bellwether_connectors::source::intake::{Change, Delta};
use std::sync::atomic::Ordering;

const RULES: &str = r#"
groups:
- name: g
  interval: 15s
  rules:
  - alert: Fast
    expr: rate(jobs_total[1m]) > 0.8
    for: 30s
    annotations:
      summary: "{{ $value }}"
  - alert: Many
    expr: sum(jobs_total) > 400
  - alert: Shrinks
    expr: resets(jobs_total[2m]) > 0
"#;

const TICKS: i64 = 160;

/// What happens in a tick.
fn happens(tick: i64, i: i64) -> f64 {
    (if (tick / 20 + i) % 2 == 0 { 6 + (tick + i) % 5 } else { tick % 3 }) as f64
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Cumulative,
    /// A tick late now and then, and twice.
    Delta,
}

fn rows(run: &LiveRun, sender: Sender, tick: i64) -> Rows {
    let (mut rows, intake) = (Rows::default(), run.handle().intake());
    let labels = |i: i64| Labels::from_pairs([("__name__", "jobs_total"), ("instance", &format!("h{i}"))]);
    let (begun_ms, stamp_ms) = (START_MS - TICK_MS, |tick: i64| START_MS + tick * TICK_MS);
    for i in 0..3 {
        let series = intake.dictionary().define(&labels(i)).0;
        if sender == Sender::Cumulative {
            let sum = (0..=tick).map(|tick| happens(tick, i)).sum();
            rows.push_started(series, stamp_ms(tick), sum, begun_ms);
            continue;
        }
        // Every third tick comes behind the next one; some come again.
        let mut ticks = if tick % 3 == 1 { vec![] } else { vec![tick] };
        if tick % 3 == 2 {
            ticks.push(tick - 1);
        }
        if tick % 4 == 0 {
            ticks.extend([tick - 2, tick - 3]);
        }
        for tick in ticks.into_iter().filter(|tick| *tick >= 0) {
            let change = Change::Float(happens(tick, i));
            rows.deltas.push(Delta { series, stamp_ms: stamp_ms(tick), start_ms: stamp_ms(tick - 1), change });
        }
    }
    rows
}

/// A life of all ticks with crashes at some of them; the ledger.
fn live(world: &World, sender: Sender, crashes: &[i64]) -> Vec<String> {
    let mut run: Option<LiveRun> = None;
    for tick in 0..TICKS {
        world.clock.set(START_MS + tick * TICK_MS);
        if crashes.contains(&tick)
            && let Some(run) = run.take()
        {
            world.crash(run);
        }
        let run = run.get_or_insert_with(|| world.start(1 + tick as usize % 3).unwrap());
        let intake = run.handle().intake();
        let answer = intake.append("sender", rows(run, sender, tick)).unwrap();
        assert_eq!(answer.blocking_recv().unwrap(), Ok(()));
        // At 200 ms behind it everything that the tick brought is bound.
        world.clock.set(START_MS + tick * TICK_MS + 200);
        assert!(world.settle(run, tick), "it has ended at tick {tick}");
    }
    let run = run.unwrap();
    if sender == Sender::Delta {
        assert_eq!(run.handle().commit_stats().delta_series.load(Ordering::Relaxed), 3);
    }
    run.stop().unwrap();
    world.ledger()
}

#[test]
fn deltas_decide_what_their_totals_decide_and_a_crash_adds_nothing_twice() {
    let expected = live(&World::with_rules(1, RULES), Sender::Cumulative, &[]);
    for alert in ["Fast", "Many"] {
        assert!(expected.iter().any(|l| l.contains(alert) && l.contains("firing")), "{expected:#?}");
    }
    assert!(!expected.iter().any(|l| l.contains("Shrinks")));
    for (seed, crashes) in [(2, vec![]), (3, vec![7, 41, 42, 90]), (4, vec![3, 62, 130])] {
        let mut world = World::with_rules(seed, RULES);
        if seed == 4 {
            world.config.retention_ms = 3_600_000;
        }
        let got = live(&world, Sender::Delta, &crashes);
        assert_eq!(got, expected, "crashes at {crashes:?}");
        if seed == 4 {
            world.replays_alike();
        }
    }
}

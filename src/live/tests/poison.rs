//! An epoch that brings the run down each time, and how to go on without what does it.

use super::*;
use bellwether_operators::program::Limits;
use std::collections::BTreeSet;

const RULES: &str = "
groups:
- name: g
  interval: 15s
  rules:
  - alert: Wide
    expr: width > 0
  - alert: Late
    expr: vector(time()) > 1700000100
";

/// More series than the limit allows on each of three workers.
const MANY: i64 = 40;

fn world() -> World {
    let mut world = World::with_rules(1, RULES);
    world.config.options.limits = Limits { elements: 3, ..Limits::default() };
    world.config.retention_ms = 3_600_000;
    world
}

fn send(world: &World, run: &LiveRun, tick: i64, series: i64) -> bool {
    let intake = run.handle().intake();
    let mut rows = Rows::default();
    for i in 0..series {
        let labels = Labels::from_pairs([("__name__", "width"), ("instance", &format!("h{i}"))]);
        rows.push(intake.dictionary().define(&labels).0, START_MS + tick * TICK_MS, 1.0);
    }
    world.clock.set(START_MS + tick * TICK_MS);
    intake.append("sender", rows).is_ok_and(|answer| answer.blocking_recv().is_ok_and(|a| a.is_ok()))
}

/// How the run ends by itself.
fn end_of(run: LiveRun) -> String {
    let begin = Instant::now();
    loop {
        if let Some(error) = run.ended(Duration::from_millis(5)) {
            run.abandon();
            return error.to_string();
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "it does not end");
    }
}

/// A run that has died as often as it may.
fn dead() -> World {
    let world = world();
    let run = world.start(2).unwrap();
    for tick in 0..15 {
        assert!(send(&world, &run, tick, 2));
        assert!(world.settle(&run, tick));
    }
    // Too many for the rule's limit, on any number of workers; what was acknowledged comes again with each start.
    assert!(send(&world, &run, 15, MANY));
    world.clock.set(START_MS + 20 * TICK_MS);
    run.handle().intake().poke();
    let mut deaths = vec![end_of(run)];
    deaths.extend([1, 3].map(|workers| end_of(world.start(workers).unwrap())));
    for error in &deaths {
        assert_eq!(error.split(':').next(), deaths[0].split(':').next(), "one epoch: {deaths:?}");
        assert!(error.contains("width of g/Wide: ") && error.ends_with("more than the limit elements=3"), "{error}");
    }
    world
}

fn folder() -> &'static Path {
    Path::new("state")
}

#[test]
fn an_epoch_that_kills_three_starts_is_not_tried_again() {
    let world = dead();
    let error = world.start(1).err().unwrap().to_string();
    assert!(error.starts_with("3 starts have died at one epoch, the last one so: epoch "), "{error}");
    assert!(error.contains("bellwether quarantine --state state --rule \"g/Wide\"\n"), "{error}");
    // Nothing has changed, and it is told to try once more.
    forget_deaths(&world.disk, folder()).unwrap();
    end_of(world.start(1).unwrap());
    // Other rules are another try.
    let text = RULES.replace("width > 0", "width > 1");
    std::fs::write(&world.config.rules[0], text).unwrap();
    end_of(world.start(1).unwrap());
}

#[test]
fn without_the_rule_the_run_goes_on() {
    let world = dead();
    let rules = BTreeSet::from(["g/Wide".to_owned()]);
    Quarantine { rules, ..Quarantine::default() }.write(&world.disk, folder()).unwrap();
    forget_deaths(&world.disk, folder()).unwrap();
    let run = world.start(2).unwrap();
    let book = || run.handle().view().lock().unwrap().book.iter().map(|a| a.decision.alert.clone()).collect::<Vec<_>>();
    for tick in 20..40 {
        assert!(send(&world, &run, tick, MANY));
        assert!(world.settle(&run, tick));
    }
    assert_eq!(book(), ["Late"], "the other one is left out, and what it had told is forgotten");
    run.stop().unwrap();
    let told = told(&world.ledger());
    assert_eq!(only(&told, "Late"), [("firing", 115)]);
    // It is taken back: with the series as they are it would die again, under another limit it lives.
    Quarantine::default().write(&world.disk, folder()).unwrap();
    let mut world = world;
    world.config.options.limits.elements = 1_000;
    let run = world.start(1).unwrap();
    for tick in 41..60 {
        assert!(send(&world, &run, tick, MANY));
        assert!(world.settle(&run, tick));
    }
    run.stop().unwrap();
    assert!(world.ledger().iter().filter(|l| l.contains("\"alert\":\"Wide\"")).count() >= 4);
}

#[test]
fn without_the_series_the_rule_goes_on() {
    let world = dead();
    let series = BTreeSet::from(["width{instance!~\"h[01]\"}".to_owned()]);
    Quarantine { series, ..Quarantine::default() }.write(&world.disk, folder()).unwrap();
    forget_deaths(&world.disk, folder()).unwrap();
    let run = world.start(3).unwrap();
    for tick in 20..40 {
        assert!(send(&world, &run, tick, MANY));
        assert!(world.settle(&run, tick));
    }
    run.stop().unwrap();
    let told = told(&world.ledger());
    assert_eq!(only(&told, "Wide h0").len(), 1, "{told:?}");
    assert!(only(&told, "Wide h2").is_empty(), "{told:?}");
    let wrong = Quarantine { series: BTreeSet::from(["{".to_owned()]), ..Quarantine::default() };
    assert!(wrong.check().is_err());
}

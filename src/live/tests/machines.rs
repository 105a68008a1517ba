//! A machine is lost, and another one goes on from the bucket: what was in force stays, nothing is told that is not so.

use super::*;
use crate::live::remote::{RemoteSpec, RemoteStats};
use bellwether_connectors::objects::memory::MemoryObjects;

const RULES: &str = r#"
groups:
- name: g
  interval: 15s
  rules:
  - alert: High
    expr: load > 100
    for: 5m
  - alert: Rising
    expr: rate(load[2m]) >= 0 and load > 100
  - alert: Silent
    expr: absent(load)
  - alert: Few
    expr: count(load > 100) < 2
    for: 1m
  - record: load:sum
    expr: sum(load)
  - alert: Total
    expr: max_over_time(load:sum[10m]) > 250
  - alert: Reads
    expr: ALERTS{alertname="Rising", alertstate="firing"} == 1
"#;

/// A machine: disk and clock of its own, the same rules and the same bucket.
fn machine(seed: u64, objects: &MemoryObjects, rules: &World) -> World {
    let mut world = World::with_rules(seed, RULES);
    world.config.rules = rules.config.rules.clone();
    world.config.remote = Some(RemoteSpec { objects: Arc::new(objects.clone()), interval_ms: 20_000 });
    world
}

/// Sends the samples of a tick: two instances, above the threshold from tick 30 to 160.
fn send(run: &LiveRun, tick: i64) {
    let intake = run.handle().intake();
    let mut rows = Rows::default();
    for instance in ["a", "b"] {
        let labels = Labels::from_pairs([("__name__", "load"), ("instance", instance)]);
        let value = if (30..160).contains(&tick) { 150.0 } else { 10.0 };
        rows.push(intake.dictionary().define(&labels).0, START_MS + tick * TICK_MS, value);
    }
    assert_eq!(intake.append("sender", rows).unwrap().blocking_recv().unwrap(), Ok(()));
}

/// Waits for something that another thread does.
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs over ticks, and waits at the end until a checkpoint of its last quarter minute is in the bucket.
fn live(world: &World, run: &LiveRun, ticks: std::ops::Range<i64>) {
    let until = ticks.end;
    for tick in ticks {
        world.go_to(run, tick);
        send(run, tick);
        assert!(world.settle(run, tick));
    }
    run.handle().checkpoint();
    let handle = run.handle();
    let last = |stats: &RemoteStats| stats.last().map_or(i64::MIN, |news| news.wall_ms);
    wait_for("the last checkpoint has to come there", || {
        // The interval has to pass on our clock.
        world.clock.set((START_MS + until * TICK_MS).max(last(handle.remote().unwrap()) + 30_000));
        handle.intake().poke();
        last(handle.remote().unwrap()) >= START_MS + (until - 1) * TICK_MS
    });
}

fn step_of(line: &str) -> i64 {
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    value["step_ms"].as_i64().unwrap()
}

#[test]
fn what_is_in_force_outlives_its_machine() {
    let rules = World::with_rules(0, RULES);
    // As it would be with one machine.
    let alone = machine(1, &MemoryObjects::default(), &rules);
    let run = alone.start(1).unwrap();
    live(&alone, &run, 0..400);
    run.stop().unwrap();
    let expected = told(&alone.ledger());

    for (lost_at, back_at) in [(20, 40), (60, 64), (60, 90), (120, 126), (120, 150)] {
        let objects = MemoryObjects::default();
        let first = machine(2, &objects, &rules);
        let run = first.start(2).unwrap();
        live(&first, &run, 0..lost_at);
        let first_ledger = {
            first.crash(run);
            first.ledger()
        };
        let second = machine(3, &objects, &rules);
        second.clock.set(START_MS + back_at * TICK_MS);
        let run = second.start(3).unwrap();
        let started = run.handle().started().clone();
        assert_eq!((started.generation, started.last_epoch), (2, 0));
        let restored = started.restored.unwrap();
        assert_eq!(Some(restored.epoch), started.checkpoint);
        // Steps of 15 s that neither machine evaluates.
        let (since_ms, first_ms) = restored.missed_ms;
        let between = (START_MS..first_ms).filter(|ms| ms % 15_000 == 0 && *ms > since_ms).count() as u64;
        let missed = run.handle().missed_steps(&run.handle().table());
        assert!(between > 0 && missed.values().all(|steps| *steps == between), "{missed:?}, {between}");
        // The sender has kept a part of what nobody took: among it how the alerts began, where they did meanwhile.
        (back_at - 15..back_at).filter(|tick| *tick > lost_at).for_each(|tick| send(&run, tick));
        live(&second, &run, back_at + 1..400);
        run.stop().unwrap();
        let what = format!("lost at {lost_at}, back at {back_at}");

        // Nothing is told of steps before it was there, and nothing twice.
        let lines = second.ledger();
        let back_ms = START_MS + back_at * TICK_MS;
        assert!(lines.iter().all(|line| step_of(line) >= back_ms), "{what}: {lines:#?}");
        let mut got = told(&first_ledger);
        got.extend(told(&lines));
        for alert in ["High a", "High b", "Rising a", "Rising b", "Total", "Reads a", "Few", "Silent"] {
            let transitions = |told: &Told| only(told, alert).into_iter().map(|(what, _)| what.to_owned()).collect();
            let (got, expected): (Vec<String>, Vec<String>) = (transitions(&got), transitions(&expected));
            assert_eq!(got, expected, "{what}: {alert}");
        }
        // `for` goes on where it was: the alert fires five minutes after it became active, or as soon as it is seen again; what
        // began meanwhile begins with the new machine.
        let fires = |told: &Told| only(told, "High a").first().map(|(_, at)| *at).unwrap();
        let begun_s = ((back_ms + 14_999) / 15_000 * 15_000 - START_MS) / 1_000;
        let seen_s = match lost_at {
            20 => begun_s + 300,
            60 => fires(&expected).max(begun_s),
            _ => fires(&expected),
        };
        assert_eq!(fires(&got), seen_s, "{what}");
        // It goes on counting, and its folder is one like any other: a crash is read back.
        let view = second.start(1).unwrap();
        let state = view.handle().view();
        let decisions = state.lock().unwrap_or_else(PoisonError::into_inner).decisions;
        assert_eq!(decisions as usize, first_ledger.len() + lines.len(), "{what}");
        view.abandon();
        let disk: Arc<dyn Disk> = Arc::new(second.disk.clone());
        let replayed =
            replay_folder(&disk, Path::new("state"), 1, Arrival::AsItWas, Box::new(()), Arc::default()).unwrap_err();
        assert!(replayed.to_string().contains("began with what another machine had"), "{replayed}");
    }
}

#[test]
fn a_machine_that_was_given_up_ends_and_does_not_come_back() {
    let rules = World::with_rules(0, RULES);
    let objects = MemoryObjects::default();
    let first = machine(2, &objects, &rules);
    let run = first.start(1).unwrap();
    live(&first, &run, 0..50);
    let second = machine(3, &objects, &rules);
    second.clock.set(START_MS + 55 * TICK_MS);
    let newer = second.start(1).unwrap();
    // It learns of it within an interval.
    first.clock.set(START_MS + 70 * TICK_MS);
    let mut ended = None;
    wait_for("it has to end", || {
        ended = run.ended(Duration::from_millis(5));
        ended.is_some()
    });
    let text = ended.unwrap().to_string();
    assert!(text.contains("generation 2 has taken over") && text.contains("ours is 1"), "{text}");
    run.abandon();
    let refused = first.start(1).err().unwrap().to_string();
    assert!(refused.contains("generation 2 has taken over"), "{refused}");
    live(&second, &newer, 56..70);
    newer.stop().unwrap();
    // The newer one may come back as often as it likes.
    let again = second.start(2).unwrap();
    assert_eq!(again.handle().started().generation, 3);
    again.stop().unwrap();
}

#[test]
fn a_bucket_that_is_away_stops_nothing_but_an_empty_folder() {
    let rules = World::with_rules(0, RULES);
    let objects = MemoryObjects::default();
    let world = machine(2, &objects, &rules);
    objects.set_down(true);
    let refused = world.start(1).err().unwrap().to_string();
    assert!(refused.starts_with("the state folder is empty") && refused.contains("a test says so"), "{refused}");
    objects.set_down(false);
    let run = world.start(1).unwrap();
    live(&world, &run, 0..20);
    objects.set_down(true);
    for tick in 30..120 {
        world.go_to(&run, tick);
        send(&run, tick);
        assert!(world.settle(&run, tick));
    }
    let handle = run.handle();
    wait_for("it has to be told", || handle.remote().unwrap().trouble().is_some());
    world.crash(run);
    // A folder that has something begins without it.
    let run = world.start(1).unwrap();
    assert!(run.handle().remote().unwrap().trouble().is_some());
    objects.set_down(false);
    live(&world, &run, 120..130);
    assert_eq!(run.handle().remote().unwrap().trouble(), None);
    run.stop().unwrap();
    assert!(!only(&told(&world.ledger()), "High a").is_empty());
}

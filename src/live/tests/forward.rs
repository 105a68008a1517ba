//! What rules write, sent on: what the samples say, with stale markers, whatever happens to the run.

use super::*;
use crate::live::forward::tests::{Row, spec_of, taken};
use bellwether_test_support::recorder::Recorder;
use std::collections::{BTreeMap, BTreeSet};

struct Sent {
    world: World,
    recorder: Recorder,
}

impl Sent {
    fn new(seed: u64) -> Self {
        let recorder = Recorder::start().unwrap();
        let mut world = World::new(seed);
        world.config.forward = Some(spec_of(&recorder));
        Self { world, recorder }
    }

    /// Rows by series and stamp; a repeat has to say the same.
    fn rows(&self) -> BTreeMap<(String, i64), String> {
        let mut all = BTreeMap::new();
        for (labels, stamp_ms, value) in taken(&self.recorder) {
            let before = all.insert((labels.clone(), stamp_ms), value.clone());
            assert!(before.is_none_or(|before| before == value), "{labels} at {stamp_ms}: another value");
        }
        all
    }

    fn undisturbed(&self, workers: usize) {
        let run = self.world.start(workers).unwrap();
        for tick in 0..TICKS {
            self.world.go_to(&run, tick);
            assert!(self.world.send(&run, tick));
            assert!(self.world.settle(&run, tick));
        }
        let handle = run.handle();
        run.stop().unwrap();
        let progress = handle.forwarded().remove(0);
        assert_eq!((progress.waiting, progress.dropped, progress.refused), (0, 0, 0), "{progress:?}");
    }
}

/// Stamps of a series' samples, in seconds since the beginning.
fn stamps(rows: &BTreeMap<(String, i64), String>, series: &str, value: &str) -> BTreeSet<i64> {
    let of = rows.iter().filter(|((labels, _), v)| labels == series && v.as_str() == value);
    of.map(|((_, at), _)| (at - START_MS) / 1_000).collect()
}

#[test]
fn recorded_series_are_what_the_samples_say() {
    let sent = Sent::new(1);
    sent.undisturbed(2);
    let rows = sent.rows();
    let of_sum: Vec<_> = rows.iter().filter(|((labels, _), _)| labels.contains("job:load:sum")).collect();
    assert!(of_sum.len() > 30, "{}", of_sum.len());
    for ((labels, at_ms), value) in of_sum {
        assert_eq!(labels, r#"job:load:sum{job="j"}"#);
        // Stamps are the instants, 30 s before the steps.
        assert_eq!(at_ms.rem_euclid(15_000), 0);
        let tick = (at_ms - START_MS).div_euclid(TICK_MS);
        let sum: f64 = samples(tick).iter().filter(|s| s.0.get("__name__") == "load").map(|s| s.2).sum();
        assert_eq!(value, &sum.to_string(), "at tick {tick}");
    }
}

#[test]
fn alerts_are_there_while_they_are_active_and_end_with_a_stale_marker() {
    let sent = Sent::new(1);
    sent.undisturbed(1);
    let rows = sent.rows();
    let told = told(&sent.world.ledger());
    let transitions = only(&told, "Gone");
    assert!(transitions.len() >= 3, "{transitions:?}");
    let (mut there, mut ends) = (BTreeSet::new(), BTreeSet::new());
    for pair in transitions.chunks(2) {
        // Steps are 15 s apart; the last one lies before the watermark.
        let end = pair.get(1).map_or(((TICKS - 1) * TICK_MS - LATENESS_MS) / 1_000, |(_, at)| *at);
        there.extend((pair[0].1..end).step_by(15));
        ends.extend(pair.get(1).map(|(_, at)| *at));
    }
    let firing = r#"ALERTS{alertname="Gone", alertstate="firing", job="j"}"#;
    assert_eq!(stamps(&rows, firing, "1"), there);
    assert_eq!(stamps(&rows, firing, "stale"), ends);
    // One with `for` was pending before, and its state's series says since when.
    let fired = only(&told, "High h0")[0].1;
    let pending = r#"ALERTS{alertname="High", alertstate="pending", instance="h0", job="j"}"#;
    assert_eq!(stamps(&rows, pending, "1"), [fired - 30, fired - 15].into());
    assert!(stamps(&rows, pending, "stale").contains(&fired));
    let since = (START_MS / 1_000 + fired - 30).to_string();
    let state = r#"ALERTS_FOR_STATE{alertname="High", instance="h0", job="j"}"#;
    assert!(stamps(&rows, state, &since).is_superset(&[fired - 30, fired, fired + 15].into()));
}

#[test]
fn whatever_happens_to_a_run_nothing_that_rules_wrote_is_lost() {
    let calm = Sent::new(1);
    calm.undisturbed(2);
    let expected = calm.rows();
    for seed in 0..25 {
        println!("seed {seed}");
        let sent = Sent::new(seed);
        // Away for a while, too.
        sent.recorder.answers(move |n| (if n as u64 % 7 == seed % 7 { 503 } else { 200 }, String::new()));
        let ends = lives(&sent.world, seed);
        // A stop does not wait for who says no.
        sent.recorder.answers(|_| (200, String::new()));
        let run = sent.world.start(1).unwrap();
        while run.handle().forwarded()[0].waiting > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        run.abandon();
        let got = sent.rows();
        let lost: Vec<_> = expected.iter().filter(|(k, v)| got.get(k) != Some(v)).collect();
        let more: Vec<_> = got.iter().filter(|(k, v)| expected.get(k) != Some(v)).collect();
        assert!(lost.is_empty() && more.is_empty(), "seed {seed}, {ends:?}: lost {lost:#?}, more {more:#?}");
    }
}

#[test]
fn rules_that_go_end_their_series() {
    let sent = Sent::new(1);
    let run = sent.world.start(1).unwrap();
    for tick in 0..60 {
        sent.world.go_to(&run, tick);
        assert!(sent.world.send(&run, tick) && sent.world.settle(&run, tick));
    }
    let text = RULES.replace("record: job:load:sum", "record: job:load:all").replace("alert: Many", "alert: Others");
    std::fs::write(&sent.world.config.rules[0], text).unwrap();
    run.handle().reload().unwrap();
    for tick in 60..90 {
        sent.world.go_to(&run, tick);
        assert!(sent.world.send(&run, tick) && sent.world.settle(&run, tick));
    }
    run.stop().unwrap();
    let rows = sent.rows();
    let sum = r#"job:load:sum{job="j"}"#;
    let of_sum: Vec<_> = rows.iter().filter(|((labels, _), _)| labels == sum).map(|((_, at), v)| (*at, v)).collect();
    let (end, before) = of_sum.split_last().unwrap();
    assert!(end.1 == "stale" && before.iter().all(|(_, v)| v.as_str() != "stale"), "{of_sum:?}");
    assert_eq!(end.0, before.last().unwrap().0 + 15_000);
    assert!(rows.keys().any(|(labels, at)| labels.contains("job:load:all") && *at >= end.0));
    let active = |name: &str| rows.iter().rfind(|((l, _), _)| l.contains("ALERTS") && l.contains(name)).unwrap();
    assert_eq!(active("\"Many\"").1, "stale");
}

#[test]
fn a_state_from_before_begins_to_send_when_it_is_told_to() {
    let recorder = Recorder::start().unwrap();
    let mut world = World::new(1);
    let run = world.start(1).unwrap();
    for tick in 0..40 {
        world.go_to(&run, tick);
        assert!(world.send(&run, tick) && world.settle(&run, tick));
    }
    assert_eq!(run.handle().forwarded(), []);
    run.stop().unwrap();
    world.config.forward = Some(spec_of(&recorder));
    let run = world.start(2).unwrap();
    for tick in 40..80 {
        world.go_to(&run, tick);
        assert!(world.send(&run, tick) && world.settle(&run, tick));
    }
    run.stop().unwrap();
    let rows: Vec<Row> = taken(&recorder);
    let first = rows.iter().map(|r| r.1).min().unwrap();
    assert!(first > START_MS + 25 * TICK_MS, "{}", first - START_MS);
    assert!(rows.iter().any(|r| r.0.contains("job:load:sum")) && rows.iter().any(|r| r.0.contains("ALERTS")));
    // What it decides is what it decides without.
    let (with, without) = (world.ledger(), undisturbed(1));
    assert!(!with.is_empty() && with.iter().all(|line| without.contains(line)));
}

//! Receivers that are away, refuse, come late, and a disk that fails: what comes is everything, in order.

#![allow(clippy::unwrap_used)]

use super::frame::tests::sample;
use super::*;
use bellwether_connectors::disk::fault::FaultDisk;
use bellwether_connectors::source::intake::{Batch, Dictionary, WriteLimits};
use bellwether_connectors::source::remote_write::{Version, decode, uncompress};
use bellwether_model::is_stale;
use bellwether_operators::evaluate::WrittenSample;
use bellwether_test_support::recorder::Recorder;
use std::collections::BTreeSet;

/// Labels, stamp and value; `stale` for a marker.
pub(in crate::live) type Row = (String, i64, String);

/// What a receiver was sent and took, in order.
pub(in crate::live) fn taken(recorder: &Recorder) -> Vec<Row> {
    let mut all = Vec::new();
    for request in recorder.requests().iter().filter(|r| r.status / 100 == 2) {
        let (dictionary, limits) = (Dictionary::new(""), WriteLimits::default());
        let message = uncompress(&request.body, 1 << 26).unwrap();
        let (rows, report) = decode(Version::One, &message, Batch::new(&dictionary, &limits, i64::MAX)).unwrap();
        assert_eq!(report.first(), None);
        for ((series, stamp_ms), value) in rows.series.iter().zip(&rows.stamps).zip(&rows.values) {
            let value = if is_stale(*value) { "stale".to_owned() } else { value.to_string() };
            all.push((dictionary.labels(*series).unwrap().to_string(), *stamp_ms, value));
        }
    }
    all
}

/// One receiver of everything.
pub(in crate::live) fn spec_of(recorder: &Recorder) -> ForwardSpec {
    let url = recorder.url("/api/v1/write");
    let receiver = ForwardReceiver {
        name: "store".to_owned(),
        url,
        http: HttpSpec::new(Duration::from_secs(10)),
        headers: Vec::new(),
        write_relabel_configs: Vec::new(),
    };
    ForwardSpec { receivers: vec![receiver], external_labels: Labels::empty(), most_bytes: 1 << 20 }
}

struct World {
    disk: FaultDisk,
    recorder: Recorder,
    spec: ForwardSpec,
}

impl World {
    fn new(seed: u64) -> Self {
        let recorder = Recorder::start().unwrap();
        Self { disk: FaultDisk::new(seed), spec: spec_of(&recorder), recorder }
    }

    fn start(&self) -> Result<(Forward, Spool), LiveError> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        Forward::start(&self.spec, &disk, Path::new("state"))
    }

    /// Waits until nothing waits.
    fn settle(forward: &Forward) -> Progress {
        let begin = Instant::now();
        loop {
            let progress = forward.shared().progress().remove(0);
            if progress.waiting == 0 {
                return progress;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{progress:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What an epoch writes: two series, one of them with several stamps.
fn of_epoch(epoch: u64) -> Vec<WrittenSample> {
    let at = epoch as i64 * 1_000;
    vec![sample("a", at, epoch as f64), sample("b", at, 0.5), sample("a", at + 500, -1.0)]
}

fn rows(epochs: impl IntoIterator<Item = u64>) -> Vec<Row> {
    let of = |s: WrittenSample| (s.labels.to_string(), s.stamp_ms, s.value.float().to_string());
    epochs.into_iter().flat_map(of_epoch).map(of).collect()
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

#[test]
fn a_receiver_that_is_away_gets_everything_once_it_is_back() {
    let world = World::new(1);
    world.recorder.answers(|n| match n {
        0 => (503, "Retry-After: 1\r\n".to_owned()),
        1..4 => (429, String::new()),
        _ => (200, String::new()),
    });
    let (forward, mut spool) = world.start().unwrap();
    for epoch in 1..=40 {
        spool.append(epoch, &of_epoch(epoch)).unwrap();
    }
    let progress = World::settle(&forward);
    assert_eq!((progress.sent, progress.failed, progress.refused, progress.dropped), (120, 4, 0, 0));
    assert_eq!((progress.oldest_ms, progress.newest_sent_ms, progress.error), (None, Some(40_500), None));
    let got = taken(&world.recorder);
    assert_eq!(sorted(got.clone()), sorted(rows(1..=40)));
    for name in ["a", "b"] {
        let stamps: Vec<i64> = got.iter().filter(|r| r.0.contains(name)).map(|r| r.1).collect();
        assert!(stamps.is_sorted_by(|x, y| x < y), "{stamps:?}");
    }
    forward.stop(Duration::ZERO);
}

#[test]
fn what_is_refused_is_counted_and_left() {
    let world = World::new(1);
    world.recorder.answers(|n| (if n == 0 { 400 } else { 200 }, String::new()));
    let (forward, mut spool) = world.start().unwrap();
    spool.append(1, &of_epoch(1)).unwrap();
    let progress = World::settle(&forward);
    assert_eq!((progress.sent, progress.refused, progress.error.as_deref()), (0, 3, Some("400 said")));
    spool.append(2, &of_epoch(2)).unwrap();
    let progress = World::settle(&forward);
    assert_eq!((progress.sent, progress.refused, progress.error), (3, 3, None));
    assert_eq!(sorted(taken(&world.recorder)), sorted(rows([2])));
    forward.stop(Duration::ZERO);
}

#[test]
fn labels_and_headers_are_the_receiver_s_own() {
    let mut world = World::new(1);
    world.spec.external_labels = Labels::from_pairs([("dc", "eu"), ("__name__", "never")]);
    let receiver = &mut world.spec.receivers[0];
    receiver.headers = vec![("X-Scope-OrgID".to_owned(), "team".to_owned())];
    receiver.write_relabel_configs = serde_json::from_value(serde_json::json!([
        {"source_labels": ["__name__"], "regex": "b", "action": "drop"},
        {"source_labels": ["dc"], "regex": "(.*)", "target_label": "region", "replacement": "$1-1"},
    ]))
    .unwrap();
    let (forward, mut spool) = world.start().unwrap();
    spool.append(1, &of_epoch(1)).unwrap();
    let progress = World::settle(&forward);
    // What relabelling lets go is neither sent nor lost.
    assert_eq!((progress.sent, progress.refused, progress.dropped), (2, 0, 0));
    let labels: BTreeSet<String> = taken(&world.recorder).into_iter().map(|r| r.0).collect();
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), [r#"a{dc="eu", region="eu-1"}"#]);
    let request = world.recorder.requests().remove(0);
    let header = |name: &str| request.headers.iter().find(|h| h.0 == name).map(|h| h.1.as_str());
    assert_eq!(header("x-scope-orgid"), Some("team"));
    assert_eq!(header("x-prometheus-remote-write-version"), Some("0.1.0"));
    forward.stop(Duration::ZERO);
}

#[test]
fn beyond_the_bound_the_oldest_samples_go_and_the_newest_come() {
    let mut world = World::new(1);
    world.spec.most_bytes = 4_000;
    world.recorder.answers(|_| (503, String::new()));
    let (forward, mut spool) = world.start().unwrap();
    for epoch in 1..=200 {
        spool.append(epoch, &of_epoch(epoch)).unwrap();
    }
    spool.sync().unwrap();
    let on_disk: usize = ["state/remote-write"]
        .iter()
        .flat_map(|folder| world.disk.list(Path::new(folder)).unwrap())
        .filter(|name| name.ends_with(".spool"))
        .count();
    assert!(on_disk <= 10, "{on_disk} segments");
    let away = forward.shared().progress().remove(0);
    assert!(away.dropped > 300 && away.waiting > 0 && away.waiting_bytes <= 4_500, "{away:?}");
    assert_eq!(away.dropped + away.waiting, 600);
    world.recorder.answers(|_| (200, String::new()));
    let back = World::settle(&forward);
    let got: BTreeSet<Row> = taken(&world.recorder).into_iter().collect();
    assert!(rows([199, 200]).iter().all(|row| got.contains(row)));
    // The request under way when its samples went came too.
    assert!(back.sent >= away.waiting && back.sent + back.dropped >= 600, "{back:?}");
    forward.stop(Duration::ZERO);
}

#[test]
fn a_receiver_that_is_new_begins_with_what_is_written_then() {
    let mut world = World::new(1);
    let (forward, mut spool) = world.start().unwrap();
    spool.append(1, &of_epoch(1)).unwrap();
    World::settle(&forward);
    forward.stop(Duration::ZERO);
    spool.sync().unwrap();
    drop(spool);
    world.recorder = Recorder::start().unwrap();
    world.spec.receivers[0].name = "another".to_owned();
    world.spec.receivers[0].url = world.recorder.url("/");
    let (forward, mut spool) = world.start().unwrap();
    // A replay gives again what is there.
    spool.append(1, &of_epoch(1)).unwrap();
    spool.append(2, &of_epoch(2)).unwrap();
    World::settle(&forward);
    assert_eq!(sorted(taken(&world.recorder)), sorted(rows([2])));
    forward.stop(Duration::ZERO);
}

#[test]
fn a_segment_that_is_damaged_costs_what_is_in_it() {
    let mut world = World::new(1);
    world.spec.most_bytes = 8 * 400;
    world.recorder.answers(|_| (503, String::new()));
    let (forward, mut spool) = world.start().unwrap();
    for epoch in 1..=6 {
        spool.append(epoch, &of_epoch(epoch)).unwrap();
    }
    spool.sync().unwrap();
    forward.stop(Duration::ZERO);
    drop(spool);
    let names = world.disk.list(Path::new("state/remote-write")).unwrap();
    let first = names.iter().find(|n| n.ends_with(".spool")).unwrap();
    world.disk.flip(&Path::new("state/remote-write").join(first), 100);
    world.recorder.answers(|_| (200, String::new()));
    let (forward, _spool) = world.start().unwrap();
    let progress = World::settle(&forward);
    assert!(progress.dropped > 0 && progress.sent > 0 && progress.dropped + progress.sent == 18, "{progress:?}");
    forward.stop(Duration::ZERO);
}

fn next(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

/// A ledger's thread of several lives: epochs behind the last checkpoint come again. `checkpoint` is the last one.
fn live(world: &World, seed: &mut u64, checkpoint: &mut u64, last: u64) -> Result<(), LiveError> {
    let (forward, mut spool) = world.start()?;
    let mut go = || -> Result<(), LiveError> {
        for epoch in *checkpoint + 1..=last {
            if next(seed, 12) == 0 {
                world.disk.fail_after(next(seed, 8), false);
            }
            spool.append(epoch, &of_epoch(epoch))?;
            if next(seed, 4) == 0 {
                spool.sync()?;
                *checkpoint = epoch;
            }
        }
        spool.sync()
    };
    let done = go();
    forward.stop(if done.is_ok() { Duration::from_secs(30) } else { Duration::ZERO });
    done
}

#[test]
fn a_disk_that_fails_anywhere_loses_no_sample() {
    for first in 0..60 {
        let mut world = World::new(first);
        world.spec.most_bytes = 1 << 14;
        let (mut seed, mut checkpoint, mut lives) = (first, 0, 0);
        while live(&world, &mut seed, &mut checkpoint, 60).is_err() {
            world.disk.crash();
            lives += 1;
            assert!(lives < 1_000);
        }
        world.disk.crash();
        let (forward, _spool) = world.start().unwrap();
        let progress = World::settle(&forward);
        assert_eq!((progress.dropped, progress.refused), (0, 0), "seed {first}");
        let got: BTreeSet<Row> = taken(&world.recorder).into_iter().collect();
        let expected: BTreeSet<Row> = rows(1..=60).into_iter().collect();
        let lost: Vec<_> = expected.difference(&got).collect();
        assert!(got == expected, "seed {first}, {lives} lives: lost {lost:?}");
        forward.stop(Duration::ZERO);
    }
}

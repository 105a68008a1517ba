//! The archive of a live run: each sample once, the same decisions from a backtest and from a replay.

use super::run::Place;
use bellwether::live::query::{Data, Queries, Query};
use bellwether::live::{ArchiveSpec, LiveConfig, LiveRun, ManualClock, PairSpec};
use bellwether_connectors::disk::RealDisk;
use bellwether_connectors::source::SampleSource;
use bellwether_connectors::source::archive::{Rolled, RolledArchive, RolledSource, read_late};
use bellwether_connectors::source::intake::{Intake, Rows};
use bellwether_connectors::source::log::LogSpec;
use bellwether_dataflow::lower;
use bellwether_dataflow::promql;
use bellwether_dataflow::render::Mode;
use bellwether_dataflow::time::LiveSpec;
use bellwether_model::{Histogram, HistogramSample, Labels};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

pub(super) const START_MS: i64 = 1_700_000_040_000;
pub(super) const TICK_MS: i64 = 5_000;
const LATENESS_MS: i64 = 10_000;
pub(super) const SPAN_MS: i64 = 60_000;
pub(super) const TICKS: i64 = 150;

const RULES: &str = r#"
groups:
- name: g
  interval: 15s
  rules:
  - record: job:load:sum
    expr: sum by (job) (load)
  - alert: High
    expr: rate(load[1m]) > 0.5
    for: 30s
  - alert: Sum
    expr: job:load:sum > 900
  - alert: Wide
    expr: histogram_count(sum(size)) > 60
  - alert: Behind
    expr: avg_over_time(lag[2m]) > 20
"#;

/// Every sample that was sent, by labels and stamp: the first value, and whether it came late.
pub(super) type Sent = BTreeMap<(Labels, i64), (Option<f64>, bool)>;

/// A run with the machine's disk and a clock that the test sets.
pub(super) struct World {
    pub(super) place: Place,
    pub(super) clock: ManualClock,
    pub(super) sent: Sent,
    /// Whether some samples come late.
    late: bool,
    /// Whether two senders of a pair send everything, of which one is away for a while.
    pairs: bool,
    /// How long after its stamps a tick's samples come, ms.
    delay_ms: i64,
    /// Event time of merged parts, ms; 0 merges none.
    pub(super) compact_ms: i64,
    /// Of the decisions in the ledger, as the run says it at its end.
    pub(super) hash: u128,
}

pub(super) fn labels(name: &str, i: i64) -> Labels {
    Labels::from_pairs([("__name__", name), ("instance", &format!("h{i}")), ("job", "j")])
}

impl World {
    pub(super) fn new(late: bool) -> Self {
        let place = Place::new();
        place.write("rules.yml", RULES);
        let (clock, sent, pairs, delay_ms) = (ManualClock::at(START_MS), Sent::new(), false, 0);
        Self { place, clock, sent, late, pairs, delay_ms, compact_ms: 0, hash: 0 }
    }

    fn state(&self) -> PathBuf {
        self.place.path("state")
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.place.path("state/archive")
    }

    pub(super) fn start(&self, workers: usize) -> LiveRun {
        let config = LiveConfig {
            disk: Arc::new(RealDisk),
            folder: self.state(),
            lock: true,
            workers,
            mode: Mode::Threads,
            time: LiveSpec { lateness_ms: LATENESS_MS, ..LiveSpec::default() },
            log: LogSpec { segment_bytes: 2_000 },
            rules: vec![self.place.path("rules.yml").display().to_string()],
            options: lower::Options { lateness_ms: Some(LATENESS_MS), ..lower::Options::default() },
            promql: promql::Options::default(),
            most_bytes: 1 << 20,
            checkpoint_ms: 10_000,
            retention_ms: 0,
            pairs: self.pairs.then(PairSpec::default),
            archive: Some(ArchiveSpec {
                span_ms: SPAN_MS,
                compact_ms: self.compact_ms,
                retry: Duration::from_millis(300),
                ..ArchiveSpec::new(&self.archive())
            }),
            remote: None,
            forward: None,
            clock: Arc::new(self.clock.clone()),
        };
        LiveRun::start(&config).unwrap().0
    }

    /// Sends what a tick brings; what comes late has stamps of long ago, some of them known already.
    pub(super) fn send(&mut self, run: &LiveRun, tick: i64) {
        let at_ms = START_MS + tick * TICK_MS;
        let mut floats = Vec::new();
        for i in 0..4 {
            let phase = (tick + i * 7) % 40;
            floats.push((labels("load", i), at_ms, (3 * if phase < 20 { tick * 2 + phase } else { tick }) as f64));
            if self.late && i < 2 && tick > 0 {
                // Beyond the lateness, beyond the span, and a repeat with another value.
                let ago = if tick % 4 == 0 { 30 } else { 5 };
                floats.push((labels("lag", i), at_ms - ago * TICK_MS, (tick % 50) as f64));
                floats.push((labels("load", i), at_ms - ago * TICK_MS, -1.0));
            }
        }
        if self.pairs {
            return self.send_twice(run, tick, &floats);
        }
        let intake = run.handle().intake();
        let mut rows = Rows::default();
        for (labels, stamp_ms, value) in floats {
            rows.push(intake.dictionary().define(&labels).0, stamp_ms, value);
            let is_late = stamp_ms < at_ms;
            self.sent.entry((labels, stamp_ms)).or_insert((Some(value), is_late));
        }
        let count = ((tick + 3) % 30) as f64;
        let histogram = Arc::new(Histogram { count: 4.0 * count, sum: count, ..Histogram::default() });
        let series = intake.dictionary().define(&labels("size", 0)).0;
        rows.histograms.push(HistogramSample { series, stamp_ms: at_ms, histogram, start_ms: 0 });
        self.sent.insert((labels("size", 0), at_ms), (None, false));
        intake.append("sender", rows).unwrap().blocking_recv().unwrap().unwrap();
    }

    /// Sends floats by both senders of a pair: values tell whose they are. The first one is away before and behind the crash.
    fn send_twice(&self, run: &LiveRun, tick: i64, floats: &[(Labels, i64, f64)]) {
        let there = [("a", !(TICKS / 2 - 3..TICKS / 2 + 20).contains(&tick)), ("b", true)];
        for (i, (replica, _)) in there.iter().enumerate().filter(|(_, (_, there))| *there) {
            let intake = run.handle().intake();
            let mut rows = Rows::default();
            for (labels, stamp_ms, value) in floats {
                let labels = labels.to_builder().set("cluster", "c").set("__replica__", replica).build();
                rows.push(intake.dictionary().define(&labels).0, *stamp_ms, value + i as f64);
            }
            // An epoch each.
            self.clock.set(START_MS + tick * TICK_MS + 150 * i as i64);
            intake.append(replica, rows).unwrap().blocking_recv().unwrap().unwrap();
        }
    }

    /// Sends the samples of some ticks, each once those before are decided.
    pub(super) fn live(&mut self, run: &LiveRun, ticks: std::ops::Range<i64>) {
        for tick in ticks {
            let now_ms = START_MS + tick * TICK_MS + self.delay_ms;
            self.clock.set(now_ms);
            self.send(run, tick);
            let begin = Instant::now();
            let view = run.handle().view();
            while view.lock().unwrap_or_else(PoisonError::into_inner).watermark_ms < now_ms - LATENESS_MS - 1 {
                if let Some(error) = run.ended(Duration::from_millis(1)) {
                    panic!("{error}");
                }
                if begin.elapsed() > Duration::from_millis(200) {
                    self.clock.set(now_ms + LiveSpec::default().min_epoch_ms);
                }
                run.handle().intake().poke();
                assert!(begin.elapsed() < Duration::from_secs(30), "nothing goes on");
            }
        }
    }

    /// A run of all ticks with a crash in between, ended well; what the archive says of itself then.
    pub(super) fn whole(&mut self) -> Rolled {
        let run = self.start(1);
        self.live(&run, 0..TICKS / 2);
        run.abandon();
        let run = self.start(2);
        self.live(&run, TICKS / 2..TICKS);
        let view = run.handle().view();
        run.stop().unwrap();
        self.hash = view.lock().unwrap_or_else(PoisonError::into_inner).rolling_hash;
        Rolled::read(&self.archive()).unwrap().unwrap()
    }

    /// Decisions as `(step, …)` without where they came to light.
    pub(super) fn decisions(&self, file: &str) -> Vec<String> {
        let text = self.place.read(file);
        let mut lines: Vec<String> = text
            .lines()
            .map(|line| {
                let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
                for key in ["epoch", "position", "check"] {
                    value.as_object_mut().unwrap().remove(key);
                }
                value.to_string()
            })
            .collect();
        lines.sort();
        lines
    }

    /// Every sample in the archive.
    pub(super) fn archived(&self, rolled: &Rolled) -> Vec<(Labels, i64, Option<f64>)> {
        let archive = Arc::new(RolledArchive::new(&self.archive(), rolled.clone()));
        let (mut source, mut batches) = (RolledSource::of(archive, 0, 1, None), Vec::new());
        assert!(source.read_upto(i64::MAX, &mut batches).unwrap());
        let (mut names, mut all) = (Vec::new(), Vec::new());
        for runs in &batches {
            names.extend(runs.defs.iter().map(|(_, labels)| labels.clone()));
            for run in runs.iter() {
                let samples = run.stamps.iter().zip(run.values);
                all.extend(samples.map(|(t, v)| (names[run.series as usize].clone(), *t, Some(*v))));
            }
            all.extend(runs.histograms.iter().map(|h| (names[h.series as usize].clone(), h.stamp_ms, None)));
        }
        all.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        all
    }
}

#[test]
fn each_sample_is_archived_once_and_the_log_goes_only_behind() {
    let mut world = World::new(true);
    let rolled = world.whole();
    let cut = rolled.cut.unwrap();
    assert!(rolled.parts.len() >= 10, "{rolled:#?}");
    assert!(rolled.parts.windows(2).all(|p| p[1].from_epoch == p[0].to_epoch + 1), "{rolled:#?}");
    let segments = std::fs::read_dir(world.place.path("state/log")).unwrap().count();
    let first = world.place.path("state/log/0000000000000001.seg");
    assert!(!first.exists() && segments < 60, "{segments} segments: the log is not collected");
    // Late ones count from the epoch on in which they came: what came behind the last part is still in the log.
    let arrived = |t: i64| t + 31 * TICK_MS + LATENESS_MS < cut.before_ms;
    let mut got = world.archived(&rolled);
    let double = got.windows(2).find(|w| (&w[0].0, w[0].1) == (&w[1].0, w[1].1));
    assert_eq!(double, None);
    assert_eq!(got.len() as u64, rolled.samples());
    got.retain(|(_, t, _)| arrived(*t));
    let sent: Vec<_> = world.sent.iter().filter(|((_, t), _)| arrived(*t)).collect();
    let expected: Vec<_> = sent.iter().map(|((labels, t), (value, _))| (labels.clone(), *t, *value)).collect();
    assert!(expected.len() > 600, "{}", expected.len());
    assert_eq!(got, expected);
    let late: u64 = rolled.parts.iter().map(|p| p.late).sum();
    let listed = rolled.parts.iter().map(|p| read_late(&p.folder(&world.archive())).unwrap().len() as u64).sum::<u64>();
    let known = world.sent.values().filter(|(_, late)| *late).count() as u64;
    assert!(late == listed && late > 200 && late <= known, "{late} late, {listed} listed, {known} sent");
}

#[test]
fn a_backtest_of_the_archive_decides_what_the_live_run_decided() {
    let mut world = World::new(false);
    let rolled = world.whole();
    let to_ms = rolled.cut.unwrap().before_ms - 15_000;
    let (from, to) = ((START_MS / 1_000).to_string(), (to_ms / 1_000).to_string());
    let rules = world.place.path("rules.yml").display().to_string();
    let args =
        ["backtest", "--rules", &rules, "--data", "state/archive", "--out", "back.jsonl", "--from", &from, "--to", &to];
    let answer = world.place.run(&args);
    assert_eq!(answer.code, 0, "{} {}", answer.out, answer.err);
    let upto = |line: &String| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["step_ms"].as_i64().unwrap() <= to_ms
    };
    let live: Vec<String> = world.decisions("state/decisions.jsonl").into_iter().filter(upto).collect();
    assert!(live.len() >= 15, "{live:#?}");
    assert_eq!(world.decisions("back.jsonl"), live);
    // An import of the archive is one in one piece.
    let answer = world.place.run(&["import", "state/archive", "--out", "whole"]);
    assert_eq!(answer.code, 0, "{} {}", answer.out, answer.err);
}

impl World {
    /// A replay gives what the live run gave.
    pub(super) fn replays_alike(&self) {
        for workers in ["1", "3"] {
            let out = format!("again{workers}.jsonl");
            let answer =
                self.place.run(&["backtest", "--replay", "state", "--out", &out, "--overwrite", "--workers", workers]);
            assert_eq!(answer.code, 0, "{} {}", answer.out, answer.err);
            assert_eq!(self.decisions(&out), self.decisions("state/decisions.jsonl"));
            assert_eq!(hash(&answer.out), format!("{:032x}", self.hash));
        }
    }
}

/// What a replay says at its end: `N decisions, hash H`.
fn hash(said: &str) -> &str {
    said.lines().find_map(|l| l.split_once("hash ")).unwrap().1
}

#[test]
fn a_replay_of_the_archive_gives_what_the_live_run_gave_and_says_what_lateness_changed() {
    let mut world = World::new(true);
    world.whole();
    assert!(!world.place.path("state/log/0000000000000001.seg").exists());
    world.replays_alike();
    let behind = |line: &String| line.contains("\"alert\":\"Behind\"");
    let live = world.decisions("state/decisions.jsonl").into_iter().filter(behind).count();
    assert!(live > 0, "late samples decide nothing");
    let ideal = ["backtest", "--replay", "state", "--ideal", "--out", "ideal.jsonl", "--report", "lateness.json"];
    let answer = world.place.run(&ideal);
    assert_eq!(answer.code, 0, "{} {}", answer.out, answer.err);
    let summary = answer.out.lines().find(|l| l.starts_with("lateness: ")).unwrap();
    assert!(
        answer.out.contains("Behind") && !summary.ends_with(" 0 only live, 0 only in time, 0 moved"),
        "{}",
        answer.out
    );
    // The report has as many as the summary says, and all of them.
    let report: serde_json::Value = serde_json::from_str(&world.place.read("lateness.json")).unwrap();
    let list = |name: &str| report[name].as_array().unwrap();
    let (live, in_time, moved) = (list("only_live"), list("only_in_time"), list("moved"));
    let counts = (live.len(), in_time.len(), moved.len());
    let said = format!(
        "{} decisions the same, {} only live, {} only in time, {} moved",
        report["same"], counts.0, counts.1, counts.2
    );
    assert_eq!(summary, format!("lateness: {said}"));
    for one in live.iter().chain(in_time).chain(moved) {
        assert!(
            one["labels"]["alertname"].is_string() && one["step_ms"].is_i64() && one["transition"].is_string(),
            "{one}"
        );
    }
    assert!(
        moved.iter().all(|one| one["in_time_step_ms"].is_i64() && one["in_time_step_ms"] != one["step_ms"]),
        "{report}"
    );
    // It is what a backtest decides, which knows nothing of lateness.
    let to_ms = Rolled::read(&world.archive()).unwrap().unwrap().cut.unwrap().before_ms - 40 * TICK_MS;
    let (from, to) = ((START_MS / 1_000).to_string(), (to_ms / 1_000).to_string());
    let rules = world.place.path("rules.yml").display().to_string();
    let answer = world.place.run(&[
        "backtest",
        "--rules",
        &rules,
        "--data",
        "state/archive",
        "--out",
        "back.jsonl",
        "--from",
        &from,
        "--to",
        &to,
    ]);
    assert_eq!(answer.code, 0, "{} {}", answer.out, answer.err);
    let upto = |line: &String| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["step_ms"].as_i64().unwrap() <= to_ms
    };
    let ideal: Vec<String> = world.decisions("ideal.jsonl").into_iter().filter(upto).collect();
    assert_eq!(world.decisions("back.jsonl"), ideal);
}

/// A part ends with the epoch whose watermark passes its span. Where it passes by more than a millisecond, as it does outside of tests,
/// that epoch evaluates the step at which the next span begins, and needs its samples.
#[test]
fn a_step_between_two_parts_reads_what_the_second_one_holds() {
    let mut world = World::new(false);
    world.delay_ms = 150;
    let rolled = world.whole();
    assert!(rolled.parts.len() >= 10 && rolled.cut.unwrap().watermark_ms > rolled.cut.unwrap().before_ms);
    let answer = world.place.run(&["backtest", "--replay", "state", "--out", "again.jsonl"]);
    assert_eq!(answer.code, 0, "{} {}", answer.out, answer.err);
    assert_eq!(world.decisions("again.jsonl"), world.decisions("state/decisions.jsonl"));
    assert_eq!(hash(&answer.out), format!("{:032x}", world.hash));
}

#[test]
fn the_archive_of_a_pair_has_what_counted_and_replays_alike() {
    let mut world = World::new(true);
    world.pairs = true;
    let rolled = world.whole();
    assert!(!world.place.path("state/log/0000000000000001.seg").exists());
    world.replays_alike();
    let archived = world.archived(&rolled);
    assert!(archived.iter().all(|(l, ..)| l.get("cluster") == "c" && l.get("__replica__").is_empty()), "{archived:?}");
    assert!(archived.windows(2).all(|w| (&w[0].0, w[0].1) != (&w[1].0, w[1].1)));
    // Of the first one until it is away, of nobody until it has been silent for 30 s, then of the second one, which stays.
    let load = labels("load", 3).to_builder().set("cluster", "c").build();
    let of = |tick: i64| {
        let at_ms = START_MS + tick * TICK_MS;
        let value = archived.iter().find(|(l, t, _)| (l, *t) == (&load, at_ms)).map(|(.., value)| value.unwrap());
        let phase = (tick + 21) % 40;
        value.map(|value| value - (3 * if phase < 20 { tick * 2 + phase } else { tick }) as f64)
    };
    let half = TICKS / 2;
    let whose: Vec<_> = [half - 10, half - 4, half - 3, half, half + 4, half + 20, half + 30].map(of).into();
    assert_eq!(whose, [Some(0.0), Some(0.0), None, None, Some(1.0), Some(1.0), Some(1.0)]);
}

#[test]
fn queries_reach_back_over_the_archive() {
    let mut world = World::new(true);
    world.whole();
    assert!(!world.place.path("state/log/0000000000000001.seg").exists());
    let run = world.start(1);
    let queries = Queries::new(run.handle());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let end_ms = START_MS + (TICKS - 1) * TICK_MS;
    let answer = |text: &str| {
        let answer = runtime.block_on(queries.answer(Query::at(text, end_ms))).unwrap();
        assert_eq!(answer.warnings, [] as [String; 0], "{text}");
        answer.data
    };
    // Every sample of the run, each once, wherever it is by now.
    for (name, i) in [("load", 0), ("load", 3), ("lag", 1)] {
        let Data::Matrix(all) = answer(&format!("{name}{{instance=\"h{i}\"}}[20m]")) else { panic!("{name}") };
        let found: Vec<(i64, Option<f64>)> = all[0].1.iter().map(|(t, v)| (*t, Some(v.float()))).collect();
        let of = |((l, t), (value, _)): (&(Labels, i64), &(Option<f64>, bool))| {
            (*l == labels(name, i)).then_some((*t, *value))
        };
        let sent: Vec<(i64, Option<f64>)> = world.sent.iter().filter_map(of).collect();
        assert!(found == sent && found.len() > 100, "{name} {i}: {} of {}", found.len(), sent.len());
    }
    let Data::Matrix(all) = answer("size[20m]") else { panic!() };
    assert_eq!(all[0].1.len(), TICKS as usize, "histograms too");
    run.abandon();
}

//! A live run over a simulated disk and clock: whatever happens to it, the ledger says what an undisturbed run says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(super) mod archive;
mod asking;
mod compliance;
mod costs;
mod forward;
mod late;
mod machines;
mod outages;
mod poison;
mod replicas;
mod sums;

use super::*;
use bellwether_connectors::disk::{Disk, fault::FaultDisk, read_whole};
use bellwether_connectors::sink::http::HttpSpec;
use bellwether_connectors::source::intake::{Intake, Rows};
use bellwether_connectors::source::log::LogSpec;
use bellwether_dataflow::lower;
use bellwether_dataflow::promql;
use bellwether_dataflow::render::Mode;
use bellwether_dataflow::time::LiveSpec;
use bellwether_model::{Decision, Labels, Transition};
use bellwether_test_support::recorder::Recorder;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

pub(super) const START_MS: i64 = 1_700_000_000_000;
pub(super) const TICK_MS: i64 = 5_000;
pub(super) const LATENESS_MS: i64 = 10_000;

pub(super) const RULES: &str = r#"
groups:
- name: offset
  interval: 15s
  query_offset: 30s
  rules:
  - record: job:load:sum
    expr: sum by (job) (load)
  - alert: Behind
    expr: job:load:sum > 700
- name: g
  interval: 15s
  rules:
  - record: job:up:count
    expr: count by (job) (count_over_time(up[30s]))
  - alert: High
    expr: rate(load[1m]) > 0.5
    for: 30s
    annotations:
      summary: "{{ $labels.instance }} at {{ $value }}"
  - alert: Many
    expr: sum by (job) (rate(load[1m])) > 1.5
  - alert: Gone
    expr: job:up:count < 4
  - alert: Nested
    expr: max_over_time(sum(load)[1m:15s]) > 400
  - alert: Follows
    expr: count(ALERTS{alertname="High", alertstate="firing"}) > 1
"#;

/// What sends samples: every 5 s one of each series, with values that make alerts come and go.
pub(super) fn samples(tick: i64) -> Vec<(Labels, i64, f64)> {
    let at = START_MS + tick * TICK_MS;
    let mut all = Vec::new();
    for i in 0..4i64 {
        let labels =
            |name: &str| Labels::from_pairs([("__name__", name), ("instance", &format!("h{i}")), ("job", "j")]);
        let phase = (tick + i * 7) % 40;
        let value = if phase < 20 { tick * 2 + phase } else { tick };
        all.push((labels("load"), at, (value * 3) as f64));
        // No rule reads it from the beginning.
        all.push((labels("queue"), at, ((tick + i) % 50) as f64));
        if !(i == 2 && (tick / 30) % 2 == 1) {
            all.push((labels("up"), at, 1.0));
        }
    }
    all
}

/// Disk, clock and configuration of a run over all its lives.
pub(super) struct World {
    pub(super) disk: FaultDisk,
    pub(super) clock: ManualClock,
    pub(super) config: LiveConfig,
    _rules: tempfile::TempDir,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self::with_rules(seed, RULES)
    }

    pub(super) fn with_rules(seed: u64, text: &str) -> Self {
        let rules = tempfile::tempdir().unwrap();
        std::fs::write(rules.path().join("rules.yml"), text).unwrap();
        let (disk, clock) = (FaultDisk::new(seed), ManualClock::at(START_MS));
        let config = LiveConfig {
            disk: Arc::new(disk.clone()),
            folder: PathBuf::from("state"),
            lock: false,
            workers: 1,
            mode: Mode::Threads,
            time: LiveSpec { lateness_ms: LATENESS_MS, ..LiveSpec::default() },
            log: LogSpec { segment_bytes: 4_000 },
            // The name is part of an alert's id: it must not depend on the temporary folder.
            rules: vec![rules.path().join("rules.yml").display().to_string()],
            options: lower::Options { lateness_ms: Some(LATENESS_MS), ..lower::Options::default() },
            promql: promql::Options::default(),
            most_bytes: 1 << 20,
            checkpoint_ms: 30_000,
            retention_ms: 0,
            pairs: None,
            archive: None,
            remote: None,
            forward: None,
            clock: Arc::new(clock.clone()),
        };
        Self { disk, clock, config, _rules: rules }
    }

    pub(super) fn start(&self, workers: usize) -> Result<LiveRun, LiveError> {
        let config = LiveConfig { workers, ..self.config.clone() };
        LiveRun::start(&config).map(|(run, _)| run)
    }

    /// Sends a tick's samples; whether they were acknowledged.
    pub(super) fn send(&self, run: &LiveRun, tick: i64) -> bool {
        let intake = run.handle().intake();
        let mut rows = Rows::default();
        for (labels, stamp_ms, value) in samples(tick) {
            rows.push(intake.dictionary().define(&labels).0, stamp_ms, value);
        }
        match intake.append("sender", rows) {
            Ok(answer) => answer.blocking_recv().is_ok_and(|a| a.is_ok()),
            Err(_) => false,
        }
    }

    /// Lets time pass to a tick.
    pub(super) fn go_to(&self, run: &LiveRun, tick: i64) {
        self.clock.set(START_MS + tick * TICK_MS);
        run.handle().intake().poke();
    }

    /// Waits until the steps up to a tick less the lateness are in the ledger, or the run has failed.
    pub(super) fn settle(&self, run: &LiveRun, tick: i64) -> bool {
        self.settle_at(run, START_MS + tick * TICK_MS)
    }

    /// The same, up to an instant less the lateness.
    fn settle_at(&self, run: &LiveRun, at_ms: i64) -> bool {
        let lateness_ms = self.config.time.lateness_ms;
        let wanted = at_ms - lateness_ms - 1;
        let begin = Instant::now();
        while run.handle().view().lock().unwrap_or_else(PoisonError::into_inner).watermark_ms < wanted {
            if let Some(error) = run.ended(Duration::from_millis(2)) {
                println!("the run has ended: {error}");
                return false;
            }
            // An epoch may have been cut at this very moment, before the sender was heard of: the next one needs a later one.
            if begin.elapsed() > Duration::from_millis(200) {
                self.clock.set(wanted + lateness_ms + 1 + LiveSpec::default().min_epoch_ms);
            }
            run.handle().intake().poke();
            assert!(begin.elapsed() < Duration::from_secs(30), "nothing goes on: {}", Self::where_it_is(run));
        }
        true
    }

    /// The process dies, and with it what was not synced.
    pub(super) fn crash(&self, run: LiveRun) {
        self.disk.fail_after(0, false);
        run.abandon();
        self.disk.crash();
    }

    /// Replays the log; it must give as many decisions as the live run says, with its hash.
    pub(super) fn replays_alike(&self) {
        let run = self.start(1).unwrap();
        let view = run.handle().view();
        let view = view.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = (view.decisions, view.rolling_hash);
        drop(view);
        run.abandon();
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        for workers in [1, 3] {
            let folder = &self.config.folder;
            let report = replay_folder(&disk, folder, workers, Arrival::AsItWas, Box::new(()), Arc::default()).unwrap();
            assert_eq!((report.decisions, report.rolling_hash), expected, "{workers} workers");
        }
    }

    fn where_it_is(run: &LiveRun) -> String {
        let handle = run.handle();
        let stats = handle.commit_stats();
        let view = run.handle().view();
        let view = view.lock().unwrap_or_else(PoisonError::into_inner);
        let (ready, depth) = (run.handle().is_ready(), run.handle().depth());
        format!("ready {ready}, {depth} epochs under way, {} at {}, {stats:?}", view.epoch, view.watermark_ms)
    }

    /// Lines of the ledger without where they came to light, and the rules' folder.
    pub(super) fn ledger(&self) -> Vec<String> {
        let bytes = read_whole(&self.disk, &self.config.folder.join("decisions.jsonl")).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let mut pairs: Vec<(u64, u64)> = Vec::new();
        let mut lines: Vec<String> = text
            .lines()
            .map(|line| {
                let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
                let object = value.as_object_mut().unwrap();
                pairs.push((object["epoch"].as_u64().unwrap(), object["position"].as_u64().unwrap()));
                for key in ["epoch", "position", "decision_id", "episode_id", "alert_id", "file", "check"] {
                    object.remove(key);
                }
                value.to_string()
            })
            .collect();
        assert!(pairs.is_sorted_by(|a, b| a < b), "(epoch, position) must ascend");
        lines.sort();
        lines
    }
}

/// A decision of alert `A`, with nothing that the book and receivers do not look at.
pub(super) fn decision(alert_id: u128, episode_id: u128, step_ms: i64, transition: Transition) -> Decision {
    Decision {
        alert_id,
        episode_id,
        decision_id: 0,
        file: String::new(),
        group: String::new(),
        alert: "A".to_owned(),
        step_ms,
        transition,
        labels: Labels::empty(),
        annotations: Labels::empty(),
        value: 1.0,
        active_at_ms: 0,
        fired_at_ms: Some(0),
        revision: 0,
        correction: None,
    }
}

/// One Alertmanager, who hears again each minute.
pub(super) fn one_receiver(url: String, external_url: &str) -> NotifySpec {
    let http = HttpSpec::new(Duration::from_secs(10));
    NotifySpec {
        receivers: vec![ReceiverSpec { url, http, alert_relabel_configs: Vec::new() }],
        resend_ms: 60_000,
        external_labels: Labels::empty(),
        alert_relabel_configs: Vec::new(),
        external_url: external_url.to_owned(),
    }
}

/// Alerts that an Alertmanager was told, from the n-th request on.
pub(super) fn alerts_told(recorder: &Recorder, from: usize) -> Vec<serde_json::Value> {
    let bodies = recorder.requests().into_iter().skip(from).map(|request| request.body);
    bodies.flat_map(|body| serde_json::from_slice::<Vec<serde_json::Value>>(&body).unwrap()).collect()
}

/// Decisions: alert and instance, transition, seconds since the beginning; in order.
type Told = Vec<(String, String, i64)>;

/// What a ledger says, without what is pending.
fn told(ledger: &[String]) -> Told {
    let mut told = Vec::new();
    for line in ledger {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let who = value["labels"]["instance"].as_str().map(|i| format!(" {i}")).unwrap_or_default();
        let step_ms = value["step_ms"].as_i64().unwrap_or_else(|| panic!("{line}"));
        if text("transition") != "pending" {
            told.push((text("alert") + &who, text("transition"), (step_ms - START_MS) / 1_000));
        }
    }
    told.sort_by(|x, y| (x.2, &x.0).cmp(&(y.2, &y.0)));
    told
}

/// Transitions of one alert.
fn only<'a>(told: &'a [(String, String, i64)], alert: &str) -> Vec<(&'a str, i64)> {
    told.iter().filter(|(name, ..)| name == alert).map(|(_, what, at)| (what.as_str(), *at)).collect()
}

const TICKS: i64 = 120;

fn undisturbed(workers: usize) -> Vec<String> {
    let world = World::new(1);
    let run = world.start(workers).unwrap();
    for tick in 0..TICKS {
        world.go_to(&run, tick);
        assert!(world.send(&run, tick));
        assert!(world.settle(&run, tick));
    }
    let report = run.stop().unwrap();
    let ledger = world.ledger();
    assert_eq!(report.decisions as usize, ledger.len());
    ledger
}

#[test]
fn decisions_do_not_depend_on_workers_or_on_when_samples_are_looked_at() {
    let expected = undisturbed(1);
    for alert in ["Behind", "High", "Many", "Gone", "Nested", "Follows"] {
        assert!(expected.iter().any(|l| l.contains(&format!("\"alert\":\"{alert}\""))), "{alert}: {expected:#?}");
    }
    assert_eq!(undisturbed(3), expected);
}

/// How a life ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Stop,
    Crash,
    /// The n-th operation of the disk from some tick on fails.
    Fail(u64),
}

fn next(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

/// A run of several lives. What was not acknowledged is sent again, as senders do.
fn disturbed(seed: u64) -> (Vec<String>, Vec<End>) {
    let world = World::new(seed);
    let ends = lives(&world, seed);
    (world.ledger(), ends)
}

/// The same in a world; how lives ended.
fn lives(world: &World, mut seed: u64) -> Vec<End> {
    let (mut tick, mut ends) = (0, Vec::new());
    while tick < TICKS {
        let workers = 1 + next(&mut seed, 4) as usize;
        let end = match next(&mut seed, 4) {
            0 => End::Stop,
            1 => End::Crash,
            _ => End::Fail(next(&mut seed, 30)),
        };
        ends.push(end);
        let until = (tick + 1 + next(&mut seed, 30) as i64).min(TICKS);
        let fails_at = tick + next(&mut seed, 20) as i64;
        let Ok(run) = world.start(workers) else {
            world.disk.crash();
            continue;
        };
        while tick < until {
            if let End::Fail(n) = end
                && tick == fails_at
            {
                world.disk.fail_after(n, n % 2 == 0);
            }
            world.go_to(&run, tick);
            if !world.send(&run, tick) || (next(&mut seed, 3) == 0 && !world.settle(&run, tick)) {
                break;
            }
            tick += 1;
        }
        match end {
            End::Stop => drop(run.stop().unwrap()),
            End::Crash | End::Fail(_) => world.crash(run),
        }
    }
    world.clock.set(START_MS + (TICKS - 1) * TICK_MS);
    let run = world.start(2).unwrap();
    // After a gap of ours the watermark waits until the sender is heard of; it repeats itself.
    assert!(world.send(&run, TICKS - 1));
    assert!(world.settle(&run, TICKS - 1));
    run.stop().unwrap();
    ends
}

#[test]
fn a_run_that_crashes_decides_what_an_undisturbed_one_decides() {
    let expected = undisturbed(2);
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let first = number("BELLWETHER_SEED").unwrap_or(0);
    for seed in first..first + number("BELLWETHER_SCHEDULES").unwrap_or(200) {
        // A run that stands still ends without saying which one it was.
        println!("scripts/schedules 1 --seed {seed}");
        let (got, ends) = disturbed(seed);
        let missing: Vec<_> = expected.iter().filter(|l| !got.contains(l)).collect();
        let more: Vec<_> = got.iter().filter(|l| !expected.contains(l)).collect();
        let again = format!("repeat with: scripts/schedules 1 --seed {seed}");
        assert!(got == expected, "{again}\n{ends:?}: missing {missing:#?}, more {more:#?}");
        if (seed + 1 - first).is_multiple_of(500) {
            println!("{} schedules from seed {first}: nothing lost, nothing wrong, nothing doubled", seed + 1 - first);
        }
    }
}

//! Real processes killed at random and at every named point: what they decide is what one that nobody kills decides.
//!
//! `BELLWETHER_KILLS=N` sets how many (25 without it); `scripts/crash` runs a thousand. The senders are real remote-write
//! requests, repeated until they are answered with success, as Prometheus does.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use bellwether_connectors::crash::CRASH_POINTS;
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::SampleSource;
use bellwether_connectors::source::archive::{Rolled, RolledArchive, RolledSource};
use bellwether_connectors::source::intake::{Batch, Dictionary, WriteLimits};
use bellwether_connectors::source::remote_write::{Version, decode, uncompress};
use bellwether_model::{Labels, Sample, Value};
use bellwether_test_support::http::{REMOTE_WRITE, http, now_ms};
use bellwether_test_support::recorder::Recorder;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

const RULES: &str = r#"
groups:
- name: g
  interval: 1s
  rules:
  - record: job:load:sum
    expr: sum by (job) (load)
  - alert: High
    expr: load > 50
    annotations: {summary: "{{ $labels.instance }} at {{ $value }}"}
  - alert: Held
    expr: avg_over_time(load[3s]) > 40
    for: 2s
  - alert: Sum
    expr: job:load:sum > 150
  - alert: Rising
    expr: rate(total[4s]) > 6
    keep_firing_for: 2s
  - alert: Follows
    expr: count(ALERTS{alertname="High", alertstate="firing"}) > 1
"#;

/// The same for every process, so that ids are.
const RULE_FILE: &str = "rules.yml";

/// Values stay low this long, so that it does not matter which process was there first.
const QUIET_MS: i64 = 4_000;

/// Samples of one moment: values follow from the stamp alone.
fn samples(start_ms: i64, at_ms: i64) -> Vec<Sample> {
    let mut all = Vec::new();
    for i in 0..6i64 {
        let phase = (at_ms / 250 + i * 13) % 40;
        let load = if at_ms < start_ms + QUIET_MS || phase < 22 { 10 } else { 30 + phase };
        let total = if at_ms < start_ms + QUIET_MS { 0 } else { (at_ms - start_ms - QUIET_MS) / 250 * (1 + i % 3) };
        for (name, value) in [("load", load), ("total", total)] {
            let labels = Labels::from_pairs([("__name__", name), ("instance", &format!("h{i}")), ("job", "j")]);
            all.push(Sample { labels, timestamp_ms: at_ms, value: Value::Float(value as f64), start_ms: 0 });
        }
    }
    all
}

/// A process and what it runs on.
struct Process {
    folder: PathBuf,
    state: String,
    port: u16,
    child: Option<Child>,
    /// Who is sent what rules write.
    store: Recorder,
}

impl Process {
    fn new(folder: &Path, state: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self {
            folder: folder.to_owned(),
            state: state.to_owned(),
            port,
            child: None,
            store: Recorder::start().unwrap(),
        }
    }

    fn start(&mut self, workers: usize, crash_at: Option<&str>) {
        let log =
            std::fs::File::options().create(true).append(true).open(self.folder.join(format!("{}.log", self.state)));
        // Another binary than the one that was built with this test: for runs that take longer than a build.
        let binary = std::env::var_os("BELLWETHER_BINARY");
        let mut command = Command::new(binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_bellwether").into()));
        command.current_dir(&self.folder).args(["run", "--rules", RULE_FILE, "--state", &self.state]);
        command.args([
            "--lateness",
            "1s",
            "--checkpoint-interval",
            "700ms",
            "--retention",
            "0s",
            "--catch-up-hold",
            "1m",
            "--archive-span",
            "1s",
            "--archive-compaction",
            "2s",
            "--remote-write",
            &self.store.url("/api/v1/write"),
        ]);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port), "--workers", &workers.to_string()]);
        command.env_remove("BELLWETHER_CRASH_AT").envs(crash_at.map(|at| ("BELLWETHER_CRASH_AT", at)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.unwrap());
        self.child = Some(command.spawn().unwrap());
    }

    /// Whether it still runs.
    fn lives(&mut self) -> bool {
        self.child.as_mut().is_some_and(|c| c.try_wait().unwrap().is_none())
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    /// Asks it to end, and waits; whether it ended well.
    fn end(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return false };
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        told.success() && child.wait().unwrap().success()
    }

    /// The watermark in the ledger, as RFC 3339.
    fn watermark(&self) -> String {
        let answer = http(self.port, "GET /api/v1/status/progress", &[], &[]);
        let value: Option<serde_json::Value> = answer.and_then(|(_, body)| serde_json::from_str(&body).ok());
        value.and_then(|v| Some(v["data"]["watermark"].as_str()?.to_owned())).unwrap_or_default()
    }

    fn told(&self) -> String {
        std::fs::read_to_string(self.folder.join(format!("{}.log", self.state))).unwrap_or_default()
    }

    /// Asserts that the archive has every sample up to where it reaches, once; how many samples and parts there are.
    fn check_archive(&self, start_ms: i64) -> (usize, usize) {
        let folder = self.folder.join(&self.state).join("archive");
        let rolled = Rolled::read(&folder).unwrap().unwrap();
        let (before_ms, parts) = (rolled.cut.unwrap().before_ms, rolled.parts.len());
        let on_disk = std::fs::read_dir(folder.join("parts")).unwrap().count();
        assert!(on_disk >= parts, "{on_disk} of {parts} parts");
        let mut source = RolledSource::of(Arc::new(RolledArchive::new(&folder, rolled)), 0, 1, None);
        let (mut batches, mut names, mut got) = (Vec::new(), Vec::new(), Vec::new());
        assert!(source.read_upto(i64::MAX, &mut batches).unwrap());
        for runs in &batches {
            names.extend(runs.defs.iter().map(|(_, labels)| labels.clone()));
            for run in runs.iter() {
                let samples = run.stamps.iter().zip(run.values);
                got.extend(samples.map(|(t, v)| (names[run.series as usize].to_string(), *t, *v as i64)));
            }
        }
        let moments = (start_ms..before_ms).step_by(250).flat_map(|at_ms| samples(start_ms, at_ms));
        let value = |s: &Sample| if let Value::Float(v) = s.value { v as i64 } else { i64::MIN };
        let mut sent: Vec<_> = moments.map(|s| (s.labels.to_string(), s.timestamp_ms, value(&s))).collect();
        got.sort();
        sent.sort();
        assert!(got == sent, "{} archived, {} sent: see {}", got.len(), sent.len(), self.folder.display());
        (got.len(), parts)
    }

    /// Samples of series that rules wrote, by series and stamp; asserts that a repeat says the same.
    fn written(&self, from_ms: i64, to_ms: i64) -> BTreeMap<(String, i64), u64> {
        let mut all = BTreeMap::new();
        for request in self.store.requests() {
            let (dictionary, limits) = (Dictionary::new(""), WriteLimits::default());
            let message = uncompress(&request.body, 1 << 26).unwrap();
            let (rows, _) = decode(Version::One, &message, Batch::new(&dictionary, &limits, i64::MAX)).unwrap();
            let samples = rows.series.iter().zip(&rows.stamps).zip(&rows.values);
            for ((series, at_ms), value) in samples.filter(|((_, at), _)| (from_ms..=to_ms).contains(*at)) {
                let key = (dictionary.labels(*series).unwrap().to_string(), *at_ms);
                let before = all.insert(key.clone(), value.to_bits());
                assert!(before.is_none_or(|bits| bits == value.to_bits()), "{key:?} was another value before");
            }
        }
        all
    }

    /// Lines of the ledger without where they came to light; asserts that every decision is there once, in order.
    fn ledger(&self) -> BTreeSet<String> {
        let text = std::fs::read_to_string(self.folder.join(&self.state).join("decisions.jsonl")).unwrap();
        let (mut pairs, mut ids, mut lines) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for line in text.lines() {
            let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
            let fields = value.as_object_mut().unwrap();
            pairs.push((fields.remove("epoch").unwrap().as_u64(), fields.remove("position").unwrap().as_u64()));
            fields.remove("check").unwrap();
            assert!(ids.insert(fields["decision_id"].to_string()), "doubled: {line}");
            lines.insert(value.to_string());
        }
        assert!(pairs.is_sorted_by(|a, b| a < b), "(epoch, position) must ascend");
        lines
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends every moment's samples to a process, each again until it is taken.
fn sender(port: u16, start_ms: i64, stop: Arc<AtomicBool>, last_ms: Arc<AtomicI64>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut at_ms = start_ms;
        while !stop.load(Ordering::SeqCst) || at_ms <= last_ms.load(Ordering::SeqCst) {
            if at_ms > now_ms() {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            let body = compress(&message(Version::One, &samples(start_ms, at_ms))).unwrap();
            match http(port, "POST /api/v1/write", &REMOTE_WRITE, &body) {
                Some((code, _)) if code / 100 == 2 => at_ms += 250,
                Some((code, answer)) if code / 100 == 4 => panic!("{code} {answer}"),
                _ => std::thread::sleep(Duration::from_millis(30)),
            }
        }
    })
}

fn next(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

/// Kills the process that often: every other time by a signal at a random moment, else at a named point. Says how often it
/// got to its point.
fn disturb(victim: &mut Process, kills: u64, seed: &mut u64) -> u64 {
    let mut at_points = 0;
    let mut point = next(seed, CRASH_POINTS.len() as u64) as usize;
    for kill in 0..kills {
        if kill % 2 == 0 {
            std::thread::sleep(Duration::from_millis(200 + next(seed, 1_200)));
            assert!(victim.lives(), "it ended by itself: {}", victim.told());
        } else {
            // A point that is not passed in time is left: the next kill comes at a random moment then.
            let begin = Instant::now();
            while victim.lives() && begin.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(Duration::from_millis(20));
            }
            at_points += u64::from(!victim.lives());
        }
        victim.kill();
        let name = CRASH_POINTS[point % CRASH_POINTS.len()];
        // The archive's come seldom.
        let pass = if name.starts_with("archive.") { 1 } else { 1 + next(seed, 4) };
        let at = format!("{name}:{pass}");
        let crash_at = (kill % 2 == 0).then_some(at.as_str());
        point += usize::from(kill % 2 == 0);
        victim.start(1 + next(seed, 4) as usize, crash_at);
    }
    if !victim.lives() || kills % 2 == 1 {
        victim.kill();
        victim.start(2, None);
    }
    at_points
}

#[test]
fn a_killed_process_decides_what_an_undisturbed_one_decides() {
    let kills = std::env::var("BELLWETHER_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(25);
    let mut seed = std::env::var("BELLWETHER_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(RULE_FILE), RULES).unwrap();
    let (mut victim, mut calm) = (Process::new(folder.path(), "victim"), Process::new(folder.path(), "calm"));
    victim.start(2, None);
    calm.start(1, None);
    let start_ms = now_ms() / 1_000 * 1_000 + 1_000;
    let (stop, last_ms) = (Arc::<AtomicBool>::default(), Arc::new(AtomicI64::new(i64::MAX)));
    let senders = [victim.port, calm.port].map(|port| sender(port, start_ms, stop.clone(), last_ms.clone()));
    std::thread::sleep(Duration::from_millis(QUIET_MS as u64));
    let at_points = disturb(&mut victim, kills, &mut seed);
    // Quiet again, and both get the same last samples.
    let end_ms = now_ms() / 1_000 * 1_000 + 8_000;
    last_ms.store(end_ms, Ordering::SeqCst);
    stop.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.join().unwrap();
    }
    let wanted = bellwether_model::civil::rfc3339(end_ms - 2_000);
    let begin = Instant::now();
    while victim.watermark() < wanted || calm.watermark() < wanted {
        assert!(victim.lives() && calm.lives(), "{}\n{}", victim.told(), calm.told());
        let at = (victim.watermark(), calm.watermark());
        assert!(begin.elapsed() < Duration::from_secs(60), "{at:?} of {wanted}: {}", victim.told());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(victim.end() && calm.end(), "{}\n{}", victim.told(), calm.told());
    for process in [&victim, &calm] {
        let (samples, parts) = process.check_archive(start_ms);
        println!("{}: {samples} samples in {parts} parts of the archive, each once", process.state);
    }
    let upto = |line: &String| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["step_ms"].as_i64().unwrap() <= end_ms - 2_000
    };
    let [got, expected] = [victim.ledger(), calm.ledger()].map(|l| l.into_iter().filter(upto).collect::<BTreeSet<_>>());
    let lost: Vec<_> = expected.difference(&got).collect();
    let wrong: Vec<_> = got.difference(&expected).collect();
    let (decisions, lost_n, wrong_n) = (expected.len(), lost.len(), wrong.len());
    println!(
        "{kills} kills, {decisions} decisions: {lost_n} lost, {wrong_n} wrong, 0 doubled; {at_points} at named points"
    );
    let [sent, wanted] = [&victim, &calm].map(|p| p.written(start_ms + QUIET_MS / 2, end_ms - 2_000));
    let missing: Vec<_> = wanted.iter().filter(|(key, bits)| sent.get(key) != Some(bits)).collect();
    println!(
        "{} samples sent on, {} lost, {} more",
        wanted.len(),
        missing.len(),
        sent.len().saturating_sub(wanted.len())
    );
    assert!(missing.is_empty() && sent.len() == wanted.len() && wanted.len() > 100, "{missing:?}");
    assert!(at_points >= kills / 4, "{at_points} of {kills} at their points");
    assert!(expected.len() > 20, "{}", expected.len());
    if !(lost.is_empty() && wrong.is_empty()) {
        let kept = folder.keep();
        panic!("lost {lost:#?}\nwrong {wrong:#?}\nsee {}", kept.display());
    }
}

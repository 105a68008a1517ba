//! A live run under load: senders, HTTP, durable log, dataflow and ledger in one process, on this machine's cores.
//!
//! # Semantics
//! The rules are those of the fleet and an alert over the pushed series. *Engine latency* is from the wall clock of an epoch's
//! binding to its decisions on disk, *decision delay* from a decision's step. [`live`] loads fresh runs, a row each; [`soak`] one
//! run for long, with a burst in the middle; [`log`] has a second engine read what a run logged.

mod load;

use crate::decode::{REQUESTS, SERIES};
use bellwether::live::{ArchiveSpec, Arrival, Latency, LiveConfig, LiveHandle, LiveRun, SystemClock, replay_folder};
use bellwether_connectors::disk::{Disk, RealDisk};
use bellwether_connectors::serve::counters::IngestCounters;
use bellwether_connectors::serve::ingest::{self, IngestConfig};
use bellwether_connectors::serve::{Server, ServerConfig};
use bellwether_connectors::source::log::LogSpec;
use bellwether_connectors::source::remote_write::Version;
use bellwether_dataflow::lower::{self, Late, LatePolicy};
use bellwether_dataflow::promql;
use bellwether_dataflow::render::Mode;
use bellwether_dataflow::time::LiveSpec;
use load::{Load, Phase, SENDERS};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const LATENESS_MS: i64 = 2_000;

/// How much later rules are evaluated again, where they are.
const WITHIN_MS: i64 = 5_000;

/// Spans of the archive: short, so that parts are written within a row.
const SPAN_MS: i64 = 5_000;

/// More than goes through: senders send as fast as they are answered.
const MOST: f64 = 1e8;

const RULES: &str = "
groups:
- name: pushed
  interval: 1s
  rules:
  - alert: Busy
    expr: container_network_receive_bytes_7_total > 0 and on() (vector(time()) % 4 < 2)
";

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}

/// What a run is loaded with.
#[derive(Clone, Copy)]
struct Setting {
    archived: bool,
    /// Whether rules are evaluated again once late samples are in.
    amends: bool,
    /// How long the log is kept, ms.
    retention_ms: i64,
}

impl Setting {
    fn late(self) -> Late {
        let policy = if self.amends { LatePolicy::Amend } else { LatePolicy::Ignore };
        Late { policy, within_ms: WITHIN_MS, ..Late::default() }
    }
}

/// A run on a fresh folder, and its server.
struct Loaded {
    live: LiveRun,
    server: Server,
    folder: PathBuf,
}

impl Loaded {
    fn start(setting: Setting) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("bellwether-bench-live-{}", std::process::id()));
        // What an earlier run that was killed left.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let rules = folder.join("rules.yml");
        std::fs::write(&rules, RULES).map_err(|e| e.to_string())?;
        let state = folder.join("state");
        let archive = ArchiveSpec { span_ms: SPAN_MS, ..ArchiveSpec::new(&state.join("archive")) };
        let config = LiveConfig {
            disk: Arc::new(RealDisk),
            folder: state,
            lock: true,
            workers: 1,
            mode: Mode::Threads,
            time: LiveSpec { lateness_ms: LATENESS_MS, ..LiveSpec::default() },
            log: LogSpec::default(),
            rules: vec![rules.display().to_string(), "examples/fleet-rules.yml".to_owned()],
            options: lower::Options {
                lateness_ms: Some(LATENESS_MS),
                late: setting.late(),
                ..lower::Options::default()
            },
            promql: promql::Options::default(),
            most_bytes: 512 << 20,
            checkpoint_ms: 10_000,
            retention_ms: setting.retention_ms,
            archive: setting.archived.then_some(archive),
            pairs: None,
            remote: None,
            forward: None,
            clock: Arc::new(SystemClock),
        };
        let (live, _) = LiveRun::start(&config).map_err(|e| e.to_string())?;
        let intake = Arc::new(live.handle().intake());
        let router = ingest::router(intake, IngestConfig::default(), Arc::<IngestCounters>::default());
        let listen = ServerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        let server = Server::start(router, &listen).map_err(|e| e.to_string())?;
        Ok(Self { live, server, folder })
    }

    /// Ends it; its folder stays.
    fn stop(self) -> Result<PathBuf, String> {
        self.server.stop(Duration::from_secs(5));
        self.live.stop().map_err(|e| e.to_string())?;
        Ok(self.folder)
    }
}

fn name(version: Version) -> &'static str {
    match version {
        Version::One => "1.0",
        Version::Two => "2.0",
    }
}

fn wanted(rate: f64) -> String {
    if rate >= MOST { "most".to_owned() } else { format!("{:.0}", rate / 1e3) }
}

fn quantiles(latency: &Latency) -> String {
    let at = |q: f64| latency.quantile_ms(q).map_or("-".to_owned(), |ms| ms.to_string());
    format!("{:>6} {:>6} {:>6}", at(0.5), at(0.95), at(0.99))
}

/// (commits, samples, bytes of the log) so far.
fn written(handle: &LiveHandle) -> (u64, u64, u64) {
    let stats = handle.commit_stats();
    let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
    (read(&stats.frames), read(&stats.samples), read(&stats.log_bytes))
}

fn head() {
    println!(
        "{} series with 10 labels over loopback, {SENDERS} senders, 1 worker, 21 rules, lateness {LATENESS_MS} ms",
        SERIES * REQUESTS
    );
    println!("x2: every rule is evaluated again {WITHIN_MS} ms later, for late samples");
    println!(
        "{:<5} {:>7} {:>7}  {:>6}  {:>20}  {:>20}  {:>8}  {:>6}  archive",
        "", "wanted", "taken", "a", "engine latency, ms", "decision delay, ms", "resident", "log"
    );
    println!(
        "{:<5} {:>7} {:>7}  {:>6}  {:>6} {:>6} {:>6}  {:>6} {:>6} {:>6}  {:>8}  {:>6}  parts",
        "", "k/s", "k/s", "fsync", "p50", "p95", "p99", "p50", "p95", "p99", "MiB", "B/s."
    );
}

/// One line: what was taken since `earlier`.
struct Line<'a> {
    first: &'a str,
    rate: f64,
    taken: f64,
    seconds: f64,
}

impl Line<'_> {
    fn print(&self, handle: &LiveHandle, earlier: &Earlier) {
        let (frames, samples, bytes) = written(handle);
        let (frames, samples, bytes) =
            (frames - earlier.written.0, samples - earlier.written.1, bytes - earlier.written.2);
        let stats = handle.stats();
        println!(
            "{:<5} {:>7} {:>7.0}  {:>6}  {}  {}  {:>8.0}  {:>6.1}  {}",
            self.first,
            wanted(self.rate),
            self.taken / self.seconds / 1e3,
            samples / frames.max(1),
            quantiles(&stats.engine.since(&earlier.engine)),
            quantiles(&stats.delay.since(&earlier.delay)),
            resident_mib(),
            bytes as f64 / samples.max(1) as f64,
            handle.archive().parts.load(Ordering::Relaxed),
        );
    }
}

/// What there was at the beginning of a line.
#[derive(Default)]
struct Earlier {
    written: (u64, u64, u64),
    engine: Latency,
    delay: Latency,
}

impl Earlier {
    fn of(handle: &LiveHandle) -> Self {
        let stats = handle.stats();
        let of = |latency: &Latency| latency.since(&Latency::default());
        Self { written: written(handle), engine: of(&stats.engine), delay: of(&stats.delay) }
    }
}

/// Loads a fresh run and prints its line; the folder it leaves, and how many samples are in its log.
fn row(rate: f64, seconds: f64, version: Version, setting: Setting) -> Result<(PathBuf, u64), String> {
    let loaded = Loaded::start(setting)?;
    let begin = Instant::now();
    let taken = Load::start(loaded.server.address(), version, &[Phase { rate, seconds }]).join()? as f64;
    let first = format!("{}{}", name(version), if setting.amends { "x2" } else { "" });
    let line = Line { first: &first, rate, taken, seconds: begin.elapsed().as_secs_f64() };
    let handle = loaded.live.handle();
    line.print(&handle, &Earlier::default());
    let (_, samples, _) = written(&handle);
    Ok((loaded.stop()?, samples))
}

/// A row for 200 k samples a second, without an archive and with one, and one for as many as go through, for both versions; the last
/// one with every rule evaluated twice.
pub fn live(seconds: Option<usize>) -> Result<(), String> {
    let seconds = seconds.map_or(30.0, |s| s as f64);
    head();
    let (one, two) = (Version::One, Version::Two);
    for (rate, version, archived, amends) in [
        (200e3, one, false, false),
        (200e3, one, true, false),
        (MOST, one, false, false),
        (200e3, two, false, false),
        (MOST, two, false, false),
        (MOST, two, true, false),
        (MOST, two, false, true),
    ] {
        let (folder, _) = row(rate, seconds, version, Setting { archived, amends, retention_ms: 0 })?;
        let _ = std::fs::remove_dir_all(&folder);
    }
    Ok(())
}

/// Lines of a long run.
const LINES: u32 = 20;

/// One run with an archive for ten minutes: 200 k samples a second, 250 k in the middle fifth.
pub fn soak(seconds: Option<usize>) -> Result<(), String> {
    let seconds = seconds.map_or(600.0, |s| s as f64);
    head();
    let loaded = Loaded::start(Setting { archived: true, amends: false, retention_ms: 0 })?;
    let handle = loaded.live.handle();
    let phase = |rate: f64, share: f64| Phase { rate, seconds: seconds * share };
    let phases = [phase(200e3, 0.4), phase(250e3, 0.2), phase(200e3, 0.4)];
    let begin = Instant::now();
    let load = Load::start(loaded.server.address(), Version::One, &phases);
    let (mut taken, mut at) = (0, begin);
    for line in 1..=LINES {
        let earlier = Earlier::of(&handle);
        let end = begin + Duration::from_secs_f64(seconds / f64::from(LINES) * f64::from(line));
        std::thread::sleep(end.saturating_duration_since(Instant::now()));
        let (now, sent) = (Instant::now(), load.sent());
        let in_burst = line > LINES * 2 / 5 && line <= LINES * 3 / 5;
        let first = format!("{:.0}s", begin.elapsed().as_secs_f64());
        let rate = if in_burst { 250e3 } else { 200e3 };
        Line { first: &first, rate, taken: (sent - taken) as f64, seconds: (now - at).as_secs_f64() }
            .print(&handle, &earlier);
        (taken, at) = (sent, now);
    }
    load.join()?;
    let folder = loaded.stop()?;
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

fn read_again(state: &Path, samples: u64, workers: usize) -> Result<(), String> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let begin = Instant::now();
    let report = replay_folder(&disk, state, workers, Arrival::AsItWas, Box::new(()), Arc::default());
    let decisions = report.map_err(|e| e.to_string())?.decisions;
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "from the log, {workers} worker(s): {samples} samples in {seconds:.2} s, {:.2} M/s, {decisions} decisions",
        samples as f64 / seconds / 1e6,
    );
    Ok(())
}

/// What a run logged under as much load as goes through, read again from its first epoch.
pub fn log(seconds: Option<usize>) -> Result<(), String> {
    head();
    let seconds = seconds.map_or(30.0, |s| s as f64);
    let setting = Setting { archived: false, amends: false, retention_ms: 3_600_000 };
    let (folder, samples) = row(MOST, seconds, Version::Two, setting)?;
    for workers in [1, 2] {
        read_again(&folder.join("state"), samples, workers)?;
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

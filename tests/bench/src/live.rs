//! A live run under load: senders, HTTP, durable log, dataflow and ledger in one process, on this machine's cores.
//!
//! # Semantics
//! Senders push requests of 2,000 series with 10 labels and one sample each over loopback, at a rate, as fast as they are
//! acknowledged. The rules are those of the fleet and an alert over the pushed series. *Engine latency* is from the wall
//! clock of an epoch's binding to its decisions on disk, *decision delay* from a decision's step.

use bellwether::live::{ArchiveSpec, LiveConfig, LiveRun, SystemClock, WallClock};
use bellwether_connectors::disk::RealDisk;
use bellwether_connectors::serve::counters::IngestCounters;
use bellwether_connectors::serve::ingest::{self, IngestConfig};
use bellwether_connectors::serve::{Server, ServerConfig};
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::log::LogSpec;
use bellwether_connectors::source::remote_write::Version;
use bellwether_dataflow::lower;
use bellwether_dataflow::promql;
use bellwether_dataflow::render::Mode;
use bellwether_dataflow::time::LiveSpec;
use bellwether_model::{Labels, Sample};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Series of a request.
const SERIES: usize = 2_000;

/// Requests that are sent in turn: 200 k series.
const REQUESTS: usize = 100;

/// Senders.
const SENDERS: usize = 2;

const LATENESS_MS: i64 = 2_000;

/// Spans of the archive: short, so that parts are written within a row.
const SPAN_MS: i64 = 5_000;

const RULES: &str = "
groups:
- name: pushed
  interval: 1s
  rules:
  - alert: Busy
    expr: container_network_receive_bytes_7_total > 0 and on() (vector(time()) % 4 < 2)
";

/// A stamp of the length that all have: its place in a message is found by it.
const STAMP_MS: i64 = 1_700_000_000_000;

/// A request whose stamps are written anew each time it is sent.
struct Template {
    message: Vec<u8>,
    stamps: Vec<usize>,
}

fn varint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

impl Template {
    fn new(number: usize, version: Version) -> Self {
        let sample = |n: usize| {
            let labels = Labels::from_pairs([
                ("__name__", format!("container_network_receive_bytes_{}_total", n % 50)),
                ("cluster", "production-eu-west-1".to_owned()),
                ("container", format!("container-{}", n % 7)),
                ("endpoint", "https-metrics".to_owned()),
                ("instance", format!("10.{}.{}.{}:10250", n % 4, n / 256 % 256, n % 256)),
                ("job", "kubelet".to_owned()),
                ("metrics_path", "/metrics/cadvisor".to_owned()),
                ("namespace", format!("team-{}", n % 30)),
                ("node", format!("ip-10-{}-{}.internal", n % 4, n / 256 % 256)),
                ("pod", format!("checkout-service-{:08x}-{n:05x}", n / 10 * 2_654_435_761 % (1 << 32))),
            ]);
            Sample::float(labels, STAMP_MS, n as f64 * 1.37)
        };
        let samples: Vec<Sample> = (0..SERIES).map(|n| sample(number * SERIES + n)).collect();
        let message = message(version, &samples);
        let pattern = varint(STAMP_MS as u64);
        let starts = message.windows(pattern.len()).enumerate().filter(|(_, w)| *w == pattern);
        let stamps = starts.map(|(at, _)| at).collect();
        Self { message, stamps }
    }

    fn body(&mut self, stamp_ms: i64) -> Option<Vec<u8>> {
        let bytes = varint(stamp_ms as u64);
        for at in &self.stamps {
            self.message[*at..*at + bytes.len()].copy_from_slice(&bytes);
        }
        compress(&self.message)
    }
}

/// One connection that is kept.
struct Connection(TcpStream);

impl Connection {
    fn post(&mut self, version: Version, body: &[u8]) -> std::io::Result<bool> {
        let (kind, number) = match version {
            Version::One => ("application/x-protobuf", "0.1.0"),
            Version::Two => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        };
        let head = format!(
            "POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Encoding: snappy\r\n\
             X-Prometheus-Remote-Write-Version: {number}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.0.write_all(&[head.as_bytes(), body].concat())?;
        let (mut answer, mut chunk) = (Vec::new(), [0; 1024]);
        while !answer.windows(4).any(|w| w == b"\r\n\r\n") {
            let n = self.0.read(&mut chunk)?;
            if n == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&chunk[..n]);
        }
        Ok(answer.starts_with(b"HTTP/1.1 204"))
    }
}

/// Sends its share of the requests, at its share of the rate.
fn send(
    at: SocketAddr,
    sender: usize,
    rate: f64,
    until: Instant,
    version: Version,
    sent: &AtomicU64,
) -> std::io::Result<()> {
    let mut connection = Connection(TcpStream::connect(at)?);
    connection.0.set_nodelay(true)?;
    let mut templates: Vec<Template> =
        (0..REQUESTS).skip(sender).step_by(SENDERS).map(|n| Template::new(n, version)).collect();
    let pause = Duration::from_secs_f64(SERIES as f64 * SENDERS as f64 / rate);
    let mut due = Instant::now();
    let turns = templates.len();
    let mut last_ms = vec![0; turns];
    for i in (0..turns).cycle() {
        if Instant::now() >= until {
            return Ok(());
        }
        if let Some(wait) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(wait);
        }
        due = (due + pause).max(Instant::now() - pause);
        // One stamp twice would be a duplicate, not load.
        let stamp_ms = SystemClock.now_ms().max(last_ms[i] + 1);
        last_ms[i] = stamp_ms;
        let body = templates[i].body(stamp_ms).ok_or(std::io::ErrorKind::InvalidData)?;
        if connection.post(version, &body)? {
            sent.fetch_add(SERIES as u64, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}

/// One row: what a rate gave over some seconds.
fn row(rate: f64, seconds: u64, version: Version, archived: bool) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("bellwether-bench-live-{}", std::process::id()));
    // What an earlier run that was killed left.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let rules = folder.join("rules.yml");
    std::fs::write(&rules, RULES).map_err(|e| e.to_string())?;
    let config = LiveConfig {
        disk: Arc::new(RealDisk),
        folder: folder.join("state"),
        lock: true,
        workers: 1,
        mode: Mode::Threads,
        time: LiveSpec { lateness_ms: LATENESS_MS, ..LiveSpec::default() },
        log: LogSpec::default(),
        rules: vec![rules.display().to_string(), "examples/fleet-rules.yml".to_owned()],
        options: lower::Options { lateness_ms: Some(LATENESS_MS), ..lower::Options::default() },
        promql: promql::Options::default(),
        most_bytes: 512 << 20,
        checkpoint_ms: 10_000,
        retention_ms: 0,
        archive: archived.then(|| ArchiveSpec { span_ms: SPAN_MS, ..ArchiveSpec::new(&folder.join("archive")) }),
        clock: Arc::new(SystemClock),
    };
    let (live, _) = LiveRun::start(&config).map_err(|e| e.to_string())?;
    let handle = live.handle();
    let router = ingest::router(Arc::new(handle.intake()), IngestConfig::default(), Arc::<IngestCounters>::default());
    let listen = ServerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::start(router, &listen).map_err(|e| e.to_string())?;
    let (at, sent) = (server.address(), Arc::<AtomicU64>::default());
    let begin = Instant::now();
    let until = begin + Duration::from_secs(seconds);
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let sent = sent.clone();
            std::thread::spawn(move || send(at, sender, rate, until, version, &sent))
        })
        .collect();
    std::thread::sleep(Duration::from_secs(seconds / 3));
    let early = resident_mib();
    for sender in senders {
        sender.join().map_err(|_| "a sender panicked")?.map_err(|e| e.to_string())?;
    }
    let (took, late) = (begin.elapsed().as_secs_f64(), resident_mib());
    let stats = handle.stats();
    let written = handle.commit_stats();
    let (frames, samples) = (written.frames.load(Ordering::Relaxed), written.samples.load(Ordering::Relaxed));
    let log = written.log_bytes.load(Ordering::Relaxed);
    let quantiles = |l: &bellwether::live::Latency| {
        let at = |q: f64| l.quantile_ms(q).map_or("-".to_owned(), |ms| ms.to_string());
        format!("{:>6} {:>6} {:>6}", at(0.5), at(0.95), at(0.99))
    };
    let total = sent.load(Ordering::Relaxed) as f64;
    println!(
        "{:<4} {:>9.0} {:>9.0}  {:>6}  {}  {}  {early:>6.0} {late:>6.0}  {:>6.1}  {}",
        if version == Version::One { "1.0" } else { "2.0" },
        rate / 1e3,
        total / took / 1e3,
        samples / frames.max(1),
        quantiles(&stats.engine),
        quantiles(&stats.delay),
        log as f64 / samples.max(1) as f64,
        if archived { handle.archive().parts.load(Ordering::Relaxed).to_string() } else { "-".to_owned() },
    );
    server.stop(Duration::from_secs(5));
    live.stop().map_err(|e| e.to_string())?;
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

/// A row for 200 k samples a second, without an archive and with one, and one for as many as go through, for both versions.
pub fn live(seconds: Option<usize>) -> Result<(), String> {
    let seconds = seconds.map_or(30, |s| s as u64);
    println!(
        "{} series with 10 labels over loopback, {SENDERS} senders, 1 worker, 21 rules, lateness {LATENESS_MS} ms, {seconds} s a row",
        SERIES * REQUESTS
    );
    println!(
        "{:<4} {:>9} {:>9}  {:>6}  {:>20}  {:>20}  {:>13}  {:>6}  archive",
        "", "wanted", "taken", "a", "engine latency, ms", "decision delay, ms", "resident MiB", "log"
    );
    println!(
        "{:<4} {:>9} {:>9}  {:>6}  {:>6} {:>6} {:>6}  {:>6} {:>6} {:>6}  {:>6} {:>6}  {:>6}  parts",
        "", "k/s", "k/s", "fsync", "p50", "p95", "p99", "p50", "p95", "p99", "1/3", "end", "B/s."
    );
    let (one, two) = (Version::One, Version::Two);
    for (rate, version, archived) in [
        (200e3, one, false),
        (200e3, one, true),
        (1e6, one, false),
        (200e3, two, false),
        (1e7, two, false),
        (1e7, two, true),
    ] {
        row(rate, seconds, version, archived)?;
    }
    Ok(())
}

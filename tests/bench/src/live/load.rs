//! Senders: remote-write over loopback, at a rate that changes with time.
//!
//! # Semantics
//! A request holds 2,000 series with 10 labels and one sample each; there are 200 k series. A sender has one connection and
//! waits for each answer, as a shard of Prometheus does. One that fell behind its rate makes up for a second at most.

use crate::decode::{REQUESTS, SERIES, sample};
use bellwether::live::{SystemClock, WallClock};
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::remote_write::Version;
use bellwether_model::Sample;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Senders: shards of Prometheus, which has 50 at most unless told otherwise.
pub const SENDERS: usize = 8;

/// What a sender that fell behind makes up for.
const BEHIND: Duration = Duration::from_secs(1);

/// Samples a second, from all senders together, for some seconds.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    pub rate: f64,
    pub seconds: f64,
}

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
        let samples: Vec<Sample> =
            (0..SERIES).map(|n| Sample { timestamp_ms: STAMP_MS, ..sample(number * SERIES + n) }).collect();
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

/// All senders of a run.
pub struct Load {
    sent: Arc<AtomicU64>,
    senders: Vec<std::thread::JoinHandle<std::io::Result<()>>>,
}

impl Load {
    /// Sends one phase after the other.
    pub fn start(at: SocketAddr, version: Version, phases: &[Phase]) -> Self {
        let sent = Arc::<AtomicU64>::default();
        let sender = |number: usize| {
            let (sent, phases) = (sent.clone(), phases.to_vec());
            std::thread::spawn(move || send(at, number, &phases, version, &sent))
        };
        Self { senders: (0..SENDERS).map(sender).collect(), sent }
    }

    /// Samples that were answered with success.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits for the end of the last phase; how many samples were taken.
    pub fn join(self) -> Result<u64, String> {
        for sender in self.senders {
            sender.join().map_err(|_| "a sender panicked")?.map_err(|e| e.to_string())?;
        }
        Ok(self.sent.load(Ordering::Relaxed))
    }
}

/// Sends its share of the requests, at its share of the rate.
fn send(at: SocketAddr, sender: usize, phases: &[Phase], version: Version, sent: &AtomicU64) -> std::io::Result<()> {
    let mut connection = Connection(TcpStream::connect(at)?);
    connection.0.set_nodelay(true)?;
    let mut templates: Vec<Template> =
        (0..REQUESTS).skip(sender).step_by(SENDERS).map(|n| Template::new(n, version)).collect();
    let turns = templates.len();
    let mut last_ms = vec![0; turns];
    let mut turn = (0..turns).cycle();
    let mut until = Instant::now();
    for phase in phases {
        let pause = Duration::from_secs_f64(SERIES as f64 * SENDERS as f64 / phase.rate);
        let mut due = until;
        until += Duration::from_secs_f64(phase.seconds);
        while Instant::now() < until {
            if let Some(wait) = due.checked_duration_since(Instant::now()) {
                std::thread::sleep(wait);
            }
            due = (due + pause).max(Instant::now() - BEHIND);
            let Some(i) = turn.next() else { return Ok(()) };
            // One stamp twice would be a duplicate, not load.
            let stamp_ms = SystemClock.now_ms().max(last_ms[i] + 1);
            last_ms[i] = stamp_ms;
            let body = templates[i].body(stamp_ms).ok_or(std::io::ErrorKind::InvalidData)?;
            if connection.post(version, &body)? {
                sent.fetch_add(SERIES as u64, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}

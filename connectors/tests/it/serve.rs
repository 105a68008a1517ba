//! The server over real sockets: status codes, headers, what is stored, and what hostile clients get.

use crate::memory::{Memory, Mode};
use bellwether_connectors::serve::counters::IngestCounters;
use bellwether_connectors::serve::ingest::{IngestConfig, router};
use bellwether_connectors::serve::{AuthConfig, InFlight, RateLimit, Server, ServerConfig, by_tenant, protect};
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::intake::{IntakeError, Reason, WriteLimits};
use bellwether_connectors::source::remote_write::Version;
use bellwether_model::{Labels, Sample};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub const NOW_MS: i64 = 1_700_000_000_000;

/// A server with an intake in memory.
pub struct Running {
    pub memory: Arc<Memory>,
    pub counters: Arc<IngestCounters>,
    server: Server,
}

pub fn start(config: IngestConfig, auth: &AuthConfig) -> Running {
    let (memory, counters) = (Arc::new(Memory::new(NOW_MS)), Arc::new(IngestCounters::default()));
    let router = protect(router(memory.clone(), config, counters.clone()), auth);
    let config = ServerConfig {
        header_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_secs(1),
        ..ServerConfig::new("127.0.0.1:0".parse().unwrap())
    };
    Running { memory, counters, server: Server::start(router, &config).unwrap() }
}

/// An answer: status, headers in lower case, body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends bytes and reads the answer until the connection ends.
fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A server that answers early does not read the rest.
    let _ = stream.write_all(bytes);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer: {all:?}"));
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: all[end + 4..].to_vec() }
}

impl Running {
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        exchange(self.address(), &[head.as_bytes(), body].concat())
    }

    fn write(&self, version: Version, body: &[u8]) -> Answer {
        let content_type = match version {
            Version::One => "application/x-protobuf",
            Version::Two => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        };
        self.post("/api/v1/write", &[("Content-Type", content_type), ("Content-Encoding", "snappy")], body)
    }

    fn count(&self, of: impl Fn(&bellwether_connectors::serve::counters::ProtocolCounters) -> &AtomicU64) -> u64 {
        of(&self.counters.remote_write).load(Ordering::Relaxed)
    }
}

fn sample(name: &str, stamp_ms: i64) -> Sample {
    Sample::float(Labels::from_pairs([("__name__", name)]), stamp_ms, 1.5)
}

fn body(version: Version, samples: &[Sample]) -> Vec<u8> {
    compress(&message(version, samples)).unwrap()
}

const BOTH: [Version; 2] = [Version::One, Version::Two];

#[test]
fn a_request_is_stored_and_answered_without_a_body() {
    let running = start(IngestConfig::default(), &AuthConfig::default());
    for version in BOTH {
        let answer = running.write(version, &body(version, &[sample("up", NOW_MS), sample("down", 5)]));
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
        let written = |what| answer.header(&format!("x-prometheus-remote-write-{what}-written")).map(str::to_owned);
        let two = (version == Version::Two).then(|| "2".to_owned());
        assert_eq!((written("samples"), written("exemplars").is_some()), (two.clone(), two.is_some()));
        let expected = [("up".to_owned(), NOW_MS, 1.5), ("down".to_owned(), 5, 1.5)];
        assert_eq!(running.memory.floats(), expected);
    }
    assert_eq!((running.count(|c| &c.requests), running.count(|c| &c.samples)), (2, 4));
    assert!(running.server.stop(Duration::from_secs(5)));
}

#[test]
fn what_is_valid_is_stored_before_the_rest_is_refused() {
    let running = start(IngestConfig::default(), &AuthConfig::default());
    for version in BOTH {
        let samples = [sample("up", NOW_MS), sample("up", NOW_MS + 600_001), Sample::float(Labels::empty(), 5, 1.0)];
        let answer = running.write(version, &body(version, &samples));
        assert_eq!(answer.status, 400);
        assert!(answer.text().starts_with("2 of 3 samples were refused: up: the stamp"), "{answer:?}");
        let written = answer.header("x-prometheus-remote-write-samples-written");
        assert_eq!(written, (version == Version::Two).then_some("1"));
        assert_eq!(running.memory.floats().len(), 1);
    }
    let rejected = |reason: Reason| running.count(|c| &c.rejected[reason as usize]);
    assert_eq!((rejected(Reason::Stamp), rejected(Reason::Labels)), (2, 2));
    assert_eq!(running.count(|c| &c.refused_requests), 2);
}

#[test]
fn what_is_no_request_is_told_why() {
    let limits = WriteLimits { body_bytes: 1_000, decoded_bytes: 10_000, ..WriteLimits::default() };
    let running = start(IngestConfig { limits, ..IngestConfig::default() }, &AuthConfig::default());
    let statuses = |body: &[u8]| BOTH.map(|version| running.write(version, body).status);
    assert_eq!(statuses(b"no snappy"), [400, 400]);
    assert_eq!(statuses(b""), [400, 400]);
    assert_eq!(statuses(&compress(&[0x0f]).unwrap()), [400, 400]);
    assert_eq!(statuses(&compress(b"").unwrap()), [204, 204]);
    assert_eq!(statuses(&compress(&[0; 10_001]).unwrap()), [413, 413]);
    assert_eq!(statuses(&[0; 1_001]), [413, 413]);
    let refused = running.write(Version::Two, b"no snappy");
    assert_eq!(refused.header("x-prometheus-remote-write-samples-written"), Some("0"));
    let of_type = |name, value| running.post("/api/v1/write", &[(name, value)], &body(Version::One, &[])).status;
    assert_eq!(of_type("Content-Type", "application/json"), 415);
    assert_eq!(of_type("Content-Type", "application/x-protobuf;proto=a.B"), 415);
    assert_eq!(of_type("Content-Encoding", "gzip"), 415);
    let get = exchange(running.address(), b"GET /api/v1/write HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!((get.status, get.header("allow")), (405, Some("post")));
    assert_eq!(running.post("/nowhere", &[], b"").status, 404);
    assert!(running.memory.take().is_empty());
}

/// 10 GB are announced, or come without being announced: refused once it is known, not once they are here.
#[test]
fn large_bodies_are_refused_before_they_are_read() {
    let running = start(IngestConfig::default(), &AuthConfig::default());
    let head = "POST /api/v1/write HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let announced = format!("{head}Content-Length: 10000000000\r\n\r\n");
    assert_eq!(exchange(running.address(), announced.as_bytes()).status, 413);
    let chunk = [b"100000\r\n".to_vec(), vec![0; 1 << 20], b"\r\n".to_vec()].concat();
    let chunked = [format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes(), chunk.repeat(17)].concat();
    assert_eq!(exchange(running.address(), &chunked).status, 413);
}

#[test]
fn what_cannot_be_taken_now_is_asked_for_again() {
    let config = IngestConfig { commit_timeout: Duration::from_millis(200), ..IngestConfig::default() };
    let running = start(config, &AuthConfig::default());
    let broken = || IntakeError::Broken { reason: "disk full".to_owned() };
    let modes = [
        (Mode::Refuse(IntakeError::Busy { retry_after_s: 7 }), "7"),
        (Mode::Refuse(broken()), "5"),
        (Mode::Fail(IntakeError::Closed), "5"),
        (Mode::Vanish, "5"),
        (Mode::Held, "5"),
    ];
    for (mode, after_s) in modes {
        running.memory.set(mode);
        let answer = running.write(Version::Two, &body(Version::Two, &[sample("up", NOW_MS)]));
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some(after_s)), "{answer:?}");
        assert_eq!(answer.header("x-prometheus-remote-write-samples-written"), Some("0"));
    }
    assert_eq!((running.count(|c| &c.postponed_requests), running.count(|c| &c.samples)), (5, 0));
}

fn wait_for(what: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if what() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it does not come");
}

#[test]
fn success_waits_for_the_disk() {
    let running = start(IngestConfig::default(), &AuthConfig::default());
    running.memory.set(Mode::Held);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| running.write(Version::One, &body(Version::One, &[sample("up", NOW_MS)])).status);
        wait_for(|| running.memory.waiting() == 1);
        assert!(!answer.is_finished());
        running.memory.release();
        assert_eq!(answer.join().unwrap(), 204);
    });
}

#[test]
fn a_server_answers_what_was_begun_before_it_ends() {
    let running = start(IngestConfig::default(), &AuthConfig::default());
    running.memory.set(Mode::Held);
    let (memory, address) = (running.memory.clone(), running.address());
    let idle = TcpStream::connect(address).unwrap();
    let sent = body(Version::One, &[sample("up", NOW_MS)]);
    let head = format!("POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", sent.len());
    let answer = std::thread::spawn(move || exchange(address, &[head.as_bytes(), &sent].concat()).status);
    wait_for(|| memory.waiting() == 1);
    let stopping = std::thread::spawn(move || running.server.stop(Duration::from_secs(10)));
    wait_for(|| TcpStream::connect(address).is_err());
    memory.release();
    assert_eq!(answer.join().unwrap(), 204);
    assert!(stopping.join().unwrap());
    drop(idle);

    // What is not done by the deadline is cut off.
    let running = start(IngestConfig::default(), &AuthConfig::default());
    running.memory.set(Mode::Held);
    let mut stream = TcpStream::connect(running.address()).unwrap();
    let sent = body(Version::One, &[sample("up", NOW_MS)]);
    write!(stream, "POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", sent.len()).unwrap();
    stream.write_all(&sent).unwrap();
    wait_for(|| running.memory.waiting() == 1);
    assert!(!running.server.stop(Duration::from_millis(50)));
}

#[test]
fn memory_of_all_requests_together_is_bounded() {
    let config = IngestConfig { in_flight: InFlight::new(1_000_000), ..IngestConfig::default() };
    let running = start(config, &AuthConfig::default());
    // It announces most of what there is, and sends nothing.
    let mut slow = TcpStream::connect(running.address()).unwrap();
    slow.write_all(b"POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n").unwrap();
    let full = || running.write(Version::One, &body(Version::One, &[sample("up", NOW_MS)]));
    wait_for(|| full().status == 503);
    assert_eq!(full().header("retry-after"), Some("1"));
    drop(slow);
    wait_for(|| full().status == 204);
}

#[test]
fn slow_clients_are_not_waited_for() {
    let config = IngestConfig { body_timeout: Duration::from_millis(200), ..IngestConfig::default() };
    let running = start(config, &AuthConfig::default());
    let slow_body = b"POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc";
    assert_eq!(exchange(running.address(), slow_body).status, 408);
    // Headers that do not end, nothing at all, and what may become HTTP/2.
    for begun in [&b"POST /api/v1/write HTTP/1.1\r\nHost:"[..], b"", b"PRI *"] {
        let mut stream = TcpStream::connect(running.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(begun).unwrap();
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        let waited_for = ended.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!waited_for, "{begun:?}: {ended:?}");
    }
}

#[test]
fn credentials_are_asked_for_before_anything_is_read() {
    let mut auth = AuthConfig::default();
    auth.user("ada", "lovelace", None);
    auth.token("first", None);
    auth.token("second", None);
    let running = start(IngestConfig::default(), &auth);
    let shown = |text: &str| {
        let headers = [("Authorization", text), ("Content-Encoding", "snappy")];
        running.post("/api/v1/write", &headers, &body(Version::One, &[sample("up", NOW_MS)]))
    };
    for accepted in ["Basic YWRhOmxvdmVsYWNl", "basic YWRhOmxvdmVsYWNl", "Bearer first", "Bearer  second"] {
        assert_eq!(shown(accepted).status, 204, "{accepted}");
        let user = accepted.to_lowercase().starts_with("basic");
        assert_eq!(running.memory.source(), if user { "ada" } else { "127.0.0.1" });
    }
    for refused in
        ["", "Bearer", "Bearer ", "Bearer firs", "Bearer First", "Basic first", "Basic YWRhOmxvdmVsYWN", "first"]
    {
        let answer = shown(refused);
        assert_eq!(answer.status, 401, "{refused}");
        assert!(answer.header("www-authenticate").is_some());
    }
    assert_eq!(running.post("/api/v1/write", &[], b"").status, 401);
    assert_eq!(running.count(|c| &c.requests), 4);
}

#[test]
fn a_tenant_reaches_its_own_log_and_no_other() {
    let mut auth = AuthConfig::default();
    auth.user("ada", "lovelace", Some("a"));
    auth.token("gateway", None);
    let (a, b) = (Arc::new(Memory::new(NOW_MS)), Arc::new(Memory::new(NOW_MS)));
    let counters = Arc::new(IngestCounters::default());
    let about =
        |text: &'static str| axum::Router::new().route("/metrics", axum::routing::post(move || async move { text }));
    let routes = |memory: &Arc<Memory>, text: &'static str| {
        router(memory.clone(), IngestConfig::default(), counters.clone()).merge(about(text))
    };
    let tenants = [("a".to_owned(), routes(&a, "of a")), ("b".to_owned(), routes(&b, "of b"))].into();
    let shared = about("of all");
    let config = ServerConfig::new("127.0.0.1:0".parse().unwrap());
    let server = Server::start(protect(by_tenant(tenants, shared), &auth), &config).unwrap();
    let running = Running { memory: a.clone(), counters: counters.clone(), server };
    let sent = |name: &str, headers: &[(&str, &str)]| {
        running.post("/api/v1/write", headers, &body(Version::One, &[sample(name, NOW_MS)])).status
    };
    let (ada, gateway) = (("Authorization", "Basic YWRhOmxvdmVsYWNl"), ("Authorization", "Bearer gateway"));
    assert_eq!(sent("one", &[ada]), 204);
    assert_eq!(sent("two", &[ada, ("X-Scope-OrgID", "a")]), 204);
    assert_eq!(sent("no", &[ada, ("X-Scope-OrgID", "b")]), 403);
    assert_eq!(sent("three", &[gateway, ("X-Scope-OrgID", "b")]), 204);
    assert_eq!(sent("no", &[gateway]), 401);
    assert_eq!(sent("no", &[gateway, ("X-Scope-OrgID", "c")]), 403);
    assert_eq!(sent("no", &[("X-Scope-OrgID", "a")]), 401);
    // A tenant hears nothing of the others.
    let about = |headers: &[(&str, &str)]| running.post("/metrics", headers, b"").text();
    assert_eq!([about(&[ada]), about(&[gateway])], ["of a", "of all"]);
    let blank = [gateway, ("X-Scope-OrgID", " ")];
    assert_eq!((about(&[gateway, ("X-Scope-OrgID", "b")]), sent("no", &blank)), ("of all".to_owned(), 401));
    let names = |memory: &Memory| memory.floats().into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
    assert_eq!((names(&a), names(&b)), (vec!["one".to_owned(), "two".to_owned()], vec!["three".to_owned()]));
}

#[test]
fn a_sender_above_its_rate_is_told_when_to_come_again() {
    for (own, status) in [(true, 429), (false, 503)] {
        let config = IngestConfig { rate: RateLimit::new(1, 2, own), ..IngestConfig::default() };
        let running = start(config, &AuthConfig::default());
        let two = body(Version::One, &[sample("up", NOW_MS), sample("up", NOW_MS + 1)]);
        assert_eq!(running.write(Version::One, &two).status, 204);
        let answer = running.write(Version::One, &two);
        assert_eq!(answer.status, status, "{answer:?}");
        let after_s: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3).contains(&after_s) && answer.text().contains("samples a second"), "{answer:?}");
        assert_eq!(running.memory.floats().len(), 2);
        assert_eq!(running.count(|c| &c.postponed_requests), 1);
    }
}

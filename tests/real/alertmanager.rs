//! A real Alertmanager hears what fires, through its own death and ours.

use super::{Run, folder, free_port, http, installed, json, listen, now_ms, quiet, wait_for};
use bellwether_connectors::sink::remote_write::{compress, message};
use bellwether_connectors::source::remote_write::Version;
use bellwether_model::{Labels, Sample, Value};
use bellwether_test_support::http::REMOTE_WRITE;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Sends a sample of `wave` twice a second, until its owner goes; what is not taken is sent again.
struct Wave {
    value: Arc<AtomicI64>,
}

impl Wave {
    const GONE: i64 = i64::MIN;

    fn to(port: u16) -> Self {
        let value = Arc::new(AtomicI64::new(0));
        let of_thread = Arc::clone(&value);
        std::thread::spawn(move || {
            let mut waiting: Vec<Sample> = Vec::new();
            while of_thread.load(Ordering::SeqCst) != Self::GONE {
                waiting.push(Sample {
                    labels: Labels::from_pairs([("__name__", "wave"), ("instance", "a")]),
                    timestamp_ms: now_ms(),
                    value: Value::Float(of_thread.load(Ordering::SeqCst) as f64),
                    start_ms: 0,
                });
                let body = compress(&message(Version::One, &waiting)).unwrap();
                if http(port, "POST /api/v1/write", &REMOTE_WRITE, &body).is_some_and(|(code, _)| code / 100 == 2) {
                    waiting.clear();
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        Self { value }
    }

    fn is(&self, value: i64) {
        self.value.store(value, Ordering::SeqCst);
    }
}

impl Drop for Wave {
    fn drop(&mut self) {
        self.is(Self::GONE);
    }
}

fn alertmanager(port: u16, folder: &Path) -> super::Killed {
    std::fs::write(folder.join("am.yml"), "route: {receiver: x, group_wait: 1s}\nreceivers: [{name: x}]\n").unwrap();
    let arguments = ["--config.file=am.yml", "--storage.path=am", "--cluster.listen-address="].map(str::to_owned);
    quiet("prometheus-alertmanager", &[&arguments[..], &[listen(port)]].concat(), folder)
}

/// Alerts in force that Alertmanager knows of.
fn known(port: u16) -> Vec<serde_json::Value> {
    let all = json(port, "/api/v2/alerts?active=true").as_array().cloned().unwrap_or_default();
    let ends = |a: &serde_json::Value| a["endsAt"].as_str().unwrap_or_default().to_owned();
    assert!(all.iter().all(|a| !ends(a).is_empty()));
    all
}

#[test]
fn alertmanager_hears_of_alerts_through_its_death_and_ours() {
    let test = "alertmanager_hears_of_alerts_through_its_death_and_ours";
    if !installed("prometheus-alertmanager", &["--version"], test) {
        return;
    }
    let folder = folder();
    let (am_port, port) = (free_port(), free_port().to_string());
    let am = alertmanager(am_port, folder.path());
    let rules = "groups: [{name: g, interval: 1s, rules: [{alert: High, expr: 'wave > 0', labels: {severity: page},
        annotations: {summary: 'it is {{ $value }}'}}]}]";
    let (url, at) = (format!("http://127.0.0.1:{am_port}"), format!("127.0.0.1:{port}"));
    let arguments = ["--listen", &at, "--alertmanager", &url, "--resend-delay", "2s"];
    std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let run = Run::again(folder.path(), &arguments);
    let wave = Wave::to(run.port);
    wave.is(1);
    wait_for("Alertmanager knows the alert", || known(am_port).len() == 1);
    let first = known(am_port).remove(0);
    assert_eq!(first["labels"]["severity"], "page");
    assert_eq!(first["annotations"]["summary"], "it is 1");
    // We die and come back: nothing ends meanwhile, and it is the same episode.
    drop(run);
    assert_eq!(known(am_port).len(), 1);
    let _run = Run::again(folder.path(), &arguments);
    for _ in 0..20 {
        assert_eq!(known(am_port).iter().map(|a| &a["startsAt"]).collect::<Vec<_>>(), [&first["startsAt"]]);
        std::thread::sleep(Duration::from_millis(200));
    }
    // Alertmanager dies and forgets: it hears of what still fires.
    drop(am);
    let am = alertmanager(am_port, folder.path());
    wait_for("the next Alertmanager knows it too", || known(am_port).len() == 1);
    assert_eq!(known(am_port)[0]["startsAt"], first["startsAt"]);
    // What ends while it is away, it does not hear of as firing.
    drop(am);
    wave.is(0);
    std::thread::sleep(Duration::from_secs(4));
    let _am = alertmanager(am_port, folder.path());
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(known(am_port), Vec::<serde_json::Value>::new());
    wave.is(3);
    wait_for("a new episode is told", || known(am_port).iter().any(|a| a["annotations"]["summary"] == "it is 3"));
    wave.is(0);
    wait_for("its end is told", || known(am_port).is_empty());
}

/// `test`, as Alertmanager wants passwords.
const HASH: &str = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay";

#[test]
fn alertmanager_behind_tls_and_a_password_hears_of_alerts() {
    let test = "alertmanager_behind_tls_and_a_password_hears_of_alerts";
    if !installed("prometheus-alertmanager", &["--version"], test) {
        return;
    }
    let folder = folder();
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/tests/tls");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let certificates = ["ca.pem", "server.pem", "server.key"].map(|name| tls.join(name).display().to_string());
    let [ca, certificate, key] = &certificates;
    write(
        "web.yml",
        &format!(
            "tls_server_config: {{cert_file: {certificate}, key_file: {key}, client_ca_file: {ca}, \
             client_auth_type: RequireAndVerifyClientCert}}\nbasic_auth_users: {{bellwether: '{HASH}'}}\n"
        ),
    );
    write("am.yml", "route: {receiver: x}\nreceivers: [{name: x}]\n");
    let am_port = free_port();
    let arguments =
        ["--config.file=am.yml", "--storage.path=am", "--cluster.listen-address=", "--web.config.file=web.yml"]
            .map(str::to_owned);
    let _am = quiet("prometheus-alertmanager", &[&arguments[..], &[listen(am_port)]].concat(), folder.path());
    write("rules.yml", "groups: [{name: g, interval: 1s, rules: [{alert: High, expr: 'wave > 0'}]}]");
    write("password", "wrong\n");
    write(
        "bellwether.yml",
        &format!(
            "rules: [rules.yml]\nevaluation: {{lateness: 1s}}\nnotifications:\n  resend_delay: 2s\n  alertmanagers:\n  - url: \
             https://localhost:{am_port}\n    basic_auth: {{username: bellwether, password_file: password}}\n    tls_config: \
             {{ca_file: {ca}, cert_file: {certificate}, key_file: {key}}}\n"
        ),
    );
    let at = format!("127.0.0.1:{}", free_port());
    let run = Run::again(folder.path(), &["--config", "bellwether.yml", "--listen", &at]);
    let wave = Wave::to(run.port);
    wave.is(1);
    let receiver = || json(run.port, "/api/v1/status/progress")["data"]["receivers"][0].clone();
    // The password is mended under the running process.
    wait_for("a wrong password is told", || receiver()["error"].as_str().is_some_and(|e| e.contains("401")));
    assert_eq!(receiver()["sent"], 0);
    write("password", "test\n");
    wait_for("Alertmanager takes the alert", || receiver()["sent"].as_u64() > Some(0));
    assert_eq!(receiver()["error"], serde_json::Value::Null);
}

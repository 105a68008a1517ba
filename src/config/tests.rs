//! Configurations that are good, and what is said of those that are not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use std::path::Path;

fn variable(name: &str) -> Option<String> {
    match name {
        "HOST" => Some("10.0.0.7".to_owned()),
        "EMPTY" => Some(String::new()),
        "HOSTILE" => Some("x\nrules: []".to_owned()),
        "QUOTE" => Some("a\"b".to_owned()),
        _ => None,
    }
}

fn read(text: &str) -> Result<Config, ConfigError> {
    from_text(text, &variable)
}

fn error(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn nothing_is_a_configuration() {
    for text in ["", "# only a comment\n", "{}"] {
        assert_eq!(read(text), Ok(Config::default()), "{text:?}");
    }
    assert_eq!(Config::default().check(), Ok(()));
}

#[test]
fn what_is_shown_reads_back() {
    let text = "\
rules: [a.yml, b/*.yml]
listen: 127.0.0.1:1
otlp_listen: 127.0.0.1:2
external_labels: {cluster: \"a: b\"}
evaluation: {lateness: 1m30s, grid: prometheus2, recorded: keep, workers: 2, features: [promql-experimental-functions], limits: {nodes: 5k}}
ingest: {limits: {body: 4MiB, series: 7, ahead: 1h}, otlp: {promote_resource_attributes: [k8s.pod.name]}, ha: {enabled: true, replica_label: replica, failover: 1m}}
state: {folder: here, retention: 1d}
log: {format: json, level: warn, label_values: true}
stop_timeout: 1m
notifications: {alertmanagers: [\"http://a:9093\"]}
remote_write: [{url: \"http://a/api/v1/push\", headers: {X-Scope-OrgID: t}, write_relabel_configs: [{regex: a, action: labeldrop}]}]
access: {tls: {cert_file: c, key_file: k}}
tenants:
  team-a: {rules: [a/*.yml], lateness: 5s, limits: {samples_per_second: 10}}
";
    let config = read(text).unwrap();
    assert_eq!(config.evaluation.lateness, Lateness::Fixed(Millis(90_000)));
    assert_eq!(config.ingest.limits.body, ByteSize::mib(4));
    let pairs = config.live("").pairs.unwrap();
    assert_eq!(
        (pairs.cluster_label.as_str(), pairs.replica_label.as_str(), pairs.failover_ms),
        ("cluster", "replica", 60_000)
    );
    assert_eq!(Config::default().live("").pairs, None);
    assert_eq!(read(&config.to_yaml().unwrap()), Ok(config));
    let all = Config::default().to_yaml().unwrap();
    assert_eq!(read(&all), Ok(Config::default()), "{all}");
}

#[test]
fn what_is_wrong_is_shown_at_its_place() {
    let cases = [
        ("listn: 1\n", "1:1: unknown field `listn`"),
        ("state:\n  retention: 2 hours\n", "2:14: "),
        ("state:\n  retention: 2 hours\n", "write 30s, 5m or 1h30m"),
        ("ingest:\n  limits:\n    body: lots\n", "3:11: \"lots\" is no size; write 4096, 64KiB, 16MiB or 2GB"),
        ("ingest: {limits: {body: -1}}", "-1 is no size"),
        ("listen: localhost\n", "1:9: "),
        ("rules: []\n", "rules: there are no rule files"),
        ("a: 1\na: 2\n", "unknown field `a`"),
        ("rules: [x]\nrules: [y]\n", "2:1: "),
        ("evaluation: {limits: {nods: 5}}", "there is no limit \"nods\""),
        ("evaluation: {interval: 0s}", "evaluation.interval: it must be longer than 0"),
        ("evaluation: {lateness: soon}", "write 30s, 5m, 1h30m or auto"),
        ("evaluation: {lateness: auto, lateness_bounds: {min: 2m, max: 1m}}", "min must not be longer than max"),
        ("evaluation: {workers: 65}", "write a number from 1 to 64"),
        (
            "evaluation: {late_data: {policy: amended}}",
            "unknown variant `amended`, expected one of ignore, audit, amend",
        ),
        (
            "evaluation: {late_data: {policy: amend, within: 0s}}",
            "evaluation.late_data.within: it must be longer than 0",
        ),
        ("tenants: {../x: {rules: [a]}}", "is no name of a tenant"),
        ("tenants: {x: {}}", "tenants.x: it has no rules"),
        ("access: {basic_auth: [{username: a}]}", "access.basic_auth[0]: write either password or password_file"),
        ("access: {tokens: [{token: a, tenant: b}]}", "there is no tenant \"b\""),
        (
            "notifications: {alert_relabel_configs: [{action: drop, regex: \"(\"}]}",
            "notifications.alert_relabel_configs: ",
        ),
        ("notifications: {alert_relabel_configs: [{acton: drop}]}", "unknown field `acton`"),
        ("stop_timeout: 0s", "stop_timeout: it must be longer than 0"),
        ("log: {format: xml}", "1:15: unknown variant `xml`"),
        ("remote_write: [{url: mimir}]", "remote_write[0]: \"mimir\" is no address of a receiver"),
        ("remote_write: [{url: http://a, remote_timeout: 0s}]", "remote_write[0].remote_timeout: it must be longer"),
        (
            "remote_write: [{url: http://a, headers: {Host: b}}]",
            "remote_write[0].headers: the header Host is set already",
        ),
        (
            "remote_write: [{url: http://a}, {url: http://a}]",
            "remote_write[1].name: \"http://a\": another receiver has",
        ),
        (
            "remote_write: [{url: http://a, write_relabel_configs: [{action: drop, regex: \"(\"}]}]",
            "[0].write_relabel_configs: ",
        ),
        ("tenants: {x: {rules: [a], remote_write: [{url: a}]}}", "tenants.x.remote_write[0]: "),
        ("ingest: {ha: {replica_label: cluster}}", "ingest.ha: cluster_label and replica_label must differ"),
        ("ingest: {ha: {cluster_label: \"\"}}", "ingest.ha.cluster_label: write the name of a label"),
        ("ingest: {ha: {failover: 0s}}", "ingest.ha.failover: it must be longer than 0"),
        ("rules: [", "1:"),
        ("---\nrules: [a]\n---\nrules: [b]\n", "4:1: "),
    ];
    for (text, want) in cases {
        let got = error(text);
        assert!(got.contains(want), "{text}\n{got}");
    }
    assert!(error("state:\n  retention: 2 hours\n").ends_with("\n  |   retention: 2 hours\n  |              ^"));
}

#[test]
fn variables_are_replaced_and_cannot_change_what_is_around_them() {
    let listen = |text: &str| read(text).map(|c| c.listen.to_string()).map_err(|e| e.to_string());
    assert_eq!(listen("listen: ${HOST}:9099"), Ok("10.0.0.7:9099".to_owned()));
    assert_eq!(listen("listen: ${NONE:-127.0.0.1}:${EMPTY:-80}"), Ok("127.0.0.1:80".to_owned()));
    assert_eq!(read("external_url: $${HOST}").map(|c| c.external_url), Ok("${HOST}".to_owned()));
    assert_eq!(read("# ${NONE}\nexternal_url: a # ${NONE}\n").map(|c| c.external_url), Ok("a".to_owned()));
    let cases = [
        ("rules: [a]\nlisten: ${NONE}:1\n", "2:9: the environment variable NONE is not set"),
        ("external_url: ${HOSTILE}", "the value of HOSTILE has characters that mean something to YAML"),
        ("external_url: \"${QUOTE}\"", "the value of QUOTE has characters"),
        ("external_url: ${HOST", "1:15: `${` without `}`"),
        ("external_url: ${a b}", "names no environment variable"),
    ];
    for (text, want) in cases {
        let got = error(text);
        assert!(got.contains(want) && !got.contains("rules: []"), "{text}\n{got}");
    }
}

#[test]
fn secrets_are_never_shown() {
    let text = "access:\n  basic_auth: [{username: ada, password: hunter2}]\n  tokens: [{token: hunter2}]\n";
    let config = read(text).unwrap();
    let shown = config.to_yaml().unwrap() + &format!("{config:?}");
    assert!(!shown.contains("hunter2") && shown.contains("<secret>"), "{shown}");
    let auth = config.access.auth().unwrap();
    assert!(!auth.is_open() && !format!("{auth:?}").contains("hunter2"));
}

#[test]
fn secrets_come_from_files_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("password", "hunter2\n");
    write("users", "grace:hopper\n\nbroken hunter3\n");
    write(
        "b.yml",
        "access: {basic_auth: [{username: ada, password_file: password}], token_file: none}\nrules: [r/*.yml, /x]",
    );
    let config = load(&folder.path().join("b.yml"), &variable).unwrap();
    assert_eq!(config.rules, [folder.path().join("r/*.yml").display().to_string(), "/x".to_owned()]);
    assert_eq!(config.state.folder, folder.path().join("bellwether-data"));
    let missing = config.access.auth().unwrap_err().to_string();
    assert!(missing.contains("none: No such file"), "{missing}");
    let access = Access { basic_auth_file: Some(folder.path().join("users")), ..Access::default() };
    let broken = access.auth().unwrap_err().to_string();
    assert!(broken.ends_with("users:3: write NAME:PASSWORD") && !broken.contains("hunter3"), "{broken}");
    write("empty", "\n");
    let access = Access { token_file: Some(folder.path().join("empty")), ..Access::default() };
    assert!(access.auth().unwrap_err().to_string().contains("nobody could come in"));
    let error = load(Path::new("/nowhere/b.yml"), &variable).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/b.yml: cannot be read: No such file"), "{error}");
}

#[test]
fn a_tenant_has_what_it_says_and_everybody_s_else() {
    let text = "\
evaluation: {lateness: 1s, interval: 30s}
state: {folder: s, archive_retention: 90d, archive_compaction: 12h}
ingest: {limits: {series: 5, samples_per_second: 100}}
tenants:
  a: {rules: [a.yml], lateness: 2s, limits: {series: 7}, archive_retention: 7d}
  b: {rules: [b.yml], notifications: {alertmanagers: [http://x:1]}}
  c: {rules: [c.yml], archive_retention: 0s}
";
    let config = read(text).unwrap();
    let (a, b) = (config.of_tenant("a"), config.of_tenant("b"));
    let fixed = |ms| Lateness::Fixed(Millis(ms));
    assert_eq!((a.evaluation.lateness, b.evaluation.lateness), (fixed(2_000), fixed(1_000)));
    assert_eq!((a.ingest.limits.series, b.ingest.limits.series), (7, 5));
    assert_eq!(a.ingest.limits.samples_per_second, 100);
    assert_eq!((a.state.folder.as_path(), a.rules.as_slice()), (Path::new("s/tenants/a"), &["a.yml".to_owned()][..]));
    assert_eq!(b.notifications.alertmanagers, [Receiver::at("http://x:1")]);
    assert_eq!(a.live("a").options.tenant, "a");
    assert_eq!((a.live("a").forward, b.live("b").forward), (None, None));
    let days = |config: &Config, name: &str| config.live(name).archive.map(|spec| spec.retention_ms / 86_400_000);
    let c = config.of_tenant("c");
    assert_eq!((days(&a, "a"), days(&b, "b"), days(&c, "c")), (Some(7), Some(90), None));
    assert_eq!(a.live("a").archive.map(|spec| spec.compact_ms), Some(43_200_000));
}

#[test]
fn an_alertmanager_is_an_address_or_says_how_it_is_reached() {
    let text = "\
notifications:
  alertmanagers:
  - http://a:9093
  - url: https://b/am
    timeout: 3s
    basic_auth: {username: us, password: hidden}
    tls_config: {ca_file: ca.pem, cert_file: c.pem, key_file: k.pem}
    alert_relabel_configs: [{action: labeldrop, regex: replica}]
";
    let config = read(text).unwrap();
    let [a, b] = &config.notify().receivers[..] else { panic!("two were asked for") };
    assert_eq!((a.url.as_str(), a.http.credentials.is_none(), a.http.timeout.as_secs()), ("http://a:9093", true, 10));
    assert_eq!((b.url.as_str(), b.http.timeout.as_secs(), b.alert_relabel_configs.len()), ("https://b/am", 3, 1));
    assert_eq!(b.http.tls.identity, Some(("c.pem".into(), "k.pem".into())));
    let shown = config.to_yaml().unwrap();
    assert!(shown.contains("- http://a:9093") && shown.contains("<secret>") && !shown.contains("hidden"), "{shown}");
    let wrong = |alertmanager: &str| {
        read(&format!("notifications:\n  alertmanagers:\n  - {alertmanager}\n")).unwrap_err().to_string()
    };
    for (alertmanager, says) in [
        ("am:9093", "notifications.alertmanagers[0]: \"am:9093\" is no address"),
        ("http://me:secret@am", "credentials apart"),
        ("{url: http://a, tls_config: {}}", "must begin with https://"),
        ("{url: https://a, tls_config: {cert_file: c}}", "belong together"),
        ("{url: http://a, basic_auth: {username: x}}", "either password or password_file"),
        ("{url: http://a, authorization: {credentials: t, credentials_file: f}}", "either credentials or"),
        ("{url: http://a, authorization: {type: 'a b', credentials: t}}", "write a scheme such as Bearer"),
        ("{url: http://a, alert_relabel_configs: [{action: replace}]}", "[0].alert_relabel_configs"),
        ("{url: http://a, basic: {}}", "basic"),
        ("{timeout: 1s}", "url"),
        ("7", "an address such as http://HOST:9093"),
    ] {
        let error = wrong(alertmanager);
        assert!(error.contains(says), "{alertmanager}: {error}");
    }
    let error = read("tenants: {t: {rules: [r.yml], notifications: {alertmanagers: [x]}}}").unwrap_err().to_string();
    assert!(error.contains("tenants.t.notifications.alertmanagers[0]"), "{error}");
}

#[test]
fn a_bucket_for_checkpoints_says_where_it_is_and_how_it_is_reached() {
    let text = "\
state:
  folder: s
  checkpoints:
    url: s3://bucket/a/b
    endpoint: http://s3:9000
    region: eu-1
    access_key_id: id
    secret_access_key: hidden
    allow_http: true
    interval: 5m
tenants:
  t: {rules: [r.yml]}
";
    let config = read(text).unwrap();
    let shown = config.to_yaml().unwrap();
    assert!(shown.contains("s3://bucket/a/b") && shown.contains("<secret>") && !shown.contains("hidden"), "{shown}");
    assert!(!format!("{:?}", config.remote()).contains("hidden"));
    let spec = config.remote().unwrap().unwrap();
    assert_eq!((spec.objects.place().as_str(), spec.interval_ms), ("s3://bucket/a/b", 300_000));
    let of_tenant = config.of_tenant("t").remote().unwrap().unwrap();
    assert_eq!(of_tenant.objects.place(), "s3://bucket/a/b/tenants/t");
    let least = read("state: {checkpoints: {url: s3://bucket}}").unwrap();
    assert_eq!(least.state.checkpoints.as_ref().unwrap().interval, Millis::seconds(60));
    assert_eq!(read(&least.to_yaml().unwrap()), Ok(least));
    assert!(Config::default().remote().unwrap().is_none());
    let wrong = |checkpoints: &str| error(&format!("state: {{checkpoints: {checkpoints}}}"));
    for (checkpoints, says) in [
        ("{url: /folder}", "state.checkpoints.url: \"/folder\" is no bucket: write s3://BUCKET/PREFIX"),
        ("{url: 's3://b'}", "is no bucket"),
        ("{url: 's3://bucket//x'}", "is no bucket"),
        ("{url: s3://bucket, endpoint: 'http://a'}", "without TLS; write https://, or allow_http: true"),
        ("{url: s3://bucket, endpoint: 'a:9000'}", "state.checkpoints.endpoint: \"a:9000\" is no address"),
        ("{url: s3://bucket, access_key_id: a}", "belong together"),
        ("{url: s3://bucket, secret_access_key: a}", "belong together"),
        ("{url: s3://bucket, access_key_id: a, secret_access_key: b, secret_access_key_file: c}", "write either"),
        ("{url: s3://bucket, interval: 0s}", "state.checkpoints.interval: it must be longer than 0"),
        ("{url: s3://bucket, key: a}", "unknown field `key`"),
        ("{interval: 1m}", "url"),
    ] {
        let error = wrong(checkpoints);
        assert!(error.contains(says), "{checkpoints}: {error}");
    }
    // A secret's file is beside the configuration, and is read by `config check`.
    let folder = tempfile::tempdir().unwrap();
    let text = "state: {checkpoints: {url: s3://bucket, access_key_id: a, secret_access_key_file: key}}";
    std::fs::write(folder.path().join("b.yml"), text).unwrap();
    let config = load(&folder.path().join("b.yml"), &variable).unwrap();
    let missing = config.remote().err().unwrap().to_string();
    assert!(
        missing.starts_with("state.checkpoints: s3://bucket: ") && missing.contains("key: No such file"),
        "{missing}"
    );
    std::fs::write(folder.path().join("key"), "hidden\n").unwrap();
    assert!(config.remote().is_ok());
}

/// Every key of the schema is documented, and no object takes unknown ones.
#[test]
fn the_schema_explains_every_key() {
    fn visit(value: &serde_json::Value, path: &str, keys: &mut usize) {
        if let Some(properties) = value.get("properties").and_then(|p| p.as_object()) {
            assert_eq!(value.get("additionalProperties"), Some(&serde_json::Value::Bool(false)), "{path}");
            for (name, property) in properties {
                assert!(property.get("description").is_some(), "{path}.{name} has no description");
                *keys += 1;
            }
        }
        match value {
            serde_json::Value::Object(map) => map.iter().for_each(|(k, v)| visit(v, &format!("{path}.{k}"), keys)),
            serde_json::Value::Array(all) => all.iter().for_each(|v| visit(v, path, keys)),
            _ => {}
        }
    }
    let mut keys = 0;
    visit(&Config::schema(), "", &mut keys);
    assert!(keys > 50, "{keys}");
}

#[test]
fn doors_that_stand_open_are_found() {
    let (near, far) = ("127.0.0.1:1".parse().unwrap(), "0.0.0.0:1".parse().unwrap());
    let open = Access::default();
    assert_eq!(open.open_door([near]), None);
    assert_eq!(open.open_door([near, far]), Some(far));
    let token = Token { token: Some(Secret("x".to_owned())), token_file: None, tenant: None };
    let with_token = Access { tokens: vec![token], ..Access::default() };
    let allowed = Access { allow_unauthenticated: true, ..Access::default() };
    assert_eq!((with_token.open_door([far]), allowed.open_door([far])), (None, None));
}

#[test]
fn lateness_may_follow_the_delays_seen() {
    let config = read("rules: [a]\nevaluation: {lateness: auto, lateness_bounds: {min: 3s, max: 8s}}").unwrap();
    let live = config.live("");
    let auto = live.time.auto.unwrap();
    assert_eq!((live.time.lateness_ms, auto.least_ms, auto.most_ms), (8_000, 3_000, 8_000));
    // Steps with a query offset wait for the wall clock however short it becomes.
    assert_eq!(live.options.lateness_ms, Some(3_000));
    assert_eq!(read("rules: [a]").unwrap().live("").time.auto, None);
}

//! `/api/v1/metadata` of a live run that senders told.

use super::live::Live;
use super::run::{Place, RULES};
use bellwether_connectors::sink::remote_write::compress;
use bellwether_test_support::http::REMOTE_WRITE;
use serde_json::{Value, json};

/// A `WriteRequest` that has nothing but metadata: type, name and help of each.
fn request(all: &[(u8, &str, &str)]) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8], bytes].concat();
    let entry = |(kind, name, help): &(u8, &str, &str)| {
        field(3, &[&[8, *kind][..], &field(2, name.as_bytes()), &field(4, help.as_bytes())].concat())
    };
    compress(&all.iter().flat_map(entry).collect::<Vec<u8>>()).unwrap()
}

#[test]
fn metadata_is_answered_as_prometheus_answers_it() {
    let place = Place::new();
    place.write("rules.yml", RULES);
    let live = Live::start(&place, &["--rules", "rules.yml"]);
    let ask = |parameters: &str| {
        let (code, body) = live.http(&format!("GET /api/v1/metadata{parameters}"), &[], b"");
        (code, serde_json::from_str::<Value>(&body).unwrap())
    };
    assert_eq!(ask(""), (200, json!({"status": "success", "data": {}})));
    let told =
        [(2, "up", "Is it?"), (1, "requests_total", "Requests."), (3, "latency_seconds", ""), (2, "up", "It is.")];
    assert_eq!(live.http("POST /api/v1/write", &REMOTE_WRITE, &request(&told)).0, 204);
    let of = |kind: &str, help: &str| json!({"type": kind, "help": help, "unit": ""});
    let (up, requests) = (json!([of("gauge", "It is."), of("gauge", "Is it?")]), json!([of("counter", "Requests.")]));
    let latency = json!([of("histogram", "")]);
    let cases = [
        ("", json!({"up": up, "requests_total": requests, "latency_seconds": latency})),
        ("?limit=2", json!({"requests_total": requests, "latency_seconds": latency})),
        ("?limit=0", json!({})),
        ("?limit=-1&limit_per_metric=0&metric=up", json!({"up": up})),
        ("?metric=up&limit_per_metric=1", json!({"up": [of("gauge", "It is.")]})),
        ("?metric=latency_seconds_bucket", json!({})),
    ];
    for (parameters, data) in cases {
        assert_eq!(ask(parameters), (200, json!({"status": "success", "data": data})), "{parameters}");
    }
    for name in ["limit", "limit_per_metric"] {
        let error = format!("{name} must be a number");
        let answer = json!({"status": "error", "errorType": "bad_data", "error": error});
        assert_eq!(ask(&format!("?{name}=x")), (400, answer));
    }
    let (_, metrics) = live.http("GET /metrics", &[], b"");
    for line in ["bellwether_metadata_metrics 3\n", "bellwether_metadata_dropped_total 0\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert_eq!(live.stop().code, 0);
}

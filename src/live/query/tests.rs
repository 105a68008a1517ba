//! Queries through the routes, over a run that is fed by hand.

#![allow(clippy::unwrap_used, clippy::panic)]

use crate::live::api::queries;
use crate::live::tests::{START_MS, TICK_MS, World};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt;

const TICKS: i64 = 80;

fn at(tick: i64) -> f64 {
    (START_MS + tick * TICK_MS) as f64 / 1_000.0
}

/// The answer to a request, and its code.
pub(in crate::live) async fn ask(router: &Router, path: &str, form: Option<&str>) -> (u16, Value) {
    let request = Request::builder().uri(path);
    let request = match form {
        Some(form) => request
            .method("POST")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned())),
        None => request.body(Body::empty()),
    };
    let answer = router.clone().oneshot(request.unwrap()).await.unwrap();
    let code = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (code, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

pub(in crate::live) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn result(router: &Router, query: &str, tick: i64) -> Value {
    let (code, answer) = ask(router, &format!("/api/v1/query?query={}&time={}", encoded(query), at(tick)), None).await;
    assert_eq!(code, 200, "{query}: {answer}");
    answer["data"]["result"].clone()
}

async fn whole(router: Router) {
    let (code, answer) = ask(&router, "/api/v1/query", Some("query=1%2B1&time=4")).await;
    assert_eq!((code, &answer["data"]), (200, &json!({"resultType": "scalar", "result": [4, "2"]})));
    // Four instances, the sample of the tick itself: every 5 s one.
    let counted = result(&router, "count by (job) (queue)", 70).await;
    assert_eq!(counted, json!([{"metric": {"job": "j"}, "value": [at(70) as i64, "4"]}]));
    let queue = result(&router, "queue{instance=\"h1\"}", 70).await;
    assert_eq!(queue[0]["value"][1], ((70 + 1) % 50).to_string());
    assert_eq!(queue[0]["metric"]["__name__"], "queue");
    let raw = result(&router, "queue{instance=\"h1\"}[12s]", 70).await;
    assert_eq!(raw[0]["values"].as_array().unwrap().len(), 3);
    let text = result(&router, "\"a\"", 70).await;
    assert_eq!(text, json!([at(70) as i64, "a"]));
    // A range: as many steps as asked for, with the value of each.
    let range = format!("/api/v1/query_range?query=time()&start={}&end={}&step=10", at(60), at(70));
    let (code, answer) = ask(&router, &range, None).await;
    assert_eq!(code, 200);
    assert_eq!(answer["data"]["result"][0]["values"].as_array().unwrap().len(), 6);
    let range = format!("/api/v1/query_range?query=sum(up)&start={}&end={}&step=5", at(20), at(70));
    let (_, answer) = ask(&router, &range, None).await;
    assert_eq!(answer["data"]["result"][0]["values"].as_array().unwrap().len(), 51);
    // What rules record and alert on, though no log holds it.
    let recorded = result(&router, "job:up:count", 78).await;
    assert_eq!(recorded.as_array().unwrap().len(), 1, "{recorded}");
    for (tick, gone) in [(50, true), (78, false)] {
        let alerts = result(&router, "count by (alertname) (ALERTS{alertstate=\"firing\"})", tick).await;
        assert!(alerts.to_string().contains("\"alertname\":\"High\""), "{alerts}");
        assert_eq!(alerts.to_string().contains("\"alertname\":\"Gone\""), gone, "{alerts}");
    }
}

async fn names(router: Router) {
    let (_, answer) = ask(&router, "/api/v1/labels", None).await;
    assert_eq!(answer["data"], json!(["__name__", "alertname", "alertstate", "instance", "job"]));
    let (_, answer) = ask(&router, "/api/v1/label/instance/values?match[]=queue&limit=2", None).await;
    assert_eq!(
        (&answer["data"], &answer["warnings"]),
        (&json!(["h0", "h1"]), &json!(["results truncated due to limit"]))
    );
    let (_, answer) = ask(&router, "/api/v1/label/__name__/values", None).await;
    assert_eq!(
        answer["data"],
        json!(["ALERTS", "ALERTS_FOR_STATE", "job:load:sum", "job:up:count", "load", "queue", "up"])
    );
    let (_, answer) = ask(&router, "/api/v1/series?match[]=up{instance=~%22h[01]%22}", None).await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert_eq!(answer["data"][0], json!({"__name__": "up", "instance": "h0", "job": "j"}));
    // What rules make is found by what they make at the end of the range.
    let path = format!("/api/v1/series?match[]=ALERTS%7Balertname=%22High%22%7D&end={}", at(50));
    let (_, answer) = ask(&router, &path, None).await;
    assert!(answer["data"].to_string().contains("\"alertstate\":\"firing\""), "{answer}");
    let (_, answer) = ask(&router, &format!("/api/v1/series?match[]=job:up:count&end={}", at(50)), None).await;
    assert_eq!(answer["data"], json!([{"__name__": "job:up:count", "job": "j"}]));
    for (path, empty) in [("metadata", json!({})), ("query_exemplars?query=up", json!([]))] {
        let (code, answer) = ask(&router, &format!("/api/v1/{path}"), None).await;
        assert_eq!((code, &answer["data"]), (200, &empty));
    }
    let (_, answer) = ask(&router, "/api/v1/format_query?query=sum(up)by(job)", None).await;
    assert_eq!(answer["data"], "sum by (job) (up)");
}

async fn errors(router: Router) {
    let now = at(70);
    let cases = [
        ("/api/v1/query?query=up(".to_owned(), 400, "bad_data", "invalid parameter \"query\": "),
        ("/api/v1/query?query=up&time=x".to_owned(), 400, "bad_data", "invalid parameter \"time\": "),
        ("/api/v1/series".to_owned(), 400, "bad_data", "no match[] parameter provided"),
        (
            "/api/v1/series?match[]=%7B%7D".to_owned(),
            400,
            "bad_data",
            "match[] must contain at least one non-empty matcher",
        ),
        ("/api/v1/series?match[]=up[5m]".to_owned(), 400, "bad_data", "invalid parameter \"match[]\": "),
        ("/api/v1/series?match[]=sum(up)".to_owned(), 400, "bad_data", "invalid parameter \"match[]\": "),
        // Rules and subqueries are evaluated at their own instants: hostile ranges would be so many that nobody waits.
        (
            "/api/v1/query_range?query=ALERTS&start=0&end=1e10&step=1e7".to_owned(),
            422,
            "execution",
            "the query would evaluate ",
        ),
        (
            "/api/v1/query_range?query=max_over_time(vector(1)[1m:1s])&start=0&end=1e10&step=1e7".to_owned(),
            422,
            "execution",
            "the query would evaluate ",
        ),
        (
            format!("/api/v1/query_range?query=up[1m]&start={now}&end={now}&step=1"),
            400,
            "bad_data",
            "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
        ),
        (
            format!("/api/v1/query?query=queue*on(job)load&time={now}"),
            422,
            "execution",
            "found duplicate series for the match group",
        ),
    ];
    for (path, code, kind, text) in cases {
        let (got, answer) = ask(&router, &path, None).await;
        assert_eq!(
            (got, &answer["errorType"], &answer["status"]),
            (code, &json!(kind), &json!("error")),
            "{path}: {answer}"
        );
        assert!(answer["error"].as_str().unwrap().starts_with(text), "{path}: {answer}");
    }
}

#[test]
fn queries_are_answered_over_what_the_log_holds() {
    let mut world = World::new(5);
    world.config.retention_ms = 3_600_000;
    let run = world.start(2).unwrap();
    for tick in 0..TICKS {
        world.go_to(&run, tick);
        assert!(world.send(&run, tick));
        assert!(world.settle(&run, tick));
    }
    let router = queries(run.handle());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        whole(router.clone()).await;
        names(router.clone()).await;
        errors(router).await;
    });
    run.stop().unwrap();
}

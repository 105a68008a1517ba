//! `/api/v1/query`, `/api/v1/query_range` and `/api/v1/format_query`, by GET and by POST of a form.

use super::answer::{failed, success, success_text};
use super::params::Params;
use super::result;
use crate::live::query::{LONGEST, Queries, Query, QueryError};
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Steps of a range query at most, the first one left out: Prometheus's.
const MOST_STEPS: i64 = 11_000;

/// What an instant query asks for.
fn instant(params: &Params, now_ms: i64) -> Result<Query, QueryError> {
    let limit = params.limit()?;
    let at_ms = params.time_if_given("time")?.unwrap_or(now_ms);
    common(params, Query { limit, ..Query::at(params.text("query"), at_ms) })
}

/// What a range query asks for.
fn range(params: &Params) -> Result<Query, QueryError> {
    let limit = params.limit()?;
    let (start_ms, end_ms) = (params.time("start")?, params.time("end")?);
    if end_ms < start_ms {
        return Err(QueryError::parameter("end", "end timestamp must not be before start time"));
    }
    let step_ms = params.duration("step")?;
    if step_ms <= 0 {
        let why = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(QueryError::parameter("step", why));
    }
    if (end_ms - start_ms) / step_ms > MOST_STEPS {
        let text = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
        return Err(QueryError::BadData(text.to_owned()));
    }
    common(params, Query { end_ms, step_ms: Some(step_ms), limit, ..Query::at(params.text("query"), start_ms) })
}

/// What both have.
fn common(params: &Params, query: Query) -> Result<Query, QueryError> {
    let given_ms = params.duration_if_given("timeout")?.filter(|ms| *ms > 0);
    let timeout = given_ms.map_or(LONGEST, |ms| LONGEST.min(Duration::from_millis(ms.unsigned_abs())));
    let lookback_ms = params.duration_if_given("lookback_delta")?.filter(|ms| *ms > 0);
    Ok(Query { timeout, lookback_ms, ..query })
}

async fn respond(queries: &Queries, query: Result<Query, QueryError>) -> Response {
    let query = match query {
        Ok(query) => query,
        Err(error) => return failed(&error),
    };
    match queries.answer(query).await {
        Ok(answer) => success_text(result::answer(&answer)),
        Err(error) => failed(&error),
    }
}

/// An expression at an instant.
pub async fn query(State(queries): State<Arc<Queries>>, params: Params) -> Response {
    respond(&queries, instant(&params, queries.now_ms())).await
}

/// An expression over a range.
pub async fn query_range(State(queries): State<Arc<Queries>>, params: Params) -> Response {
    respond(&queries, range(&params)).await
}

/// An expression in print.
pub async fn format_query(State(queries): State<Arc<Queries>>, params: Params) -> Response {
    match queries.format(params.text("query")) {
        Ok(text) => success(Value::String(text)),
        Err(error) => failed(&error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn params(text: &str) -> Params {
        Params::new(&[text.as_bytes()])
    }

    #[test]
    fn an_instant_is_now_unless_told_otherwise() {
        assert_eq!(instant(&params("query=up"), 77), Ok(Query::at("up", 77)));
        let asked = instant(&params("query=up&time=4&limit=3&timeout=1s&lookback_delta=1m"), 77).unwrap();
        let (timeout, lookback_ms) = (Duration::from_secs(1), Some(60_000));
        assert_eq!(asked, Query { timeout, lookback_ms, limit: 3, ..Query::at("up", 4_000) });
        // Nobody may ask for longer than everybody.
        assert_eq!(instant(&params("query=up&timeout=1h"), 0).unwrap().timeout, LONGEST);
        let error = instant(&params("query=up&time=x"), 0).unwrap_err().to_string();
        let expected =
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp";
        assert_eq!(error, expected);
    }

    #[test]
    fn ranges_are_checked_as_prometheus_checks_them() {
        let good = range(&params("query=up&start=0&end=100&step=10")).unwrap();
        assert_eq!(good, Query { end_ms: 100_000, step_ms: Some(10_000), ..Query::at("up", 0) });
        let cases = [
            ("start=x&end=1&step=1", "invalid parameter \"start\": cannot parse \"x\" to a valid timestamp"),
            ("start=0&step=1", "invalid parameter \"end\": cannot parse \"\" to a valid timestamp"),
            ("start=2&end=1&step=1", "invalid parameter \"end\": end timestamp must not be before start time"),
            ("start=0&end=1&step=x", "invalid parameter \"step\": cannot parse \"x\" to a valid duration"),
            (
                "start=0&end=1&step=0",
                "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
            ),
            (
                "start=0&end=11001&step=1",
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(range(&params(text)), Err(QueryError::BadData(expected.to_owned())), "{text}");
        }
        assert!(range(&params("start=0&end=11000&step=1")).is_ok());
        assert!(range(&params("start=-9e12&end=9e12&step=1s")).is_err());
    }
}

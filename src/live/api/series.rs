//! `/api/v1/series`, `/api/v1/labels` and `/api/v1/label/…/values`; `/api/v1/metadata`; and exemplars, which are not kept here and
//! are empty.

use super::answer::{failed, success, success_text};
use super::params::Params;
use super::result::{envelope, labels, list, string};
use crate::live::query::{Queries, QueryError, SeriesQuery, Wanted};
use axum::extract::{Path, State};
use axum::response::Response;
use bellwether_connectors::source::intake::Entry;
use serde_json::{Value, json};
use std::sync::Arc;

fn asked(params: &Params, wanted: Wanted, now_ms: i64) -> Result<SeriesQuery, QueryError> {
    let limit = params.limit()?;
    params.time_if_given("start")?;
    let end_ms = params.time_if_given("end")?.map_or(now_ms, |end_ms| end_ms.min(now_ms));
    Ok(SeriesQuery { wanted, selectors: params.all("match[]"), end_ms, limit })
}

async fn respond(queries: &Queries, params: &Params, wanted: Wanted) -> Response {
    let found = match asked(params, wanted.clone(), queries.now_ms()) {
        Ok(asked) => queries.series(asked).await,
        Err(error) => Err(error),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return failed(&error),
    };
    let mut data = String::new();
    match wanted {
        Wanted::Series => list(&mut data, &found.series, labels),
        Wanted::Names | Wanted::Values(_) => list(&mut data, &found.texts, |out, one| string(out, one)),
    }
    success_text(envelope(&data, &found.warnings, &[]))
}

/// Series that selectors select.
pub async fn series(State(queries): State<Arc<Queries>>, params: Params) -> Response {
    if params.all("match[]").is_empty() {
        return failed(&QueryError::BadData("no match[] parameter provided".to_owned()));
    }
    respond(&queries, &params, Wanted::Series).await
}

/// Names of labels.
pub async fn label_names(State(queries): State<Arc<Queries>>, params: Params) -> Response {
    respond(&queries, &params, Wanted::Names).await
}

/// Values of a label.
pub async fn label_values(State(queries): State<Arc<Queries>>, Path(name): Path<String>, params: Params) -> Response {
    respond(&queries, &params, Wanted::Values(name)).await
}

/// A parameter that limits; anything where it is not there.
fn at_most(params: &Params, name: &str) -> Result<Option<i64>, QueryError> {
    match params.text(name) {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| QueryError::BadData(format!("{name} must be a number"))),
    }
}

/// Types, help and units of metrics, as senders say them (Prometheus web/api/v1, `metricMetadata`): of several that are said of one
/// metric the newest comes first.
pub async fn metadata(State(queries): State<Arc<Queries>>, params: Params) -> Response {
    let limits = at_most(&params, "limit").and_then(|limit| Ok((limit, at_most(&params, "limit_per_metric")?)));
    let (limit, per_metric) = match limits {
        // Prometheus: a negative limit is none; that of a metric is none at 0 either.
        Ok((limit, per_metric)) => (
            limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX),
            per_metric.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(usize::MAX),
        ),
        Err(error) => return failed(&error),
    };
    let metric = Some(params.text("metric")).filter(|metric| !metric.is_empty());
    let entry = |e: Entry| json!({"type": e.kind.name(), "help": &*e.help, "unit": &*e.unit});
    let all = queries.metadata(metric, limit, per_metric).into_iter();
    success(all.map(|(name, entries)| (name, entries.into_iter().map(entry).collect::<Value>())).collect())
}

/// Exemplars are not kept.
pub async fn exemplars() -> Response {
    success(json!([]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_looked_for_past_now() {
        let asked = |text: &str| asked(&Params::new(&[text.as_bytes()]), Wanted::Names, 50_000);
        let of = |end_ms, limit, selectors: &[&str]| {
            let selectors = selectors.iter().map(|s| (*s).to_owned()).collect();
            Ok(SeriesQuery { wanted: Wanted::Names, selectors, end_ms, limit })
        };
        assert_eq!(asked("match[]=up&match[]=x&limit=2"), of(50_000, 2, &["up", "x"]));
        assert_eq!((asked("end=40"), asked("end=60")), (of(40_000, 0, &[]), of(50_000, 0, &[])));
        assert!(asked("start=x").is_err() && asked("end=x").is_err() && asked("limit=x").is_err());
    }
}

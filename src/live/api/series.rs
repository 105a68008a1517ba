//! `/api/v1/series`, `/api/v1/labels` and `/api/v1/label/…/values`; and what a data source asks for that is not kept here:
//! metadata and exemplars, which are empty.

use super::answer::{failed, success, success_text};
use super::params::Params;
use super::result::{envelope, labels, list, string};
use crate::live::query::{Queries, QueryError, SeriesQuery, Wanted};
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
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

/// Types and help of metrics: senders' metadata is not kept.
pub async fn metadata() -> Response {
    success(json!({}))
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

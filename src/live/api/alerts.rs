//! `/api/v1/alerts`: alerts that are pending or firing.

use super::Api;
use super::answer::{rfc3339, success};
use crate::live::Active;
use axum::extract::State;
use axum::response::Response;
use bellwether_model::{Labels, Transition};
use serde_json::{Map, Value, json};
use std::sync::{Arc, PoisonError};

/// Labels as an object.
pub fn object(labels: &Labels) -> Value {
    let pairs = labels.iter().map(|(name, value)| (name.to_owned(), Value::String(value.to_owned())));
    Value::Object(pairs.collect::<Map<_, _>>())
}

/// `pending` or `firing`; `None` where it is neither any more.
pub fn state(alert: &Active) -> Option<&'static str> {
    match alert.decision.transition {
        Transition::Pending => Some("pending"),
        Transition::Firing => Some("firing"),
        Transition::Resolved | Transition::Dropped => None,
    }
}

/// One alert; `None` where it is over.
pub fn alert(alert: &Active) -> Option<Value> {
    let state = state(alert)?;
    let d = &alert.decision;
    Some(json!({
        "labels": object(&d.labels),
        "annotations": object(&d.annotations),
        "state": state,
        "activeAt": rfc3339(d.active_at_ms),
        "value": scientific(d.value),
    }))
}

/// A float as Go's `%e` with the fewest digits writes it: `1e+00`.
pub fn scientific(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// All of them.
pub async fn alerts(State(api): State<Arc<Api>>) -> Response {
    let view = api.run.view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    let all: Vec<Value> = view.book.iter().filter_map(alert).collect();
    success(json!({"alerts": all}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_go_writes_them() {
        let cases = [(1.0, "1e+00"), (0.0, "0e+00"), (-1234.5, "-1.2345e+03"), (1e-7, "1e-07"), (1e100, "1e+100")];
        for (value, text) in cases {
            assert_eq!(scientific(value), text);
        }
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(scientific), ["NaN", "+Inf", "-Inf"]);
    }
}

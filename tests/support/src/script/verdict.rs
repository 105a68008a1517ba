//! Whether an outcome is what a script expects: Prometheus's own comparison.
//!
//! # Semantics
//! Values are equal within a relative 1e-6, two NaNs are equal, a stale marker only equals a stale marker. The order
//! of an instant vector counts only where the script says so; series of a range are compared by labels and stamps.
//!
//! # Errors
//! The text of the first difference.

use super::notation::Value;
use super::{Eval, EvalTime, Expected, FailMatch, QueryOutcome};
use bellwether_model::{Histogram, Labels, Value as Sampled, is_stale};
use std::collections::BTreeMap;

const EPSILON: f64 = 1e-6;

/// Prometheus's `almost.Equal` with the tolerance of its scripts.
pub fn almost_equal(a: f64, b: f64) -> bool {
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}

type Verdict = Result<(), String>;

/// Compares an outcome that is neither "not supported" nor a value for an expected error.
pub(super) fn check(eval: &Eval, outcome: &QueryOutcome) -> Verdict {
    match (outcome, &eval.fail) {
        (QueryOutcome::Error(message), Some(want)) => check_error(message, want),
        (QueryOutcome::Error(message), None) => Err(format!("unexpected error: {message}")),
        (_, Some(_)) => Err(format!("expected an error, got {outcome:?}")),
        _ => check_value(eval, outcome),
    }
}

fn check_error(message: &str, want: &FailMatch) -> Verdict {
    let found = match want {
        FailMatch::Any => true,
        FailMatch::Message(text) => text == message,
        FailMatch::Regex(text) => regex::Regex::new(text).map_err(|e| e.to_string())?.is_match(message),
    };
    if found { Ok(()) } else { Err(format!("expected error {want:?}, got {message:?}")) }
}

/// Compares annotations with those expected.
pub(super) fn check_notes(eval: &Eval, found: &[String]) -> Verdict {
    if eval.fail.is_some() {
        return Ok(());
    }
    for (level, want) in [("warning", &eval.warnings), ("info", &eval.infos)] {
        let prefix = format!("PromQL {level}: ");
        let found: Vec<&String> = found.iter().filter(|text| text.starts_with(&prefix)).collect();
        if want.none && !found.is_empty() {
            return Err(format!("unexpected annotations: {found:?}"));
        }
        let expected = |text: &String| want.some.iter().any(|w| check_error(text, w).is_ok());
        if let Some(missing) = want.some.iter().find(|w| !found.iter().any(|text| check_error(text, w).is_ok())) {
            return Err(format!("expected {level} {missing:?}, got {found:?}"));
        }
        if let Some(text) = found.iter().find(|text| !want.some.is_empty() && !expected(text)) {
            return Err(format!("unexpected annotation {text:?}"));
        }
    }
    Ok(())
}

fn check_value(eval: &Eval, outcome: &QueryOutcome) -> Verdict {
    match (outcome, &eval.expected) {
        (QueryOutcome::Scalar(got), Expected::Scalar(want)) => check_number(*want, *got, "scalar"),
        (QueryOutcome::String(got), Expected::Text(want)) if got == want => Ok(()),
        (QueryOutcome::Vector(got), Expected::Series(want)) => check_vector(want, got, eval.ordered),
        (QueryOutcome::Matrix(got), Expected::Series(want)) => check_matrix(eval, want, got),
        // A scalar in a range is one series without labels.
        (got, want) => Err(format!("expected {want:?}, got {got:?}")),
    }
}

fn check_number(want: f64, got: f64, what: &str) -> Verdict {
    if almost_equal(want, got) { Ok(()) } else { Err(format!("{what}: expected {want}, got {got}")) }
}

type Expectation = (Labels, Vec<Option<Value>>);

fn check_vector(want: &[Expectation], got: &[(Labels, Sampled)], ordered: bool) -> Verdict {
    let mut seen = BTreeMap::new();
    for (position, (labels, value)) in got.iter().enumerate() {
        if seen.insert(labels, ()).is_some() {
            return Err(format!("{labels} twice in the result"));
        }
        let found = want.iter().position(|(l, _)| l == labels);
        let Some(found) = found else { return Err(format!("unexpected {labels} with value {}", text(value))) };
        if ordered && found != position {
            return Err(format!("{labels} expected at position {found}, got at {position}"));
        }
        match want[found].1.as_slice() {
            [Some(want)] if same(want, value) => {}
            other => return Err(format!("{labels}: expected {}, got {}", texts(other), text(value))),
        }
    }
    match want.iter().find(|(l, _)| !seen.contains_key(l)) {
        Some((labels, values)) => Err(format!("{labels} missing, expected {}", texts(values))),
        None => Ok(()),
    }
}

fn check_matrix(eval: &Eval, want: &[Expectation], got: &[(Labels, Vec<(i64, Sampled)>)]) -> Verdict {
    let (start_ms, step_ms) = match (eval.range_vector, eval.time) {
        (Some((start, _, step)), _) => (start, step),
        (None, EvalTime::Range { start_ms, step_ms, .. }) => (start_ms, step_ms),
        (None, EvalTime::Instant { .. }) => return Err("a range vector, but no stamps are expected".to_owned()),
    };
    let mut left: BTreeMap<&Labels, &Vec<Option<Value>>> = want.iter().map(|(l, v)| (l, v)).collect();
    for (labels, points) in got {
        let Some(values) = left.remove(labels) else {
            return Err(format!("unexpected {labels} with {points:?}"));
        };
        check_points(labels, &stamped(values, start_ms, step_ms), points)?;
    }
    match left.into_iter().find(|(_, values)| values.iter().any(Option::is_some)) {
        Some((labels, values)) => Err(format!("{labels} missing, expected {}", texts(values))),
        None => Ok(()),
    }
}

fn stamped(values: &[Option<Value>], start_ms: i64, step_ms: i64) -> Vec<(i64, Value)> {
    let stamp = |i: usize| start_ms + step_ms * i as i64;
    values.iter().enumerate().filter_map(|(i, v)| Some((stamp(i), v.clone()?))).collect()
}

fn check_points(labels: &Labels, want: &[(i64, Value)], got: &[(i64, Sampled)]) -> Verdict {
    let equal = |(w, g): (&(i64, Value), &(i64, Sampled))| w.0 == g.0 && same(&w.1, &g.1);
    if want.len() == got.len() && want.iter().zip(got).all(equal) {
        return Ok(());
    }
    let want: Vec<String> = want.iter().map(|(t, v)| format!("{t}: {}", text(&v.sample()))).collect();
    let got: Vec<String> = got.iter().map(|(t, v)| format!("{t}: {}", text(v))).collect();
    Err(format!("{labels}: expected {}, got {}", want.join(", "), got.join(", ")))
}

/// Whether a value is what is expected; a hint counts only where it is written.
fn same(want: &Value, got: &Sampled) -> bool {
    match (want, got) {
        (Value::Float(want), Sampled::Float(got)) => almost_equal(*want, *got),
        (Value::Histogram(want, hint_given), Sampled::Histogram(got)) => {
            (!hint_given || want.hint == got.hint) && same_histogram(want, got)
        }
        _ => false,
    }
}

/// Prometheus's `compareNativeHistogram`: exact layouts without empty buckets, numbers within the tolerance.
fn same_histogram(want: &Histogram, got: &Histogram) -> bool {
    let (mut want, mut got) = (want.clone(), got.clone());
    want.compact();
    got.compact();
    let numbers = |h: &Histogram| {
        let counts = h.positive.counts().iter().chain(h.negative.counts()).copied();
        counts.chain([h.count, h.sum, h.zero_count]).collect::<Vec<f64>>()
    };
    want.schema == got.schema
        && want.custom_values == got.custom_values
        && want.zero_threshold == got.zero_threshold
        && want.positive.indices() == got.positive.indices()
        && want.negative.indices() == got.negative.indices()
        && numbers(&want).into_iter().zip(numbers(&got)).all(|(a, b)| almost_equal(a, b))
}

fn text(value: &Sampled) -> String {
    match value {
        Sampled::Float(v) => v.to_string(),
        Sampled::Histogram(h) => h.notation(),
    }
}

fn texts(values: &[Option<Value>]) -> String {
    let all: Vec<String> = values.iter().map(|v| v.as_ref().map_or("_".to_owned(), |v| text(&v.sample()))).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_model::stale_nan;

    #[test]
    fn tolerance_is_relative() {
        assert!(almost_equal(1e12, 1e12 + 1.0) && !almost_equal(1.0, 1.0001));
        assert!(!almost_equal(0.0, 1e-300) && almost_equal(f64::NAN, f64::NAN));
        assert!(!almost_equal(stale_nan(), f64::NAN) && almost_equal(f64::INFINITY, f64::INFINITY));
        assert!(!almost_equal(f64::INFINITY, 1.0));
    }

    #[test]
    fn order_counts_where_it_is_asked_for() {
        let l = |v: &str| Labels::from_pairs([("a", v)]);
        let want = [(l("1"), vec![Some(Value::Float(1.0))]), (l("2"), vec![Some(Value::Float(2.0))])];
        let got = [(l("2"), Sampled::Float(2.0)), (l("1"), Sampled::Float(1.0))];
        assert!(check_vector(&want, &got, false).is_ok());
        assert!(check_vector(&want, &got, true).is_err());
        assert!(check_vector(&want, &got[..1], false).is_err());
    }
}

//! Expressions: vectors in, compared with the samples expected.

use super::diff::{Item, shown};
use super::group::Given;
use crate::report::paint::Paint;
use bellwether_dataflow::promql::format_duration;
use bellwether_dataflow::unittest::{ExprCase, TestGroup};
use bellwether_model::{Labels, Value};
use std::sync::Arc;

/// What is not as expected, case by case.
pub fn problems(given: &Given<'_>, test: &TestGroup) -> Vec<String> {
    let cases = test.expr_cases.iter().zip(&given.exprs);
    cases.filter_map(|(case, tag)| problem(given, test, case, tag)).collect()
}

fn problem(given: &Given<'_>, test: &TestGroup, case: &ExprCase, tag: &Result<usize, String>) -> Option<String> {
    let head = format!("line {}: {} at {}", case.line, case.expr.trim(), format_duration(case.eval_time_ms));
    let tag = match tag {
        Ok(tag) => *tag,
        Err(message) => return Some(format!("{head}\n  {message}")),
    };
    if let Some(e) = given.tapped.errors.iter().find(|e| e.tag == Some(tag as u32)) {
        return Some(format!("{head}\n  {}", e.message));
    }
    let at_ms = test.start_ms + case.eval_time_ms;
    let mut got = Vec::new();
    for row in given.tapped.vectors.get(&tag).into_iter().flatten() {
        let float = row.steps_ms.iter().zip(&row.values).find(|(s, _)| **s == at_ms);
        let histogram = row.histograms.iter().find(|(s, _)| *s == at_ms);
        let value = float.map(|(_, v)| Value::Float(*v));
        let value = value.or_else(|| histogram.map(|(_, h)| Value::Histogram(Arc::clone(h))));
        got.extend(value.map(|v| (row.labels.clone().unwrap_or_else(Labels::empty), v)));
    }
    let expected = case.samples.iter().map(|s| (s.labels.clone(), s.value.sample())).collect();
    let differences = compare(expected, got, given.fuzzy, given.diff);
    (!differences.is_empty()).then(|| format!("{head}\n{differences}"))
}

fn compare(expected: Vec<(Labels, Value)>, mut got: Vec<(Labels, Value)>, fuzzy: bool, diff: Option<Paint>) -> String {
    let items = |all: &[(Labels, Value)]| all.iter().map(|(l, v)| item(l.clone(), v.clone())).collect();
    let whole: Option<(Vec<Item>, Vec<Item>)> = diff.map(|_| (items(&expected), items(&got)));
    let mut missing = Vec::new();
    for (labels, value) in expected {
        match got.iter().position(|(l, v)| *l == labels && same(&value, v, fuzzy)) {
            Some(at) => drop(got.remove(at)),
            None => missing.push(item(labels, value)),
        }
    }
    match whole {
        Some(_) if missing.is_empty() && got.is_empty() => String::new(),
        Some((expected, got)) => shown(diff, expected, got),
        None => shown(None, missing, got.into_iter().map(|(labels, value)| item(labels, value)).collect()),
    }
}

fn item(labels: Labels, value: Value) -> Item {
    let text = match value {
        Value::Float(v) => v.to_string(),
        Value::Histogram(h) => h.notation(),
    };
    Item { labels, facts: vec![("value".to_owned(), text)] }
}

/// Floats as [`equal`] says; histograms by their notation, as promtool compares them.
fn same(a: &Value, b: &Value, fuzzy: bool) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => equal(*a, *b, fuzzy),
        (Value::Histogram(a), Value::Histogram(b)) => a.notation() == b.notation(),
        _ => false,
    }
}

/// Exactly, or one unit in the last place apart.
fn equal(a: f64, b: f64, fuzzy: bool) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (fuzzy && (a.next_up() == b || a.next_down() == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_in_the_last_place_is_forgiven_where_asked_for() {
        assert!(equal(0.3, 0.1 + 0.2, true));
        assert!(!equal(0.3, 0.1 + 0.2, false));
        assert!(!equal(0.3, 0.300_000_1, true));
        assert!(equal(f64::NAN, f64::NAN, false));
    }
}

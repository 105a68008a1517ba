//! Expressions: vectors in, compared with the samples expected.

use super::diff::{Item, shown};
use super::group::Given;
use crate::report::paint::Paint;
use bellwether_dataflow::promql::format_duration;
use bellwether_dataflow::unittest::{ExprCase, TestGroup, notation::Value};
use bellwether_model::Labels;

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
        let point = row.steps_ms.iter().zip(&row.values).find(|(s, _)| **s == at_ms);
        got.extend(point.map(|(_, v)| (row.labels.clone().unwrap_or_else(Labels::empty), *v)));
    }
    let mut expected = Vec::new();
    for sample in &case.samples {
        match &sample.value {
            Value::Float(v) => expected.push((sample.labels.clone(), *v)),
            Value::NotSupported(what) => {
                return Some(format!("{head}\n  native histograms ({what}) are not supported yet"));
            }
        }
    }
    let differences = compare(expected, got, given.fuzzy, given.diff);
    (!differences.is_empty()).then(|| format!("{head}\n{differences}"))
}

fn compare(expected: Vec<(Labels, f64)>, mut got: Vec<(Labels, f64)>, fuzzy: bool, diff: Option<Paint>) -> String {
    let items = |all: &[(Labels, f64)]| all.iter().map(|(l, v)| item(l.clone(), *v)).collect();
    let whole: Option<(Vec<Item>, Vec<Item>)> = diff.map(|_| (items(&expected), items(&got)));
    let mut missing = Vec::new();
    for (labels, value) in expected {
        match got.iter().position(|(l, v)| *l == labels && equal(value, *v, fuzzy)) {
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

fn item(labels: Labels, value: f64) -> Item {
    Item { labels, facts: vec![("value".to_owned(), value.to_string())] }
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

//! Alerts: decisions in, those that fire at an instant out, compared with those expected.
//!
//! # Semantics
//! What fires follows from the decisions up to the last evaluation. Annotations are those of the last step at which the
//! element was there: Prometheus renders them at each evaluation, decisions carry them at transitions only, so they are
//! rendered again from the rule's result. What their templates query is asked in a further run.

use super::diff::{Item, shown};
use super::group::Given;
use bellwether_dataflow::promql::format_duration;
use bellwether_dataflow::unittest::{AlertCase, TestGroup};
use bellwether_model::{Decision, Labels, Transition, Value};
use bellwether_operators::evaluate::{AlertText, Answers, Asked, VectorRow};
use bellwether_operators::program::{AlertSpec, Op};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Renders whatever is going to be compared, to see what templates query.
pub fn render(given: &Given<'_>, test: &TestGroup) {
    for case in &test.alert_cases {
        firing(given, &case.alertname, given.evaluated_by(test.start_ms, case.eval_time_ms));
    }
}

/// What is not as expected, case by case.
pub fn problems(given: &Given<'_>, test: &TestGroup) -> Vec<String> {
    test.alert_cases.iter().filter_map(|case| problem(given, test, case)).collect()
}

fn problem(given: &Given<'_>, test: &TestGroup, case: &AlertCase) -> Option<String> {
    let at = format_duration(case.eval_time_ms);
    if case.alertname.is_empty() {
        return Some(format!("line {}: an alert test at {at} names no alert: add 'alertname'", case.line));
    }
    let step_ms = given.evaluated_by(test.start_ms, case.eval_time_ms);
    let expected = case.alerts.iter().map(|a| {
        let labels = a.labels.to_builder().set("alertname", &case.alertname).build();
        Item { labels, facts: annotations(&a.annotations) }
    });
    let differences = shown(given.diff, expected.collect(), firing(given, &case.alertname, step_ms));
    let head = format!("line {}: alert {} at {at}", case.line, case.alertname);
    (!differences.is_empty()).then(|| format!("{head}\n{differences}"))
}

fn annotations(labels: &Labels) -> Vec<(String, String)> {
    labels.iter().map(|(n, v)| (format!("annotation {n}"), format!("{v:?}"))).collect()
}

/// Alerts of a name that fire at a step.
fn firing(given: &Given<'_>, name: &str, step_ms: i64) -> Vec<Item> {
    let mut latest: BTreeMap<u128, &Decision> = BTreeMap::new();
    for d in given.decisions.iter().filter(|d| d.alert == name && d.step_ms <= step_ms) {
        latest.insert(d.alert_id, d);
    }
    let firing = latest.into_values().filter(|d| d.transition == Transition::Firing);
    firing.map(|d| item(given, d, step_ms)).collect()
}

fn item(given: &Given<'_>, decision: &Decision, step_ms: i64) -> Item {
    let rules = given.set.rules().zip(&given.compiled.rules);
    let of_alert = rules.filter(|((file, group, rule), _)| {
        (file.path.as_str(), group.name.as_str(), rule.name.as_str())
            == (decision.file.as_str(), decision.group.as_str(), decision.alert.as_str())
    });
    let seen = of_alert.filter_map(|(_, info)| match &given.compiled.program.nodes[info.root].op {
        Op::Alert(spec) => last_seen(given, spec, info.tag, decision, step_ms),
        _ => None,
    });
    let text = seen.max_by_key(|(at, _)| *at).map_or_else(|| decision.annotations.clone(), |(_, text)| text);
    Item { labels: decision.labels.clone(), facts: annotations(&text) }
}

/// The last step at which the rule's result held the alert's element, and the annotations there.
fn last_seen(
    given: &Given<'_>,
    spec: &AlertSpec,
    tag: usize,
    decision: &Decision,
    step_ms: i64,
) -> Option<(i64, Labels)> {
    let text = AlertText::new(spec, &given.compiled.program);
    let rows = given.tapped.vectors.get(&tag)?;
    let (at, labels, value) =
        rows.iter().filter_map(|row| last_row(row, &text, decision, (step_ms, &given.answers))).max_by_key(|r| r.0)?;
    Some((at, text.annotations(&labels, &value, at, Asked::of(&given.answers))))
}

fn last_row(
    row: &VectorRow,
    text: &AlertText,
    decision: &Decision,
    (step_ms, answers): (i64, &Answers),
) -> Option<(i64, Labels, Value)> {
    let asked = Asked::of(answers);
    let labels = row.labels.clone().unwrap_or_else(Labels::empty);
    let floats = row.steps_ms.iter().zip(&row.values).map(|(s, v)| (*s, Value::Float(*v)));
    let histograms = row.histograms.iter().map(|(s, h)| (*s, Value::Histogram(Arc::clone(h))));
    let mut points: Vec<(i64, Value)> = floats.chain(histograms).collect();
    points.sort_by_key(|p| std::cmp::Reverse(p.0));
    let mut points = points.into_iter().filter(|(s, _)| (decision.active_at_ms..=step_ms).contains(s));
    let (at, value) = if text.labels_use_value() {
        points.find(|(s, v)| text.identity(&labels, v, *s, asked) == decision.labels)?
    } else {
        points.next().filter(|(s, v)| text.identity(&labels, v, *s, asked) == decision.labels)?
    };
    Some((at, labels, value))
}

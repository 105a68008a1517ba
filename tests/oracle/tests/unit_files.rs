//! The simulation of rule groups against promtool's unit tests: real rules, and what their authors expect of them.
//!
//! # Limits
//! Labels are compared, annotations are not. A test whose rules have templates in labels, or that loads native
//! histograms, is left out and counted.

#![allow(clippy::unwrap_used)]

use bellwether_dataflow::rules::{self, load_text};
use bellwether_dataflow::unittest::{AlertCase, ExprCase, TestFile, TestGroup, Value};
use bellwether_model::{Labels, Sample, Transition};
use bellwether_oracle::{Answer, Group, History, Options, Oracle, Rule, RuleKind};
use bellwether_test_support::shared_or_skip;
use std::collections::BTreeSet;
use std::path::Path;

/// Why a test did not pass.
enum Miss {
    LeftOut,
    Differs(String),
}

fn differs<T>(message: String) -> Result<T, Miss> {
    Err(Miss::Differs(message))
}

fn kind(kind: &rules::RuleKind) -> RuleKind {
    match kind {
        rules::RuleKind::Record => RuleKind::Record,
        rules::RuleKind::Alert { for_ms, keep_firing_for_ms, .. } => {
            RuleKind::Alert { for_ms: *for_ms, keep_firing_for_ms: *keep_firing_for_ms }
        }
    }
}

/// The groups of all rule files, in the test's order, on the test's grid.
fn groups(file: &TestFile, path: &Path, start_ms: i64) -> Vec<Group> {
    let mut out = Vec::new();
    for rule_file in file.rule_paths(path).unwrap().0 {
        let text = std::fs::read_to_string(&rule_file).unwrap();
        let set = load_text(&rule_file.display().to_string(), &text).unwrap();
        for g in set.files.iter().flat_map(|f| &f.groups) {
            let rule = |r: &rules::Rule| Rule {
                name: r.name.clone(),
                expr: r.expr_text.clone(),
                labels: r.labels.clone(),
                kind: kind(&r.kind),
            };
            out.push(Group {
                file: rule_file.display().to_string(),
                name: g.name.clone(),
                interval_ms: file.evaluation_interval_ms,
                phase_ms: start_ms,
                query_offset_ms: g.query_offset_ms.unwrap_or(0),
                limit: g.limit,
                rules: g.rules.iter().map(rule).collect(),
            });
        }
    }
    out.sort_by_key(|g| file.group_eval_order.iter().position(|n| *n == g.name));
    out
}

fn input(test: &TestGroup) -> Result<Vec<Sample>, Miss> {
    let mut samples = Vec::new();
    for series in &test.input_series {
        for (i, value) in series.values.iter().enumerate() {
            match value {
                None => {}
                Some(Value::Histogram(..)) => return Err(Miss::LeftOut),
                Some(Value::Float(value)) => {
                    let timestamp_ms = test.start_ms + test.interval_ms * i as i64;
                    samples.push(Sample::float(series.labels.clone(), timestamp_ms, *value));
                }
            }
        }
    }
    Ok(samples)
}

fn run(file: &TestFile, path: &Path, test: &TestGroup) -> Result<(), Miss> {
    let groups = groups(file, path, test.start_ms);
    let mut samples = input(test)?;
    let times = test.alert_cases.iter().map(|c| c.eval_time_ms).chain(test.expr_cases.iter().map(|c| c.eval_time_ms));
    let last_ms = test.start_ms + times.max().unwrap_or(0);
    let options = Options { subquery_step_ms: file.evaluation_interval_ms, ..Options::default() };
    let oracle = Oracle::with_options(samples.iter().cloned(), options);
    let history = oracle.alerts(&groups, test.start_ms, last_ms).map_err(|_| Miss::LeftOut)?;
    for case in &test.alert_cases {
        check_alerts(case, &groups, &history, test.start_ms)?;
    }
    samples.extend(history.samples);
    let oracle = Oracle::with_options(samples, options);
    test.expr_cases.iter().try_for_each(|case| check_expr(case, &oracle, test.start_ms))
}

/// The alerts of one name that fire after the last step at or before the case's instant.
fn check_alerts(case: &AlertCase, groups: &[Group], history: &History, start_ms: i64) -> Result<(), Miss> {
    let mut firing = BTreeSet::new();
    for t in history.transitions.iter().filter(|t| t.step_ms <= start_ms + case.eval_time_ms) {
        if groups[t.group].rules[t.rule].name != case.alertname {
            continue;
        }
        match t.transition {
            Transition::Firing => firing.insert((t.group, t.rule, t.labels.clone())),
            _ => firing.remove(&(t.group, t.rule, t.labels.clone())),
        };
    }
    let mut got: Vec<Labels> = firing.into_iter().map(|(_, _, labels)| labels).collect();
    let with_name = |labels: &Labels| labels.to_builder().set("alertname", &case.alertname).build();
    let mut want: Vec<Labels> = case.alerts.iter().map(|a| with_name(&a.labels)).collect();
    got.sort();
    want.sort();
    if got == want { Ok(()) } else { differs(format!("line {}: expected {want:?}, got {got:?}", case.line)) }
}

fn check_expr(case: &ExprCase, oracle: &Oracle, start_ms: i64) -> Result<(), Miss> {
    let mut got = match oracle.instant(&case.expr, start_ms + case.eval_time_ms) {
        Ok(Answer::Vector(v)) => v.into_iter().map(|(labels, value)| (labels, value.float())).collect(),
        Ok(Answer::Scalar(v)) => vec![(Labels::empty(), v)],
        Ok(other) => return differs(format!("line {}: {other:?}", case.line)),
        Err(e) => return differs(format!("line {}: {e}", case.line)),
    };
    let mut want = Vec::new();
    for sample in &case.samples {
        match &sample.value {
            Value::Float(v) => want.push((sample.labels.clone(), *v)),
            Value::Histogram(..) => return Err(Miss::LeftOut),
        }
    }
    got.sort_by(|a, b| a.0.cmp(&b.0));
    want.sort_by(|a, b| a.0.cmp(&b.0));
    // promtool compares exactly; sums in another order differ in the last digits.
    let near = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
    let equal = got.len() == want.len() && got.iter().zip(&want).all(|(g, w)| g.0 == w.0 && near(g.1, w.1));
    if equal { Ok(()) } else { differs(format!("line {}: expected {want:?}, got {got:?}", case.line)) }
}

#[test]
fn unit_tests_agree_with_promtool() {
    let Some(shared) = shared_or_skip("unit_tests_agree_with_promtool") else { return };
    let root = shared.join("conformance");
    let manifest = std::fs::read_to_string(root.join("unit_manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let (mut agree, mut left_out, mut differ) = (0, 0, 0);
    for entry in manifest.as_array().unwrap() {
        let path = root.join(entry["file"].as_str().unwrap());
        let file = TestFile::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for (test, group) in file.tests.iter().zip(entry["groups"].as_array().unwrap()) {
            if group["promtool_3_16"].as_bool() != Some(true) {
                continue;
            }
            match run(&file, &path, test) {
                Ok(()) => agree += 1,
                Err(Miss::LeftOut) => left_out += 1,
                Err(Miss::Differs(message)) => {
                    differ += 1;
                    println!("{}:{} {message}", path.display(), test.line);
                }
            }
        }
    }
    println!("{agree} agree, {left_out} left out, {differ} differ");
    assert_eq!(differ, 0);
}

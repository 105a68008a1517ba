//! Every lint finds what it is for, says nothing about what is right, and is explained.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::rules::{load, load_text};
use bellwether_test_support::shared_or_skip;
use std::collections::BTreeMap;
use std::path::Path;

/// `name@line` of each warning.
fn warnings(text: &str) -> Vec<String> {
    let set = load_text("f.yml", text).unwrap_or_else(|e| panic!("{}\n{text}", e[0]));
    let found = lint(&set, Settings::default());
    found.iter().map(|d| format!("{}@{}", d.lint, d.position.map_or(0, |p| p.line))).collect()
}

/// Names of the warnings about one alert.
fn about(expr: &str, more: &str) -> Vec<String> {
    let text = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '{}'\n{more}", expr.replace('\'', "''"));
    warnings(&text).iter().map(|w| w.split('@').next().unwrap_or_default().to_owned()).collect()
}

fn annotated(expr: &str, text: &str) -> Vec<String> {
    about(expr, &format!("    annotations: {{summary: '{text}'}}\n"))
}

#[test]
fn labels_that_cannot_be_there() {
    assert_eq!(annotated("sum by (job) (up) > 1", "{{ $labels.instance }}"), ["dropped-label"]);
    assert_eq!(annotated("absent(up{job=\"a\"})", "{{ $labels.instance }}"), ["absent-label"]);
    assert_eq!(annotated("vector(1)", "{{ $labels.instance }}"), ["missing-label"]);
    assert_eq!(about("sum by (a) (sum by (b) (x)) > 1", ""), ["dropped-label"]);
    assert_eq!(about("x > on (a) group_left (b) sum by (a) (y)", ""), ["dropped-label"]);
    assert_eq!(about("label_replace(sum by (a) (x), \"c\", \"$1\", \"b\", \"(.+)\") > 1", ""), ["dropped-label"]);
    assert_eq!(about("histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m]))) > 1", ""), ["missing-le"]);
}

#[test]
fn labels_that_may_be_there() {
    for (expr, text) in [
        ("sum by (job) (up) > 1", "{{ $labels.job }}"),
        ("absent(up{job=\"a\"})", "{{ $labels.job }}"),
        ("up == 0 or absent(up)", "{{ $labels.instance }}"),
        ("sum by (job) (up) > 1", "{{ if $labels.instance }}{{ $labels.instance }}{{ end }}"),
        ("sum by (job) (up) * on (job) group_left (x) y > 1", "{{ $labels.x }}"),
        ("label_replace(vector(1), \"x\", \"y\", \"\", \"\") == 1", "{{ $labels.x }}"),
        ("label_replace(x{a=\"\"}, \"a\", \"b\", \"a\", \"\") > 1", "{{ $labels.a }}"),
        ("sum by (a) (x) or on (a) vector(0) == 0", ""),
        ("topk by (job) (3, x) > 1", "{{ $labels.instance }}"),
        ("count_values(\"v\", up) > 1", "{{ $labels.v }}"),
        ("histogram_quantile(0.9, sum by (job) (rate(x[5m]))) > 1", ""),
    ] {
        assert!(annotated(expr, text).is_empty(), "{expr} {text} {:?}", annotated(expr, text));
    }
}

#[test]
fn recorded_series_have_the_labels_of_their_rule() {
    let file = |record: &str, alert: &str| {
        format!(
            "groups:\n- name: g\n  rules:\n  - {{record: r, expr: {record}, labels: {{team: a}}}}\n  \
             - {{alert: A, expr: '{alert}', annotations: {{s: '{{{{ $labels.instance }}}}'}}}}\n"
        )
    };
    assert_eq!(warnings(&file("sum by (job) (up)", "r > 1")), ["dropped-label@5"]);
    assert!(warnings(&file("sum by (instance) (up)", "r > 1")).is_empty());
    assert!(warnings(&file("sum by (job) (up)", "r{instance=\"x\"} > 1")).iter().all(|w| w == "dropped-label@5"));
    assert_eq!(
        warnings(&file("max(up) by (instance)", "r > on (team) group_right y{team=\"b\"}")),
        ["never-matches@5"]
    );
}

#[test]
fn matches_that_never_match() {
    for never in [
        "a{x=\"1\"} > b{x=\"2\"}",
        "a{x=\"1\"} and b{x=\"2\"}",
        "a{x=\"1\"} > sum by (y) (b)",
        "a{x=\"1\"} and on (x) sum(b)",
        "sum by (x, y) (a) > sum by (x) (b)",
        "a{x=~\"1|2\"} unless sum by (y) (b)",
    ] {
        assert!(about(never, "").contains(&"never-matches".to_owned()), "{never}: {:?}", about(never, ""));
    }
    for may in [
        "a{x=\"1\"} > ignoring (x) b{x=\"2\"}",
        "a{x=\"1\"} or b{x=\"2\"}",
        "a{x=\"1\"} > on (y) b{x=\"2\"}",
        "a{x=~\".*\"} > sum by (y) (b)",
        "sum by (x) (a) > sum by (x) (b)",
        "a > on () group_left sum(b)",
        "a{x=\"1\"} > b{x=~\"1|2\"}",
        "a > 1 and on (x) (hour() > 3)",
    ] {
        assert!(!about(may, "").contains(&"never-matches".to_owned()), "{may}: {:?}", about(may, ""));
    }
}

#[test]
fn comparisons_that_are_never_true_and_alerts_without_any() {
    assert_eq!(about("count(up == 0) == 0", ""), ["never-true"]);
    assert_eq!(about("absent(up) == 0", ""), ["never-true"]);
    assert_eq!(about("hour() > 23", ""), ["never-true"]);
    assert!(about("(count(up) or vector(0)) == 0", "").is_empty());
    assert!(about("count(up) < 3", "").is_empty());
    assert_eq!(about("rate(x_total[5m])", ""), ["always-fires"]);
    assert_eq!(about("x > bool 3", ""), ["always-fires"]);
    for fine in [
        "vector(1)",
        "x > 3",
        "absent(x)",
        "ALERTS{alertstate=\"firing\"}",
        "x unless y",
        "job:x:rate5m",
        "bad{state=\"x\"}",
    ] {
        assert!(about(fine, "").is_empty(), "{fine}: {:?}", about(fine, ""));
    }
}

#[test]
fn functions_of_the_wrong_kind_of_metric() {
    assert_eq!(about("rate(x_ratio[5m]) > 1", ""), ["rate-of-gauge"]);
    assert_eq!(about("deriv(x_total[5m]) > 1", ""), ["delta-of-counter"]);
    assert_eq!(about("rate(sum(x_total)[5m:1m]) > 1", ""), ["rate-of-aggregate"]);
    assert!(about("deriv(x_bytes[5m]) + rate(x_total[5m]) + sum(rate(x_total[5m])) > 1", "").is_empty());
    assert!(about("max_over_time(sum(rate(x_total[5m]))[5m:1m]) > 1", "").is_empty());
}

#[test]
fn times_that_do_not_fit() {
    assert_eq!(about("rate(x_total[20s]) > 1", ""), ["short-window"]);
    assert!(about("rate(x_total[30s]) > 1", "").is_empty());
    let text = "groups:
- name: slow
  interval: 10m
  rules:
  - {record: r, expr: sum(x)}
  - {record: own, expr: r + 1}
  - {alert: Own, expr: 'delta(r[15m]) > 1', for: 5m}
- name: fast
  rules:
  - {alert: A, expr: r > 1}
  - {alert: B, expr: 'last_over_time(r[10m]) > 1'}
";
    assert_eq!(warnings(text), ["short-for@7", "short-window@7", "stale-record@10"]);
}

#[test]
fn copies_and_templates_in_the_wrong_place() {
    let text = "groups:
- name: g
  rules:
  - {alert: A, expr: up==0, labels: {severity: page}}
  - {alert: A, expr: up == 0, labels: {severity: page}}
  - {alert: A, expr: up == 0, labels: {severity: ticket}}
  - {record: r, expr: up, labels: {x: '{{ $value }}'}}
  - {alert: B, expr: up == 0, labels: {x: '{{ $value }}'}}
  - {alert: C, expr: up < 1, labels: {x: '{{ if gt $value 0.5 }}a{{ end }}'}}
";
    assert_eq!(warnings(text), ["duplicate-alert@5", "template-in-record@7", "value-in-label@8"]);
}

#[test]
fn comments_switch_lints_off() {
    let text = "groups:
- name: g
  rules:
  - alert: A
    expr: up # bellwether: ignore always-fires
  - alert: B
    expr: down
    # bellwether: ignore something-else
";
    assert_eq!(warnings(text), ["always-fires@7", "unknown-lint@8"]);
    assert!(warnings(&format!("# bellwether: ignore-file all\n{text}")).is_empty());
}

/// Sections of `docs/lints.md`: a heading, and the YAML blocks below it.
fn documented() -> Vec<(String, Vec<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/lints.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (&mut block, line) {
            (Some(b), "```") => {
                let done = std::mem::take(b);
                if let Some((_, blocks)) = sections.last_mut() {
                    blocks.push(done);
                }
                block = None;
            }
            (Some(b), line) => b.push_str(&format!("{line}\n")),
            (None, "```yaml") => block = Some(String::new()),
            (None, line) => {
                if let Some(name) = line.strip_prefix("## ") {
                    sections.push((name.to_owned(), Vec::new()));
                }
            }
        }
    }
    sections
}

/// The page has a section a lint, whose first example is found by that lint and whose second is found by none.
#[test]
fn every_lint_has_a_page_whose_examples_hold() {
    let sections = documented();
    let names: Vec<&str> = sections.iter().map(|(n, _)| n.as_str()).collect();
    let lints: Vec<&str> = LINTS.iter().map(|l| l.name).collect();
    assert_eq!(names, lints, "docs/lints.md has a section a lint, in order of their names");
    for (name, blocks) in &sections {
        let found = warnings(blocks.first().unwrap_or_else(|| panic!("{name} has no example")));
        assert!(found.iter().any(|w| w.starts_with(&format!("{name}@"))), "the example of {name} gives {found:?}");
        for right in blocks.iter().skip(1) {
            assert!(warnings(right).is_empty(), "what {name} says is right gives {:?}", warnings(right));
        }
    }
}

/// Real rule files: counts by lint, for a reader to judge. `BELLWETHER_SHOW=lint-name` prints what it finds.
#[test]
fn real_rule_files_give_few_warnings() {
    let Some(shared) = shared_or_skip("real_rule_files_give_few_warnings") else { return };
    let set = load(&[shared.join("conformance/rules").display().to_string()]).unwrap();
    let rules = set.rules().count();
    let show = std::env::var("BELLWETHER_SHOW").unwrap_or_default();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for file in set.files {
        let one = RuleSet { files: vec![file], warnings: Vec::new() };
        for d in lint(&one, Settings::default()) {
            *counts.entry(d.lint).or_default() += 1;
            if d.lint == show || show == "all" {
                println!("{d}\n");
            }
        }
    }
    println!("{rules} rules: {counts:?}");
    assert!(counts.values().sum::<usize>() * 14 < rules, "more than one warning in fourteen rules: {counts:?}");
}

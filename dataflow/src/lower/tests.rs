//! Golden plans, sharing, order of rules, and all conformance rule files.
//!
//! `golden/*.txt` hold cases: lines of rules (`name = expr`, a `!` before the name makes an alert) up to `----`, then
//! the explanation. `BLESS=1 cargo test` rewrites the explanations.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod corpus;
mod golden;
mod order;
mod sharing;

use super::{Compiled, LowerError, Options, QueryInput, RuleInput, RuleKind, compile};
use crate::promql::{Expr, parse};

/// A rule as tests write it.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) kind: RuleKind,
    pub(super) text: String,
    pub(super) expr: Expr,
    pub(super) labels: Vec<(String, String)>,
    pub(super) query_offset_ms: Option<i64>,
}

/// `name = expr`, `!alert = expr`; `@5m name = expr` sets a query offset, `{a="b"}` after the name a label.
pub(super) fn written(line: &str) -> Written {
    let (head, text) = line.split_once(" = ").unwrap_or_else(|| panic!("no ` = ` in {line:?}"));
    let mut head = head.trim();
    let mut query_offset_ms = None;
    if let Some(rest) = head.strip_prefix('@') {
        let (offset, name) = rest.split_once(' ').unwrap();
        query_offset_ms = Some(crate::promql::parse_duration(offset).unwrap());
        head = name;
    }
    let mut labels = Vec::new();
    if let Some((name, pairs)) = head.split_once('{') {
        head = name;
        for pair in pairs.trim_end_matches('}').split(',') {
            let (n, v) = pair.split_once('=').unwrap();
            labels.push((n.to_owned(), v.trim_matches('"').to_owned()));
        }
    }
    let kind = if head.starts_with('!') { RuleKind::Alert } else { RuleKind::Record };
    let expr = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    Written {
        name: head.trim_start_matches('!').to_owned(),
        kind,
        text: text.to_owned(),
        expr,
        labels,
        query_offset_ms,
    }
}

/// Rules in a group each, in order.
pub(super) fn inputs(rules: &[Written]) -> Vec<RuleInput<'_>> {
    rules
        .iter()
        .enumerate()
        .map(|(i, r)| RuleInput {
            file: "f.yml",
            group: "g",
            name: &r.name,
            kind: r.kind,
            expr: &r.expr,
            expr_text: &r.text,
            labels: r.labels.clone(),
            annotations: vec![],
            queries: &[],
            for_ms: 0,
            keep_firing_for_ms: 0,
            limit: 0,
            interval_ms: None,
            query_offset_ms: r.query_offset_ms,
            order: (0, 0, i),
        })
        .collect()
}

pub(super) fn compile_lines(lines: &str, options: &Options) -> Result<Compiled, Vec<LowerError>> {
    let rules: Vec<Written> = lines.lines().map(str::trim).filter(|l| !l.is_empty()).map(written).collect();
    compile(&inputs(&rules), &[], options)
}

pub(super) fn compiled(lines: &str) -> Compiled {
    compile_lines(lines, &Options::default()).unwrap_or_else(|e| panic!("{e:?}"))
}

#[test]
fn queries_see_what_rules_record_and_get_the_next_tags() {
    let rules = [written("job:up:sum = sum by (job) (up)")];
    let expr = parse("job:up:sum > 1").unwrap();
    let query = QueryInput {
        text: "job:up:sum > 1",
        expr: &expr,
        interval_ms: 60_000,
        phase_ms: 0,
        range_ms: None,
        any_type: false,
    };
    let compiled = compile(&inputs(&rules), &[query], &Options::default()).unwrap();
    assert_eq!(compiled.rules[1].tag, 1);
    assert_eq!(compiled.program.selectors[1].producers.len(), 1);
    assert_eq!(compiled.program.recorded_names, ["job:up:sum"]);
    assert!(compiled.program.grids[0].warm, "a recorded series that is read is warmed up");
}

#[test]
fn all_errors_are_found_at_once() {
    let errors = compile_lines(
        "a = count_values(\"\", x) + label_join(y, \"\", \",\", \"a\")\n!b = count_values(\"\", label_join(x, \"\", \",\"))",
        &Options::default(),
    );
    let found: Vec<String> = errors.unwrap_err().iter().map(|e| e.construct.clone()).collect();
    assert_eq!(found, ["count_values", "label_join", "label_join", "count_values"]);
}

#[test]
fn an_error_names_rule_and_place() {
    let error = compile_lines("!b = up > 1 or label_join(x, \"\", \",\")", &Options::default()).unwrap_err().remove(0);
    let text = "f.yml: group \"g\", alert \"b\": 1:11: invalid label name \"\" in label_join()";
    assert_eq!(error.to_string(), text);
}

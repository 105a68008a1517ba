//! What is read, what is refused, in which words and where.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conformance;

use super::*;

/// `line:column message` of each error.
fn errors(text: &str) -> Vec<String> {
    let errors = load_text("f.yml", text).expect_err("the file is refused");
    let place = |d: &Diagnostic| d.position.map_or(String::new(), |p| format!("{}:{} ", p.line, p.col));
    errors.iter().map(|d| place(d) + &d.message).collect()
}

fn loaded(text: &str) -> RuleSet {
    load_text("f.yml", text).unwrap_or_else(|e| panic!("{}", e[0]))
}

#[test]
fn every_field_is_read() {
    let set = loaded(
        "groups:
- name: g
  interval: 30s
  query_offset: 1m
  limit: 10
  labels: {team: a, severity: low}
  rules:
  - alert: Down
    expr: |
      up
        == 0
    for: 5m
    keep_firing_for: 1h
    labels:
      severity: page
      code: 1
    annotations:
      summary: \"{{ $labels.instance }} is down\"
  - record: a:b
    expr: sum(up)
",
    );
    let group = &set.files[0].groups[0];
    assert_eq!((group.name.as_str(), group.interval_ms, group.query_offset_ms), ("g", Some(30_000), Some(60_000)));
    assert_eq!(group.limit, 10);
    let rule = &group.rules[0];
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(rule.labels, [pair("code", "1"), pair("severity", "page"), pair("team", "a")]);
    let annotations = vec![pair("summary", "{{ $labels.instance }} is down")];
    let kind = RuleKind::Alert { for_ms: 300_000, keep_firing_for_ms: 3_600_000, annotations };
    assert_eq!(rule.kind, kind);
    assert_eq!((rule.position, rule.expr_position), (Position { line: 8, col: 5 }, Position { line: 10, col: 7 }));
    assert_eq!(rule.expr_at(2, 3), Position { line: 11, col: 9 });
    assert_eq!(group.rules[1].kind, RuleKind::Record);
    assert_eq!(group.rules[1].labels, group.labels);
    assert!(set.warnings.is_empty());
}

#[test]
fn what_promtool_refuses_is_refused_at_its_place() {
    // A rule, the text at the place of its error, and the message.
    for (rule, place, want) in [
        ("{record: a, expr: up, for: 5m}", "for: 5m", "invalid field 'for' in recording rule"),
        ("{record: a, expr: up, keep_firing_for: 5m}", "keep", "invalid field 'keep_firing_for' in recording rule"),
        ("{record: a, expr: up, annotations: {a: b}}", "a: b", "invalid field 'annotations' in recording rule"),
        ("{record: a, alert: b, expr: up}", "a, ", "only one of 'record' and 'alert' must be set"),
        ("{expr: up}", "{expr", "one of 'record' or 'alert' must be set"),
        ("{record: a}", "{rec", "field 'expr' must be set in rule"),
        ("{record: a, expr: ''}", "''", "field 'expr' must be set in rule"),
        ("{record: 'a{}', expr: up}", "'a{}", "braces present in the recording rule name; should it be in expr?: a{}"),
        ("{alert: a, expr: up, for: 5}", "5}", "invalid field 'for': not a valid duration string: \"5\""),
        ("{alert: a, expr: up, for: [5m]}", "[5m]", "cannot unmarshal !!seq into string"),
        ("{alert: a, expr: up, labels: {__name__: b}}", "__name__", "invalid label name: __name__"),
        ("{alert: a, expr: up, labels: {'': b}}", "''", "invalid label name: "),
        ("{alert: a, expr: up, annotations: {'': b}}", "''", "invalid annotation name: "),
        ("{alert: a, expr: up, annotation: {}}", "annotation", "field annotation not found in rule"),
        ("{alert: a, expr: up, expr: down}", "expr: down", "yaml: mapping key \"expr\" already defined at line 4"),
        (
            "{alert: a, expr: rate(up)}",
            "up)",
            "could not parse expression: 1:6: parse error: expected type range vector in call to function \"rate\", got \
             instant vector",
        ),
        ("{alert: a, expr: up, labels: {b: '{{ $x }}'}}", "$x", "label \"b\": template:1: undefined variable \"$x\""),
        (
            "{alert: a, expr: up, annotations: {b: 'x {{ y }}'}}",
            "y }",
            "annotation \"b\": template:1: function \"y\" not defined",
        ),
    ] {
        let text = format!("groups:\n- name: g\n  rules:\n  - {rule}\n");
        let found = load_text("f.yml", &text).unwrap_err();
        assert_eq!(found.len(), 1, "{rule}: {found:?}");
        let at = found[0].position.unwrap();
        let there: String = found[0].source_line.chars().skip(at.col - 1).collect();
        assert!(there.starts_with(place), "{}", found[0]);
        assert_eq!((at.line, found[0].message.as_str()), (4, want));
    }
}

#[test]
fn errors_point_into_every_style_of_scalar() {
    for (expr, line) in [
        ("expr: sum(x) + rate(y)", 4),
        ("expr: \"sum(x{a=\\\"b\\\"}) + rate(y)\"", 4),
        ("expr: 'sum(x) + rate(y)'", 4),
        ("expr: |\n        sum(x)\n        + rate(y)", 6),
        ("expr: >-\n        sum(x)\n\n        + rate(y)", 7),
        ("expr: sum(x)\n        + rate(y)", 5),
        ("expr: |2-\n\n        sum(x) + rate(y)", 6),
    ] {
        let text = format!("groups:\n- name: g\n  rules:\n  - {expr}\n    record: r\n");
        let errors = load_text("f.yml", &text).unwrap_err();
        let at = errors[0].position.unwrap();
        assert_eq!(at.line, line, "{expr}\n{}", errors[0]);
        assert_eq!(errors[0].source_line.chars().nth(at.col - 1), Some('y'), "{}", errors[0]);
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let found = errors(
        "groups:
- name: g
  intervall: 1m
  rules:
  - record: a
    expr: rate(
  - alert: b
    expr: up
    for: x
- name: g
- rules: 3
  limit: many
rule: x
",
    );
    assert_eq!(
        found,
        [
            "3:3 field intervall not found in rule group",
            "6:16 could not parse expression: 1:6: parse error: unclosed left parenthesis",
            "9:10 invalid field 'for': not a valid duration string: \"x\"",
            "10:9 groupname: \"g\" is repeated in the same file",
            "11:3 Groupname must not be empty",
            "11:10 cannot unmarshal !!str `3` into list of rules",
            "12:10 cannot unmarshal !!str `many` into int",
            "13:1 field rule not found in rule file",
        ]
    );
    let shown = load_text("f.yml", "groups:\n- name: g\n  rules:\n  - {alert: a, exp: up}\n").unwrap_err();
    assert_eq!(shown.len(), 2);
    assert!(shown[1].to_string().contains("help: did you mean \"expr\"?"), "{}", shown[1]);
    assert!(shown[1].to_string().contains("= rule: \"a\" in group \"g\""), "{}", shown[1]);
}

#[test]
fn all_documents_and_custom_resources_are_read() {
    let set = loaded(
        "groups: [{name: a, rules: [{record: x, expr: up}]}]
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: n}
spec:
  groups:
  - name: b
    partial_response_strategy: warn
    rules: [{alert: y, expr: up, for: ''}]
---
apiVersion: v1
kind: List
items:
- {apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, spec: {groups: [{name: c, rules: []}]}}
---
apiVersion: v1
kind: ConfigMap
---
",
    );
    let names: Vec<_> = set.files[0].groups.iter().map(|g| g.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(set.warnings.len(), 1);
    assert_eq!(set.warnings[0].message, "a document of kind ConfigMap holds no rules");
    assert!(errors("groups: [{name: a}]\n---\ngroups: [{name: a}]")[0].contains("repeated"));
    assert!(
        errors("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {group: []}")[0].contains("group")
    );
}

#[test]
fn files_without_rules_are_accepted_with_a_warning() {
    for (text, want) in [
        ("", "the file is empty: it holds no rule groups"),
        ("# nothing\n", "the file is empty: it holds no rule groups"),
        ("---\n", "the file is empty: it holds no rule groups"),
        ("groups: []\n", "the file holds no rules"),
        ("groups:\n", "the file holds no rules"),
        ("groups: [{name: a, rules: []}]\n", "the file holds no rules"),
    ] {
        let set = loaded(text);
        assert_eq!(set.rules().count(), 0);
        assert_eq!(set.warnings.len(), 1, "{text}");
        assert_eq!(set.warnings[0].message, want);
    }
    assert!(errors("just text\n")[0].contains("cannot unmarshal !!str `just text` into rule file"));
    assert!(errors("- a\n")[0].contains("cannot unmarshal !!seq into rule file"));
}

#[test]
fn a_second_recording_of_the_same_series_is_worth_a_warning() {
    let set = loaded("groups: [{name: g, rules: [{record: a, expr: x}, {record: a, expr: y}]}]");
    assert_eq!(set.warnings.len(), 1);
    assert!(set.warnings[0].message.starts_with("duplicate rule"));
}

#[test]
fn aliases_and_merge_keys_work_as_in_go_yaml() {
    let set = loaded(
        "groups:
- name: g
  rules:
  - &base {alert: a, expr: &e up, labels: {s: x}}
  - {<<: *base, alert: b}
  - {record: c, expr: *e}
",
    );
    let rules = &set.files[0].groups[0].rules;
    assert_eq!((rules[1].name.as_str(), rules[1].expr_text.as_str()), ("b", "up"));
    assert_eq!(rules[1].labels, rules[0].labels);
    assert_eq!(rules[2].expr_position, rules[0].expr_position);
    assert!(errors("groups: [{name: g, rules: [{<<: 3, record: a, expr: up}]}]")[0].contains("map merge requires map"));
}

#[test]
fn hostile_yaml_is_an_error_and_harmless() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..20 {
        let alias = format!("*a{}", i - 1);
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", [alias.as_str(); 10].join(", ")));
    }
    assert!(errors(&bomb).iter().any(|e| e.contains("aliases stand for more than")));
    assert!(errors(&"[".repeat(100_000))[0].contains("yaml: "));
    assert!(errors(&"- ".repeat(100_000))[0].contains("nested more than 100 levels"));
    let nested: String = (0..5_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert!(errors(&nested)[0].contains("nested more than 100 levels"));
    assert!(errors("a: &a [*a]")[0].contains("yaml: "));
    assert!(errors("groups: \"\u{1}\"").len() == 1);
    let deep = format!("groups: [{{name: g, rules: [{{record: a, expr: '{}'}}]}}]", "(".repeat(100_000));
    assert!(errors(&deep)[0].contains("nested more than 200 levels"));
    let list = "{apiVersion: v1, kind: List, items: [".repeat(20) + &"]}".repeat(20);
    assert!(load_text("f.yml", &list).is_ok());
}

#[test]
fn patterns_stand_for_files_in_order_of_their_paths() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    std::fs::create_dir_all(path("sub/.hidden")).unwrap();
    for (file, group) in
        [("b.yml", "b"), ("a.rules", "a"), ("sub/c.yaml", "c"), ("sub/.hidden/d.yml", "d"), ("x.txt", "x")]
    {
        std::fs::write(path(file), format!("groups: [{{name: {group}, rules: [{{record: r, expr: up}}]}}]")).unwrap();
    }
    let names = |patterns: &[String]| -> Vec<String> {
        load(patterns).unwrap().files.iter().map(|f| f.groups[0].name.clone()).collect()
    };
    assert_eq!(names(&[dir.path().to_string_lossy().into_owned()]), ["a", "b", "c"]);
    assert_eq!(names(&[path("*.yml"), path("a.rules"), path("b.yml")]), ["a", "b"]);
    assert_eq!(names(&[path("x.txt")]), ["x"]);
    let missing = load(&[path("nope.yml"), path("*.nope"), path("sub/.hidden/..")]).unwrap_err();
    assert_eq!(missing.len(), 2);
    assert!(missing.iter().all(|e| !e.help.is_empty() && e.file.contains("nope")), "{missing:?}");
    std::fs::write(path("bad.yml"), b"groups: \xff").unwrap();
    std::fs::write(path("b.yml"), "groups: 3").unwrap();
    let found = load(&[path("*.yml")]).unwrap_err();
    assert_eq!(found.len(), 2);
    assert!(found[1].message.contains("not UTF-8 text: line 1"), "{}", found[1]);
}

#[test]
fn later_stages_can_point_into_an_expression() {
    let set = loaded("groups:\n- name: g\n  rules:\n  - record: r\n    expr: sum(x) + topk(1, y)\n");
    let (file, group, rule) = set.rules().next().unwrap();
    let at = crate::promql::locate(&rule.expr_text, "topk");
    let error = file.error_in_expr(group, rule, at, "topk is not supported yet".to_owned());
    assert_eq!(error.position, Some(Position { line: 5, col: 20 }));
    assert!(error.to_string().contains("expr: sum(x) + topk(1, y)\n  |                    ^"), "{error}");
}

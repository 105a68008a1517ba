//! Expressions that are made to hurt: each gets a bounded answer, refused by the name of a limit or evaluated.

use crate::run::{Answer, Place};

fn rules(expr: &str) -> String {
    let quoted = expr.replace('\'', "''");
    format!("groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: '{quoted}'\n")
}

fn check(expr: &str, args: &[&str]) -> Answer {
    let place = Place::new();
    place.write("rules.yml", rules(expr));
    place.run(&[&["check", "rules.yml"], args].concat())
}

#[test]
fn nesting_is_limited() {
    let deep = format!("{}up{}", "(".repeat(10_000), ")".repeat(10_000));
    check(&deep, &[]).refuses(3, &["nested more than 200 levels deep", "rules.yml:5"]);
}

#[test]
fn a_regex_is_limited_by_what_it_compiles_to() {
    let long = format!("up{{a=~\"{}\"}}", "[a-z]x".repeat(180_000));
    check(&long, &[]).refuses(3, &["longer than the limit"]);
    let half = format!("up{{a=~\"{}\"}}", "(?i)x".repeat(100_000));
    let answer = check(&half, &[]);
    assert!(answer.code == 0 || answer.err.contains("too large"), "{}", answer.err);
    check("up{a=~\"((a{100}){100}){100}\"}", &[]).refuses(3, &["regexp", "too large", "rules.yml:5"]);
    check("label_replace(up, \"a\", \"$1\", \"b\", \"((a{100}){100}){100}\")", &[]).refuses(3, &["too large"]);
}

#[test]
fn a_subquery_is_limited_by_its_inner_steps() {
    let says = ["subquery [10y:1ms] holds 315360000000 inner steps", "subquery-steps=1000000", "rules.yml:5"];
    check("max_over_time(up[10y:1ms])", &[]).refuses(3, &says);
    check("max_over_time(up[20m:1ms])", &[]).refuses(3, &["subquery-steps=1000000"]);
    check("max_over_time(up[20m:1ms])", &["--limit", "subquery-steps=2M"]).succeeds();
}

#[test]
fn how_far_back_is_limited() {
    check("rate(up[60d])", &[]).refuses(3, &["read 60d back", "reach=45d"]);
    check("up offset 1y", &[]).refuses(3, &["reach=45d"]);
    check("rate(up[2h])", &["--limit", "reach=1h"]).refuses(3, &["read 2h back", "reach=1h"]);
    check("up", &["--limit", "reach=1y"]).refuses(2, &["at most 45d"]);
}

#[test]
fn the_plan_is_limited() {
    let sum = (0..150).map(|i| format!("a{i}")).collect::<Vec<_>>().join(" or ");
    check(&format!("sum by (x) ({sum})"), &["--limit", "nodes=100"]).refuses(3, &["plan nodes", "nodes=100"]);
}

#[test]
fn a_join_of_everything_with_everything_is_an_error_of_the_rule() {
    let place = Place::with_fleet();
    place.write("rules.yml", rules("{__name__=~\".+\"} * on () group_left () {__name__=~\".+\"}"));
    let answer = place.backtest(&[]);
    assert_eq!(answer.code, 1, "{}", answer.err);
    assert!((answer.out + &answer.err).contains("many-to-many"));
}

#[test]
fn elements_and_samples_are_limited_while_a_run_goes_on() {
    let place = Place::with_fleet();
    place.write("rules.yml", rules("{__name__=~\".+\"} > 0"));
    let answer = place.backtest(&["--limit", "elements=10", "--out", "d.parquet"]);
    answer.refuses(2, &["elements, more than the limit elements=10", "--limit elements=N"]);
    assert!(!place.files().iter().any(|f| f.contains("d.parquet")), "{:?}", place.files());
    place.write("rules.yml", rules("max_over_time({__name__=~\".+\"}[1h:1s]) > 0"));
    place.backtest(&["--limit", "samples=9k"]).refuses(2, &["samples, more than the limit samples=9000"]);
}

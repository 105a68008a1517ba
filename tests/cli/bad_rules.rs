//! Rules that are not what they have to be: what is wrong, where, and what to do.

use crate::run::Place;

fn check(content: impl AsRef<[u8]>) -> crate::run::Answer {
    let place = Place::new();
    place.write("rules.yml", content);
    place.run(&["check", "rules.yml"])
}

fn rule(expr: &str) -> String {
    format!("groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: {expr}\n")
}

#[test]
fn a_valid_file_is_summed_up() {
    let answer = check(rule("up == 0"));
    assert!(answer.succeeds().out.starts_with("valid: 1 rule (1 alerting, 0 recording) in 1 group of 1 file"));
}

#[test]
fn broken_yaml_is_shown_with_its_line() {
    check("groups:\n  - name: g\n   rules: [\n").refuses(3, &["yaml", "rules.yml:3", "^"]);
}

#[test]
fn an_unknown_field_is_shown_with_its_line() {
    check("groups:\n  - name: g\n    rulez: []\n").refuses(3, &["rulez", "rules.yml:3:5", "^"]);
}

#[test]
fn a_broken_expression_is_shown_in_the_file() {
    check(rule("rate(up[5m)")).refuses(3, &["rules.yml:5:", "rule: \"A\"", "^"]);
}

#[test]
fn experimental_features_are_enabled_by_prometheus_s_names() {
    let place = Place::new();
    place.write("rules.yml", rule("limitk(1, up) + fill(0) up"));
    place
        .run(&["check", "rules.yml"])
        .refuses(3, &["--enable-feature=promql-experimental-functions", "rules.yml:5:15"]);
    let features = "promql-experimental-functions,promql-binop-fill-modifiers";
    place.run(&["check", "rules.yml", "--enable-feature", features]).succeeds();
    place.write("twice.yml", rule("histogram_quantiles(x, 'q', 0.5, 0.9, 0.5)"));
    place.run(&["check", "twice.yml", "--enable-feature", features]).refuses(3, &["one quantile twice"]);
    let both = format!("no-such,{features}");
    let warned = place.run(&["check", "rules.yml", "--enable-feature", &both]);
    warned.succeeds();
    assert!(warned.err.starts_with("warning: --enable-feature: no-such is no feature of PromQL"), "{}", warned.err);
    assert!(warned.err.contains("promql-binop-fill-modifiers"), "{}", warned.err);
}

#[test]
fn all_errors_of_all_files_come_at_once() {
    let place = Place::new();
    place.write("a.yml", rule("up =="));
    place.write("b.yml", "groups: 7\n");
    let answer = place.run(&["check", "a.yml", "b.yml"]);
    answer.refuses(3, &["a.yml:5", "b.yml:1", "2 errors in 2 files"]);
}

#[test]
fn a_hostile_expression_does_not_overflow_the_stack() {
    let deep = format!("{}up{}", "(".repeat(100_000), ")".repeat(100_000));
    check(rule(&deep)).refuses(3, &["rules.yml:5"]);
    check(rule(&format!("{}up", "-".repeat(100_000)))).refuses(3, &["rules.yml:5"]);
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    check(b"groups:\n  - name: \xff\n").refuses(3, &["UTF-8", "line 2"]);
}

#[test]
fn an_empty_file_is_valid_but_cannot_be_backtested() {
    let place = Place::with_fleet();
    for content in ["", "groups: []\n", "# nothing\n"] {
        place.write("rules.yml", content);
        assert!(place.run(&["check", "rules.yml"]).succeeds().err.contains("warning"));
        place.backtest(&[]).refuses(3, &["no rules", "nothing to evaluate"]);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    Place::new().run(&["check", "nowhere.yml"]).refuses(3, &["nowhere.yml", "no such file"]);
    Place::new().run(&["check", "*.yml"]).refuses(3, &["*.yml", "matches"]);
}

#[test]
fn json_says_the_same_for_scripts() {
    let place = Place::new();
    place.write("good.yml", rule("up == 0"));
    place.write("bad.yml", rule("up =="));
    let parse = |name: &str| {
        let answer = place.run(&["check", name, "--format", "json"]);
        (answer.code, serde_json::from_str::<serde_json::Value>(&answer.out).unwrap())
    };
    let (code, good) = parse("good.yml");
    assert_eq!((code, &good["valid"], &good["alerting_rules"]), (0, &true.into(), &1.into()));
    let (code, bad) = parse("bad.yml");
    assert_eq!((code, &bad["valid"], &bad["errors"][0]["line"]), (3, &false.into(), &5.into()));
}

#[test]
fn a_rule_is_explained_and_a_wrong_name_is_answered() {
    let place = Place::new();
    place.write("rules.yml", rule("rate(up[5m]) > 1"));
    let plan = place.run(&["check", "rules.yml", "--explain", "A"]);
    assert!(plan.succeeds().out.contains("alert A") && plan.out.contains("reads 5m back"), "{}", plan.out);
    place.run(&["check", "rules.yml", "--explain", "a"]).refuses(2, &["did you mean 'A'?"]);
    assert!(place.run(&["check", "rules.yml", "--format", "dot"]).succeeds().out.starts_with("digraph"));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let place = Place::new();
    place.write("rules.yml", rule("up == 0"));
    let mut child = place
        .command(&["check", "rules.yml", "--format", "json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    crate::run::Answer::of(child.wait_with_output().unwrap());
}

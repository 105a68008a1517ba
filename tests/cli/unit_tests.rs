//! `bellwether test`: promtool's exit codes, a readable difference, and the conformance files.

use crate::run::Place;
use bellwether_test_support::shared_or_skip;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const RULES: &str = "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 1m\n    \
                     annotations: {summary: '{{ $labels.job }} has {{ $value }}'}\n";

fn test_file(instant: &str, summary: &str) -> String {
    format!(
        "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- name: one\n  interval: 1m\n  input_series:\n  \
         - {{series: 'up{{job=\"a\"}}', values: '1 0x5'}}\n  alert_rule_test:\n  - eval_time: {instant}\n    alertname: Down\n    \
         exp_alerts: [{{exp_labels: {{job: a}}, exp_annotations: {{summary: {summary}}}}}]\n  promql_expr_test:\n  \
         - {{expr: sum(up), eval_time: 3m, exp_samples: [{{value: 0}}]}}\n"
    )
}

fn place(instant: &str, summary: &str) -> Place {
    let place = Place::new();
    place.write("rules.yml", RULES);
    place.write("test.yml", test_file(instant, summary));
    place
}

#[test]
fn a_passed_test_ends_with_0() {
    let answer = place("3m", "a has 0").run(&["test", "test.yml"]);
    assert!(answer.succeeds().out.contains("1 test passed, 0 failed"), "{}", answer.out);
}

#[test]
fn a_failed_test_ends_with_1_and_shows_where_it_differs() {
    let answer = place("3m", "b").run(&["test", "test.yml"]);
    answer.refuses(1, &[]);
    let parts = ["FAIL", "test.yml:4 test 1 \"one\"", "alert Down at 3m", "expected: \"b\"", "got:      \"a has 0\""];
    parts.iter().for_each(|p| assert!(answer.out.contains(p), "{p} is not in {}", answer.out));
    let early = place("1m", "a has 0").run(&["test", "test.yml"]);
    assert!(early.code == 1 && early.out.contains("expected, but not there"), "{}", early.out);
}

#[test]
fn broken_files_fail_and_the_others_run_on() {
    let place = place("3m", "a has 0");
    place.write("broken.yml", "tests: [\n");
    place.write("lost.yml", "rule_files: [nowhere.yml]\ntests: []\n");
    place.write("bad.yml", "rule_files: [bad_rules.yml]\ntests: []\n");
    place.write("bad_rules.yml", "groups: 7\n");
    let answer = place.run(&["test", "broken.yml", "bad.yml", "lost.yml", "nowhere.yml", "test.yml"]);
    answer.refuses(1, &["no rule file matches nowhere.yml"]);
    assert!(answer.out.contains("1 test passed, 3 failed"), "{}", answer.out);
}

#[test]
fn tests_are_chosen_by_name() {
    let answer = place("3m", "b").run(&["test", "test.yml", "--run", "two"]);
    assert!(answer.succeeds().out.contains("0 tests passed, 0 failed"), "{}", answer.out);
}

#[test]
fn names_are_matched_by_regular_expressions() {
    let place = place("3m", "b");
    place.run(&["test", "test.yml", "--run", "^o.e$"]).refuses(1, &[]);
    place.run(&["test", "test.yml", "--run", "two", "--run", "ONE|one"]).refuses(1, &[]);
    assert!(place.run(&["test", "test.yml", "--run", "^ne"]).succeeds().out.contains("0 tests passed"));
    place.run(&["test", "test.yml", "--run", "o("]).refuses(2, &["--run", "missing"]);
}

#[test]
fn files_come_by_globs_and_directories_too() {
    let place = place("3m", "a has 0");
    for args in [["test", "*t.yml"], ["test", "."]] {
        let answer = place.run(&args);
        assert!(answer.succeeds().out.contains("1 test passed, 0 failed"), "{}", answer.out);
    }
    let none = place.run(&["test", "no*.yml"]);
    assert!(none.code == 1 && none.out.contains("no file matches the pattern"), "{}", none.out);
    std::fs::create_dir(place.path("empty")).unwrap();
    let none = place.run(&["test", "empty"]);
    assert!(none.code == 1 && none.out.contains("holds no test files"), "{}", none.out);
    place.write("empty.yml", "");
    let empty = place.run(&["test", "empty.yml"]);
    assert!(empty.code == 1 && empty.out.contains("the file is empty"), "{}", empty.out);
}

#[test]
fn junit_is_written_as_promtool_writes_it() {
    let place = place("3m", "b");
    place.write("broken.yml", "tests: [\n");
    place.run(&["test", "test.yml", "broken.yml", "--junit", "out.xml"]).refuses(1, &[]);
    let xml = place.read("out.xml");
    let parts = [
        "<testsuites>",
        "<testsuite name=\"test.yml\" tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\"",
        "<testcase name=\"one\"><failure>line 9: alert Down at 3m",
        "<testsuite name=\"broken.yml\" tests=\"1\" failures=\"0\" errors=\"1\"",
    ];
    parts.iter().for_each(|p| assert!(xml.contains(p), "{p} is not in {xml}"));
    place.run(&["test", "test.yml", "--junit", "nowhere/out.xml"]).refuses(4, &["nowhere/out.xml"]);
}

#[test]
fn all_of_both_sides_is_shown_where_that_is_asked_for() {
    let answer = place("3m", "b").run(&["test", "test.yml", "--diff"]);
    let want = "    -   annotation summary \"b\"\n      {alertname=\"Down\", job=\"a\"}\n    +   annotation summary \"a has 0\"\n";
    assert!(answer.code == 1 && answer.out.contains(want), "{}", answer.out);
    assert!(!answer.out.contains('\u{1b}'), "no colours where no terminal is");
}

#[test]
fn a_test_can_be_looked_into() {
    let answer = place("3m", "a has 0").run(&["test", "test.yml", "--debug"]);
    for part in ["starting test \"one\"", "alert Down", "0 @1m", "2m: firing", "finished, took"] {
        assert!(answer.succeeds().err.contains(part), "{part} is not in {}", answer.err);
    }
}

#[test]
fn rules_that_no_test_exercises_are_named() {
    let place = place("3m", "a has 0");
    let more = "  - alert: Never\n    expr: up > 5\n  - record: unread\n    expr: up\n  - record: read\n    expr: up\n  \
                - alert: Through\n    expr: read == 0\n  - record: nothing\n    expr: up > 9\n";
    place.write("rules.yml", format!("{RULES}{more}"));
    let answer = place.run(&["test", "test.yml"]);
    let parts = [
        "coverage: 2 of 6 rules\n",
        "alerts that were never pending or firing: Never (rules.yml:",
        "records that never had a result: nothing (",
        "records that no test reads: unread (",
    ];
    parts.iter().for_each(|p| assert!(answer.succeeds().out.contains(p), "{p} is not in {}", answer.out));
    let test = test_file("3m", "a has 0")
        .replace("alertname: Down", "alertname: Through")
        .replace(", exp_annotations: {summary: a has 0}", "");
    place.write("test.yml", test);
    let answer = place.run(&["test", "test.yml"]);
    assert!(answer.succeeds().out.contains("coverage: 3 of 6 rules\n"), "{}", answer.out);
    assert!(!place.run(&["test", "test.yml", "--run", "one"]).succeeds().out.contains("coverage"));
}

/// A record that reads another group's record of the same instant: the order of groups decides whether it is there.
#[test]
fn groups_are_evaluated_in_the_order_that_the_file_gives() {
    let place = Place::new();
    place.write(
        "rules.yml",
        "groups:\n- {name: a, rules: [{record: second, expr: first}]}\n- {name: b, rules: [{record: first, expr: up}]}\n",
    );
    let test = |order: &str, samples: &str| {
        format!(
            "rule_files: [rules.yml]\ngroup_eval_order: [{order}]\ntests:\n- input_series: [{{series: up, values: '1 2'}}]\n  \
             promql_expr_test:\n  - {{expr: second, eval_time: 1m, exp_samples: [{{labels: second, value: {samples}}}]}}\n"
        )
    };
    // Run first, the reader sees what the group recorded a minute before.
    for (order, value) in [("a, b", "1"), ("b, a", "2"), ("b", "1")] {
        place.write("test.yml", test(order, value));
        let answer = place.run(&["test", "test.yml"]);
        assert_eq!(answer.code, 0, "{order}: {}", answer.out);
    }
    place.write("test.yml", test("a, b, a", "1"));
    let answer = place.run(&["test", "test.yml"]);
    assert!(answer.code == 1 && answer.out.contains("group name repeated in evaluation order: a"), "{}", answer.out);
}

#[test]
fn templates_see_the_external_url_and_labels() {
    let place = Place::new();
    place.write(
        "rules.yml",
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n    annotations:\n      \
         link: '{{ $externalURL }}/x {{ externalURL }} {{ pathPrefix }} {{ $externalLabels.region }}'\n",
    );
    let test = |link: &str| {
        format!(
            "rule_files: [rules.yml]\ntests:\n- external_url: http://p.example/prom\n  external_labels: {{region: eu}}\n  \
             input_series: [{{series: up, values: '0'}}]\n  alert_rule_test:\n  - eval_time: 0\n    alertname: A\n    \
             exp_alerts: [{{exp_annotations: {{link: '{link}'}}}}]\n"
        )
    };
    place.write("test.yml", test("http://p.example/prom/x http://p.example/prom /prom eu"));
    assert_eq!(place.run(&["test", "test.yml"]).code, 0, "{}", place.run(&["test", "test.yml"]).out);
    place.write("test.yml", test("http://p.example/prom/x"));
    place.run(&["test", "test.yml"]).refuses(1, &[]);
}

/// One unit in the last place is forgiven where the file says so, and only there.
#[test]
fn floats_are_compared_exactly_unless_the_file_says_otherwise() {
    let place = Place::new();
    for (fuzzy, value, code) in
        [(true, "0.3", 0), (false, "0.3", 1), (false, "0.30000000000000004", 0), (true, "0.31", 1)]
    {
        place.write(
            "test.yml",
            format!(
                "fuzzy_compare: {fuzzy}\ntests:\n- promql_expr_test:\n  \
                 - {{expr: 0.1 + 0.2, eval_time: 0, exp_samples: [{{value: {value}}}]}}\n"
            ),
        );
        let answer = place.run(&["test", "test.yml"]);
        assert_eq!(answer.code, code, "{fuzzy} {value}: {}", answer.out);
    }
}

/// Ctrl-C in the middle of many tests: the count of what is done, and the exit code of an interrupt.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_after_the_current_test() {
    let place = place("3m", "a has 0");
    let one = test_file("3m", "a has 0");
    let (head, body) = one.split_once("tests:\n").unwrap();
    place.write("test.yml", format!("{head}tests:\n{}", body.repeat(3_000)));
    let command = place
        .command(&["test", "test.yml"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn();
    let child = command.unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_000));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let answer = crate::run::Answer::of(child.wait_with_output().unwrap());
    // Should the machine be so fast that all is done, the run ends well and that is right too.
    if answer.code == 130 {
        assert!(
            answer.err.contains("interrupted after") && answer.out.contains("0 failed"),
            "{} {}",
            answer.out,
            answer.err
        );
    } else {
        answer.succeeds();
    }
}

#[test]
fn the_examples_pass() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fleet-tests.yml");
    let answer = Place::new().run(&["test", &examples.to_string_lossy()]);
    answer.succeeds();
}

/// Groups that promtool passes and that do not pass yet, with the reason. Rewritten by `BELLWETHER_REWRITE=1`; a change
/// that makes it longer has to say why.
const NOT_YET: &str = "tests/cli/unit_not_yet.txt";

fn groups(answer: &str) -> BTreeMap<(String, usize), (bool, String)> {
    let mut all = BTreeMap::new();
    for line in answer.lines() {
        let r: serde_json::Value = serde_json::from_str(line).unwrap();
        let reason = r["problems"][0].as_str().unwrap_or("").lines().next().unwrap_or("").to_owned();
        let file = r["file"].as_str().unwrap().to_owned();
        let test = r["test"].as_u64().unwrap_or(0) as usize;
        all.insert((file, test), (r["result"] == "passed", format!("{}: {reason}", r["result"].as_str().unwrap())));
    }
    all
}

/// All of promtool's unit-test files: what promtool passes must pass, or stand in the list; what it fails must not pass.
#[test]
fn conformance_files_give_promtool_s_verdicts() {
    let Some(shared) = shared_or_skip("conformance_files_give_promtool_s_verdicts") else { return };
    let folder = shared.join("conformance");
    let manifest = std::fs::read_to_string(folder.join("unit_manifest.json")).unwrap();
    let manifest: Vec<serde_json::Value> = serde_json::from_str(&manifest).unwrap();
    let files: Vec<&str> = manifest.iter().map(|f| f["file"].as_str().unwrap()).collect();
    let mut command = Place::new().command(&["test", "--format", "json"]);
    let answer = crate::run::Answer::of(command.args(&files).current_dir(&folder).output().unwrap());
    let got = groups(&answer.out);
    let (mut passed, mut wrong, mut not_yet) = (0, Vec::new(), BTreeSet::new());
    for (file, group) in manifest.iter().flat_map(|f| f["groups"].as_array().unwrap().iter().map(move |g| (f, g))) {
        let key = (file["file"].as_str().unwrap().to_owned(), group["i"].as_u64().unwrap() as usize);
        let (ok, reason) = got.get(&key).cloned().unwrap_or((false, "not run".to_owned()));
        match (group["promtool_3_16"].as_bool().unwrap(), ok) {
            (true, true) => passed += 1,
            (true, false) => drop(not_yet.insert(format!("{}#{}\t{reason}", key.0, key.1))),
            (false, true) => wrong.push(format!("{}#{}", key.0, key.1)),
            (false, false) => {}
        }
    }
    println!("unit-test groups: {passed} passed, {} not yet", not_yet.len());
    assert!(wrong.is_empty(), "promtool fails these: {wrong:#?}");
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join(NOT_YET);
    let text: String = not_yet.iter().map(|l| format!("{l}\n")).collect();
    if std::env::var_os("BELLWETHER_REWRITE").is_some() {
        std::fs::write(&list, &text).unwrap();
    }
    let known = std::fs::read_to_string(&list).unwrap_or_default();
    let names = |t: &str| t.lines().filter_map(|l| l.split('\t').next()).map(str::to_owned).collect::<BTreeSet<_>>();
    let new: Vec<String> = names(&text).difference(&names(&known)).cloned().collect();
    let mended: Vec<String> = names(&known).difference(&names(&text)).cloned().collect();
    assert!(new.is_empty(), "these passed before: {new:#?}");
    assert!(mended.is_empty(), "these pass now: run with BELLWETHER_REWRITE=1 to shorten {NOT_YET}: {mended:#?}");
}

/// Native histograms in series, in a recording rule, in an alert's value and in what is expected.
#[test]
fn native_histograms_are_tested_as_promtool_does() {
    let place = Place::new();
    let rules = "groups:\n- name: g\n  rules:\n  - record: job:lat:sum\n    expr: sum by (job) (lat)\n  - alert: Slow\n    \
                 expr: job:lat:sum == job:lat:sum\n    annotations: {value: '{{ $value }}', rounded: '{{ $labels.job }}'}\n";
    place.write("rules.yml", rules);
    let test = |sum: u32| {
        format!(
            "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n  \
             - {{series: 'lat{{job=\"a\",i=\"1\"}}', values: '{{{{schema:0 count:3 sum:4 buckets:[1 2]}}}}+{{{{count:1 buckets:[0 1]}}}}x3'}}\n  \
             - {{series: 'lat{{job=\"a\",i=\"2\"}}', values: '{{{{count:1 sum:1 buckets:[1]}}}}x3'}}\n  \
             alert_rule_test:\n  - eval_time: 1m\n    alertname: Slow\n    exp_alerts:\n    - exp_labels: {{job: a}}\n      \
             exp_annotations: {{rounded: a, value: '{{count:5, sum:5, (0.5,1]:2, (1,2]:3}}'}}\n  \
             promql_expr_test:\n  - expr: job:lat:sum\n    eval_time: 1m\n    exp_samples:\n    \
             - {{labels: 'job:lat:sum{{job=\"a\"}}', histogram: '{{{{count:5 sum:{sum} counter_reset_hint:not_reset buckets:[2 3]}}}}'}}\n  \
             - {{expr: histogram_count(job:lat:sum), eval_time: 2m, exp_samples: [{{labels: '{{job=\"a\"}}', value: 6}}]}}\n"
        )
    };
    place.write("good.yml", test(5));
    let good = place.run(&["test", "good.yml"]);
    assert!(good.succeeds().out.contains("1 test passed, 0 failed"), "{} {}", good.out, good.err);
    place.write("bad.yml", test(7));
    let bad = place.run(&["test", "bad.yml"]);
    bad.refuses(1, &[]);
    assert!(bad.out.contains("expected: {{count:5 sum:7"), "{}", bad.out);
}

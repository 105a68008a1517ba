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

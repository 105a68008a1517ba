//! What `bellwether check` warns about, in every format, and the ways to switch it off.

use crate::run::Place;
use serde_json::Value;

const RULES: &str = "\
groups:
  - name: g
    rules:
      - alert: Down
        expr: count(up) == 0
";

fn place() -> Place {
    let place = Place::new();
    place.write("rules.yml", RULES);
    place.write("bad.yml", "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: up ==\n");
    place
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn a_warning_names_its_place_and_its_lint_and_stops_nothing() {
    let answer = place().run(&["check", "rules.yml"]);
    let parts = ["warning[never-true]", "rules.yml:5:25", "docs/lints.md", "1 warning;"];
    parts.iter().for_each(|p| assert!(answer.err.contains(p), "{p} is not in {}", answer.err));
    assert!(answer.succeeds().out.starts_with("valid: 1 rule"), "{}", answer.out);
}

#[test]
fn lints_are_chosen_switched_off_and_made_fatal() {
    let place = place();
    assert_eq!(place.run(&["check", "rules.yml", "--lint", "none"]).succeeds().err, "");
    assert_eq!(place.run(&["check", "rules.yml", "--lint", "short-for,missing-le"]).succeeds().err, "");
    place.run(&["check", "rules.yml", "--lint-fatal"]).refuses(3, &["never-true", "1 warning and --lint-fatal"]);
    place.run(&["check", "rules.yml", "--lint-fatal", "--lint", "duplicate-rules"]).succeeds();
    place.run(&["check", "rules.yml", "--lint", "never-ture"]).refuses(2, &["did you mean 'never-true'?"]);
    place.write("quiet.yml", RULES.replace("== 0", "== 0 # bellwether: ignore never-true"));
    assert_eq!(place.run(&["check", "quiet.yml", "--lint-fatal"]).succeeds().err, "");
    place.write("window.yml", RULES.replace("count(up) == 0", "rate(x_total[1m]) > 1"));
    place.run(&["check", "window.yml", "--lint-fatal"]).succeeds();
    let slow = place.run(&["check", "window.yml", "--lint-fatal", "--scrape-interval", "1m"]);
    slow.refuses(3, &["short-window", "use a window of 4m or more"]);
}

#[test]
fn json_holds_warnings_beside_everything_else() {
    let answer = place().run(&["check", "rules.yml", "--format", "json"]);
    let found = json(&answer.succeeds().out);
    let warning = &found["warnings"][0];
    assert_eq!(
        (&warning["lint"], &warning["line"], &warning["rule"]),
        (&"never-true".into(), &5.into(), &"Down".into())
    );
}

#[test]
fn github_gets_a_line_an_error_and_a_line_a_warning() {
    let place = place();
    let warned = place.run(&["check", "rules.yml", "--format", "github"]);
    let line = &warned.succeeds().out;
    assert!(line.starts_with("::warning file=rules.yml,line=5,col=25,title=Down%3A never-true::"), "{line}");
    assert_eq!(line.lines().count(), 1);
    let refused = place.run(&["check", "bad.yml", "--format", "github"]);
    assert!(refused.code == 3 && refused.out.starts_with("::error file=bad.yml,line=5,col="), "{}", refused.out);
}

/// The shape that SARIF 2.1.0's schema requires of what is written here.
fn assert_sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().is_some_and(|s| s.contains("sarif-2.1.0")));
    for run in log["runs"].as_array().unwrap() {
        let driver = &run["tool"]["driver"];
        assert!(driver["name"].is_string(), "a driver needs a name");
        let rules: Vec<&str> = driver["rules"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
        assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap()));
        for result in run["results"].as_array().unwrap() {
            assert!(result["message"]["text"].as_str().is_some_and(|t| !t.is_empty()), "a message needs a text");
            assert!(["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
            assert_eq!(rules[result["ruleIndex"].as_u64().unwrap() as usize], result["ruleId"].as_str().unwrap());
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.contains([' ', '\\']) && !uri.is_empty(), "{uri} is no URI");
            let region = &place["region"];
            for number in ["startLine", "startColumn"] {
                assert!(region.is_null() || region[number].as_u64().is_some_and(|n| n >= 1), "{region}");
            }
        }
    }
}

#[test]
fn sarif_is_what_its_schema_asks_for() {
    let place = place();
    place.write("my rules.yml", RULES);
    let log = json(&place.run(&["check", "rules.yml", "my rules.yml", "--format", "sarif"]).succeeds().out);
    assert_sarif(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let uris: Vec<&Value> =
        results.iter().map(|r| &r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]).collect();
    // The second copy is told for itself and as a copy of the first.
    assert!(uris.contains(&&"rules.yml".into()) && uris.contains(&&"my%20rules.yml".into()), "{uris:?}");
    let refused = place.run(&["check", "bad.yml", "nowhere.yml", "--format", "sarif"]);
    assert_eq!(refused.code, 3);
    let log = json(&refused.out);
    assert_sarif(&log);
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(2));
    assert_eq!(log["runs"][0]["results"][0]["level"], "error");
}

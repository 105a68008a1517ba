//! promtool's rule unit-test file: YAML text in, plain structs out.
//!
//! # Semantics
//! The fields and defaults of `promtool test rules`: `evaluation_interval` is 1 m where absent, a test's `interval` is
//! the evaluation interval, `start_timestamp` is RFC 3339 text or Unix seconds and 0 where absent. `rule_files` are
//! relative to the test file and may be glob patterns. Durations are milliseconds here.
//!
//! # Errors
//! [`FileError`] names the line. Unknown fields are errors.

use super::notation::{Value, parse_labels, parse_values};
use super::yaml::{Fields, Node, with_document};
use crate::promql;
use bellwether_model::Labels;
use bellwether_model::civil::parse_rfc3339;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a file is not a unit-test file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Line in the file, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { f.write_str(&self.message) } else { write!(f, "line {}: {}", self.line, self.message) }
    }
}

impl std::error::Error for FileError {}

/// A test file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestFile {
    /// Rule files as written: paths or glob patterns relative to the test file.
    pub rule_files: Vec<String>,
    /// How often all groups are evaluated, ms.
    pub evaluation_interval_ms: i64,
    /// Whether floats may differ by 1 ulp.
    pub fuzzy_compare: bool,
    /// Order in which groups are evaluated, where given.
    pub group_eval_order: Vec<String>,
    /// The tests.
    pub tests: Vec<TestGroup>,
}

/// One test: input series and what must come of them.
#[derive(Clone, Debug, PartialEq)]
pub struct TestGroup {
    /// Line in the file.
    pub line: usize,
    /// Name, may be empty.
    pub name: String,
    /// Distance of the samples of an input series, ms.
    pub interval_ms: i64,
    /// Instant of the first sample and the first evaluation, ms since the epoch.
    pub start_ms: i64,
    /// Input.
    pub input_series: Vec<InputSeries>,
    /// Expected alerts.
    pub alert_cases: Vec<AlertCase>,
    /// Expected results of expressions.
    pub expr_cases: Vec<ExprCase>,
    /// External labels, for templates.
    pub external_labels: Labels,
    /// External URL, for templates.
    pub external_url: String,
}

/// One input series.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSeries {
    /// Line in the file.
    pub line: usize,
    /// The series.
    pub labels: Labels,
    /// A value for each interval; `None` where the sample is missing.
    pub values: Vec<Option<Value>>,
}

/// Alerts expected of one rule at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertCase {
    /// Line in the file.
    pub line: usize,
    /// Instant after the start, ms.
    pub eval_time_ms: i64,
    /// Name of the alert.
    pub alertname: String,
    /// The firing alerts, in any order.
    pub alerts: Vec<ExpectedAlert>,
}

/// One expected alert.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedAlert {
    /// Labels without `alertname`, as written.
    pub labels: Labels,
    /// Annotations as expanded.
    pub annotations: Labels,
}

/// Samples expected of an expression at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct ExprCase {
    /// Line in the file.
    pub line: usize,
    /// The expression.
    pub expr: String,
    /// Instant after the start, ms.
    pub eval_time_ms: i64,
    /// The samples, in any order.
    pub samples: Vec<ExpectedSample>,
}

/// One expected sample.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedSample {
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: Value,
}

impl TestFile {
    /// Parses the text of a test file.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        Self::parse_with(text, &promql::Options::default())
    }

    /// The same, with some features of PromQL enabled.
    pub fn parse_with(text: &str, promql: &promql::Options) -> Result<Self, FileError> {
        with_document(text, |root| read_file(&root, promql.unquoted_utf8_names))
    }

    /// The rule files of a test file that stands at `test_file`; a pattern without a match is in the second list.
    pub fn rule_paths(&self, test_file: &Path) -> Result<(Vec<PathBuf>, Vec<String>), FileError> {
        let folder = test_file.parent().unwrap_or(Path::new("."));
        let (mut found, mut unmatched) = (Vec::new(), Vec::new());
        for pattern in &self.rule_files {
            let before = found.len();
            found.extend(matches_of(&folder.join(pattern))?);
            if found.len() == before {
                unmatched.push(pattern.clone());
            }
        }
        Ok((found, unmatched))
    }
}

fn matches_of(pattern: &Path) -> Result<Vec<PathBuf>, FileError> {
    let fail = |message: String| FileError { line: 0, message };
    // A path that is there is taken as it is, whatever glob characters its folders have.
    if pattern.is_file() {
        return Ok(vec![pattern.to_path_buf()]);
    }
    let text = pattern.to_string_lossy();
    let paths = glob::glob(&text).map_err(|e| fail(format!("bad pattern {text}: {e}")))?;
    let mut found = paths.collect::<Result<Vec<_>, _>>().map_err(|e| fail(e.to_string()))?;
    found.sort();
    Ok(found)
}

fn read_file(root: &Node<'_>, bare_utf8: bool) -> Result<TestFile, FileError> {
    let known = ["rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"];
    let f = root.fields("the unit test file", &known)?;
    let every = f.read("evaluation_interval", duration)?;
    let evaluation_interval_ms = if every == 0 { 60_000 } else { every };
    Ok(TestFile {
        rule_files: f.list("rule_files", Node::text)?,
        evaluation_interval_ms,
        fuzzy_compare: f.read("fuzzy_compare", Node::boolean)?,
        group_eval_order: group_order(&f)?,
        tests: f.list("tests", |n| read_group(n, evaluation_interval_ms, bare_utf8))?,
    })
}

/// Groups in the order in which they are evaluated; promtool refuses a file that names one twice.
fn group_order(f: &Fields<'_>) -> Result<Vec<String>, FileError> {
    let mut order: Vec<String> = Vec::new();
    for (name, node) in f.list("group_eval_order", |n| Ok((n.text()?, *n)))? {
        if order.contains(&name) {
            return node.fail(format!("group name repeated in evaluation order: {name}"));
        }
        order.push(name);
    }
    Ok(order)
}

fn read_group(node: &Node<'_>, evaluation_interval_ms: i64, bare_utf8: bool) -> Result<TestGroup, FileError> {
    let known = [
        "name",
        "interval",
        "start_timestamp",
        "input_series",
        "alert_rule_test",
        "promql_expr_test",
        "external_labels",
        "external_url",
    ];
    let f = node.fields("a test", &known)?;
    let interval_ms = f.read("interval", duration)?;
    Ok(TestGroup {
        line: node.line(),
        name: f.read("name", Node::text)?,
        interval_ms: if interval_ms == 0 { evaluation_interval_ms } else { interval_ms },
        start_ms: f.read("start_timestamp", start)?,
        input_series: f.list("input_series", |n| read_series(n, bare_utf8))?,
        alert_cases: f.list("alert_rule_test", read_alert_case)?,
        expr_cases: f.list("promql_expr_test", |n| read_expr_case(n, bare_utf8))?,
        external_labels: label_map(f.get("external_labels"))?,
        external_url: f.read("external_url", Node::text)?,
    })
}

fn read_series(node: &Node<'_>, bare_utf8: bool) -> Result<InputSeries, FileError> {
    let f = node.fields("an input series", &["series", "values"])?;
    let Some(series) = f.get("series") else { return node.fail("an input series needs 'series'") };
    let labels = parse_labels(&series.text()?, bare_utf8).or_else(|e| series.fail(e.to_string()))?;
    let values = f.read("values", |n| parse_values(&n.text()?).or_else(|e| n.fail(e.to_string())))?;
    Ok(InputSeries { line: node.line(), labels, values })
}

fn read_alert_case(node: &Node<'_>) -> Result<AlertCase, FileError> {
    let f = node.fields("an alert test", &["eval_time", "alertname", "exp_alerts"])?;
    Ok(AlertCase {
        line: node.line(),
        eval_time_ms: f.read("eval_time", duration)?,
        alertname: f.read("alertname", Node::text)?,
        alerts: f.list("exp_alerts", read_alert)?,
    })
}

fn read_alert(node: &Node<'_>) -> Result<ExpectedAlert, FileError> {
    let f = node.fields("an expected alert", &["exp_labels", "exp_annotations"])?;
    let (labels, annotations) = (label_map(f.get("exp_labels"))?, label_map(f.get("exp_annotations"))?);
    Ok(ExpectedAlert { labels, annotations })
}

fn read_expr_case(node: &Node<'_>, bare_utf8: bool) -> Result<ExprCase, FileError> {
    let f = node.fields("an expression test", &["expr", "eval_time", "exp_samples"])?;
    Ok(ExprCase {
        line: node.line(),
        expr: f.read("expr", Node::text)?,
        eval_time_ms: f.read("eval_time", duration)?,
        samples: f.list("exp_samples", |n| read_sample(n, bare_utf8))?,
    })
}

fn read_sample(node: &Node<'_>, bare_utf8: bool) -> Result<ExpectedSample, FileError> {
    let f = node.fields("an expected sample", &["labels", "value", "histogram"])?;
    let histogram = f.read("histogram", Node::text)?;
    let value = if histogram.is_empty() {
        Value::Float(f.read("value", Node::float)?)
    } else {
        match parse_values(&histogram).map_err(|e| e.to_string()) {
            Ok(values) => match values.as_slice() {
                [Some(value @ Value::Histogram(..))] => value.clone(),
                _ => return node.fail(format!("expected one histogram, got {histogram:?}")),
            },
            Err(e) => return node.fail(format!("histogram {histogram:?}: {e}")),
        }
    };
    let labels = f.read("labels", |n| Ok(Some((n.text()?, *n))))?;
    let labels = match labels {
        Some((text, n)) if !text.is_empty() => parse_labels(&text, bare_utf8).or_else(|e| n.fail(e.to_string()))?,
        _ => Labels::empty(),
    };
    Ok(ExpectedSample { labels, value })
}

fn label_map(node: Option<Node<'_>>) -> Result<Labels, FileError> {
    let pairs = node.map_or(Ok(Vec::new()), |n| n.pairs())?;
    let texts: Result<Vec<_>, FileError> = pairs.iter().map(|(name, value)| Ok((name, value.text()?))).collect();
    Ok(Labels::from_pairs(texts?))
}

/// A duration, ms.
fn duration(node: &Node<'_>) -> Result<i64, FileError> {
    let text = node.text()?;
    match parse_duration(&text) {
        Some(ms) => Ok(ms),
        None => node.fail(format!("not a valid duration string: {text:?}")),
    }
}

/// Prometheus's durations: `1h30m`, each unit at most once and in falling order, or `0`; empty text is 0.
pub fn parse_duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    if text.is_empty() || text == "0" {
        return Some(0);
    }
    let (mut rest, mut next_unit, mut total) = (text, 0, 0i64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let after = &rest[digits..];
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let unit = UNITS.iter().position(|(name, _)| *name == &after[..letters])?;
        if unit < next_unit {
            return None;
        }
        next_unit = unit + 1;
        total = rest[..digits].parse::<i64>().ok()?.checked_mul(UNITS[unit].1)?.checked_add(total)?;
        rest = &after[letters..];
    }
    Some(total)
}

/// `start_timestamp`: Unix seconds or RFC 3339, ms.
fn start(node: &Node<'_>) -> Result<i64, FileError> {
    let text = node.text()?;
    let seconds = text.parse::<f64>().ok().filter(|s| s.is_finite()).map(|s| (s * 1000.0).round() as i64);
    match seconds.or_else(|| parse_rfc3339(&text)) {
        Some(ms) => Ok(ms),
        None => node.fail(format!("start_timestamp {text:?} is neither Unix seconds nor an RFC 3339 time")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    const FILE: &str = r#"
rule_files: [a.yml]
evaluation_interval: 30s
fuzzy_compare: true
tests:
  - name: one
    start_timestamp: "2024-01-01T00:00:00Z"
    input_series:
      - series: up{job="x"}
        values: 1+0x2 _ stale
    alert_rule_test:
      - eval_time: 1h5m
        alertname: Down
        exp_alerts:
          - exp_labels: {severity: 1, on: true}
            exp_annotations: {summary: "x"}
    promql_expr_test:
      - expr: up
        eval_time: 0
        exp_samples: [{labels: 'up{job="x"}', value: 1.5}, {value: .inf}]
    external_labels: {region: eu}
"#;

    #[test]
    fn a_file_is_read_whole() {
        let f = TestFile::parse(FILE).unwrap();
        assert_eq!((f.evaluation_interval_ms, f.fuzzy_compare), (30_000, true));
        let t = &f.tests[0];
        assert_eq!((t.start_ms, t.interval_ms, t.input_series[0].values.len()), (1_704_067_200_000, 30_000, 5));
        assert_eq!(t.alert_cases[0].eval_time_ms, 3_900_000);
        assert_eq!(t.alert_cases[0].alerts[0].labels, Labels::from_pairs([("severity", "1"), ("on", "true")]));
        assert_eq!(t.expr_cases[0].samples[0].value, Value::Float(1.5));
        assert_eq!(t.expr_cases[0].samples[1].value, Value::Float(f64::INFINITY));
        assert_eq!(t.external_labels.get("region"), "eu");
    }

    #[test]
    fn errors_name_the_line() {
        let e = TestFile::parse("tests:\n  - name: x\n    intervall: 1m\n").unwrap_err();
        assert_eq!((e.line, e.message.contains("intervall")), (3, true), "{e}");
        let e = TestFile::parse("tests:\n  - input_series:\n    - series: up{\n      values: 1\n").unwrap_err();
        assert_eq!(e.line, 3);
        assert!(TestFile::parse("tests: [\n").is_err());
        let e = TestFile::parse("group_eval_order:\n- a\n- b\n- a\n").unwrap_err();
        assert_eq!((e.line, e.message.contains("repeated in evaluation order: a")), (4, true), "{e}");
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("1d2h3m4s5ms"), Some(93_784_005));
        assert_eq!((parse_duration("1m1h"), parse_duration("5"), parse_duration("0")), (None, None, Some(0)));
    }

    /// Every test file of the conformance folder parses, and names rule files that are there.
    #[test]
    fn the_conformance_files_parse() {
        let Some(shared) = bellwether_test_support::shared_or_skip("the_conformance_files_parse") else { return };
        let root = shared.join("conformance");
        let manifest = std::fs::read_to_string(root.join("unit_manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        let (mut files, mut groups) = (0, 0);
        for entry in manifest.as_array().unwrap() {
            let path = root.join(entry["file"].as_str().unwrap());
            let text = std::fs::read_to_string(&path).unwrap();
            let parsed = TestFile::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert_eq!(parsed.tests.len(), entry["groups"].as_array().unwrap().len(), "{}", path.display());
            let (_, unmatched) = parsed.rule_paths(&path).unwrap();
            assert!(unmatched.is_empty(), "{}: {unmatched:?}", path.display());
            files += 1;
            groups += parsed.tests.len();
        }
        println!("{files} files, {groups} groups");
        assert!(files >= 147);
    }
}

//! Compares results of rules: rows of (rule, labels, stamp, value) in, a verdict by rule out.
//!
//! # Semantics
//! Rows are equal when rule, labels and stamp are, and the values differ by at most 1e-9 relative, or are both NaN. Of
//! rows with one key the last counts. This is the verdict of the benchmark's own comparison.
//!
//! # Errors
//! [`load`] names the file and what is wrong with it.

use crate::columns::{self, Failure, LoadError};
use arrow_array::RecordBatch;
use bellwether_model::Labels;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// One result of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    /// Name of the rule.
    pub rule: String,
    /// Labels of the element.
    pub labels: Labels,
    /// Step, ms.
    pub timestamp_ms: i64,
    /// Value.
    pub value: f64,
}

/// The largest relative difference that counts as equal.
pub const TOLERANCE: f64 = 1e-9;

/// Differences listed by rule and kind.
const LISTED: usize = 3;

/// Element and step.
type Key = (Labels, i64);

/// A row that differs: element, step, expected value, value found.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Labels of the element.
    pub labels: Labels,
    /// Step, ms.
    pub timestamp_ms: i64,
    /// What was expected, if anything.
    pub expected: Option<f64>,
    /// What was found, if anything.
    pub found: Option<f64>,
}

/// The verdict on one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleVerdict {
    /// Rows expected.
    pub expected: usize,
    /// Expected rows that are not there.
    pub missing: Vec<Difference>,
    /// Rows that nobody expected.
    pub extra: Vec<Difference>,
    /// Rows with another value.
    pub wrong: Vec<Difference>,
}

/// The verdict on all rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// By rule.
    pub rules: BTreeMap<String, RuleVerdict>,
}

impl RuleVerdict {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.wrong.is_empty()
    }
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.rules.values().all(RuleVerdict::is_equal)
    }

    /// Number of rules without a difference.
    pub fn equal_rules(&self) -> usize {
        self.rules.values().filter(|v| v.is_equal()).count()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (rule, v) in &self.rules {
            let (word, missing, extra, wrong) =
                (if v.is_equal() { "ok  " } else { "DIFF" }, v.missing.len(), v.extra.len(), v.wrong.len());
            writeln!(f, "{word} {rule}: {} expected, {missing} missing, {extra} extra, {wrong} wrong", v.expected)?;
            for (what, all) in [("missing", &v.missing), ("extra", &v.extra), ("wrong", &v.wrong)] {
                for d in all.iter().take(LISTED) {
                    let (labels, at, want, got) = (&d.labels, d.timestamp_ms, d.expected, d.found);
                    writeln!(f, "     {what} {labels} at {at}: expected {want:?}, got {got:?}")?;
                }
            }
        }
        let equal = self.equal_rules();
        writeln!(f, "{equal} rules equal, {} differ", self.rules.len() - equal)
    }
}

/// Whether two values count as equal.
pub fn near(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * f64::max(a.abs(), b.abs())
}

fn by_rule(rows: &[ResultRow]) -> BTreeMap<&str, BTreeMap<Key, f64>> {
    let mut out: BTreeMap<&str, BTreeMap<Key, f64>> = BTreeMap::new();
    for row in rows {
        out.entry(&row.rule).or_default().insert((row.labels.clone(), row.timestamp_ms), row.value);
    }
    out
}

/// Compares two sets of rows, in any order.
pub fn compare(expected: &[ResultRow], found: &[ResultRow]) -> Comparison {
    let (want, got) = (by_rule(expected), by_rule(found));
    let none = BTreeMap::new();
    let rules: BTreeSet<&str> = want.keys().chain(got.keys()).copied().collect();
    let verdict = |rule: &str| verdict(want.get(rule).unwrap_or(&none), got.get(rule).unwrap_or(&none));
    Comparison { rules: rules.into_iter().map(|rule| (rule.to_owned(), verdict(rule))).collect() }
}

fn verdict(want: &BTreeMap<Key, f64>, got: &BTreeMap<Key, f64>) -> RuleVerdict {
    let mut v = RuleVerdict { expected: want.len(), ..RuleVerdict::default() };
    let difference =
        |key: &Key, expected, found| Difference { labels: key.0.clone(), timestamp_ms: key.1, expected, found };
    for (key, w) in want {
        match got.get(key) {
            None => v.missing.push(difference(key, Some(*w), None)),
            Some(g) if !near(*w, *g) => v.wrong.push(difference(key, Some(*w), Some(*g))),
            Some(_) => {}
        }
    }
    let extra = got.iter().filter(|(key, _)| !want.contains_key(*key));
    v.extra = extra.map(|(key, g)| difference(key, None, Some(*g))).collect();
    v
}

/// Reads a Parquet file of results: columns rule, labels (a JSON object), timestamp (ms) and value.
pub fn load(path: &Path) -> Result<Vec<ResultRow>, LoadError> {
    let mut canon = BTreeMap::new();
    let mut rows = Vec::new();
    columns::read(path, |batch| read_batch(batch, &mut canon, &mut rows))?;
    Ok(rows)
}

fn read_batch(
    batch: &RecordBatch,
    canon: &mut BTreeMap<String, Labels>,
    rows: &mut Vec<ResultRow>,
) -> Result<(), Failure> {
    let (rules, labels) = (columns::texts(batch, "rule")?, columns::texts(batch, "labels")?);
    let (stamps, values) = (columns::stamps(batch, "timestamp")?, columns::floats(batch, "value")?);
    for (((rule, json), timestamp_ms), value) in rules.into_iter().zip(labels).zip(stamps).zip(values) {
        let labels = match canon.get(&json) {
            Some(labels) => labels.clone(),
            None => canon.entry(json.clone()).or_insert(labels_of(&json)?).clone(),
        };
        rows.push(ResultRow { rule, labels, timestamp_ms, value });
    }
    Ok(())
}

fn labels_of(json: &str) -> Result<Labels, Failure> {
    let pairs: BTreeMap<String, String> = serde_json::from_str(json)?;
    Ok(Labels::from_pairs(pairs))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row(rule: &str, a: &str, timestamp_ms: i64, value: f64) -> ResultRow {
        ResultRow { rule: rule.into(), labels: Labels::from_pairs([("a", a)]), timestamp_ms, value }
    }

    #[test]
    fn every_kind_of_difference_is_told_apart() {
        let want = [row("r", "1", 0, 1.0), row("r", "2", 0, f64::NAN), row("r", "3", 0, 3.0), row("s", "1", 0, 1.0)];
        let got =
            [row("r", "1", 0, 1.0 + 1e-10), row("r", "2", 0, f64::NAN), row("r", "3", 0, 3.1), row("r", "1", 1, 1.0)];
        let c = compare(&want, &got);
        let r = &c.rules["r"];
        assert_eq!((r.expected, r.missing.len(), r.extra.len(), r.wrong.len()), (3, 0, 1, 1));
        assert_eq!((c.rules["s"].missing.len(), c.equal_rules(), c.is_equal()), (1, 0, false));
        assert!(c.to_string().ends_with("0 rules equal, 2 differ\n"));
        assert!(compare(&want, &want).is_equal());
    }

    #[test]
    fn expected_files_load_and_equal_themselves() {
        let Some(shared) = crate::shared_or_skip("expected_files_load_and_equal_themselves") else { return };
        let rows = load(&shared.join("bench/expected/nab.parquet")).unwrap();
        println!("{} rows", rows.len());
        let c = compare(&rows, &rows);
        assert!(!rows.is_empty() && c.is_equal());
        let mut changed = rows.clone();
        changed[0].value += 1.0;
        assert!(!compare(&rows, &changed).is_equal());
    }
}

//! Which rules a test looks at: those that its expressions select, those of the alerts that it checks, and whatever these
//! read in turn.
//!
//! # Semantics
//! A selector reads a recording rule whose name its matchers on the metric's name admit, and the alerting rules where these
//! admit `ALERTS` or `ALERTS_FOR_STATE`. Other matchers are not heeded: to read too much makes no rule look untested.

use super::file::TestGroup;
use crate::lower::walk::{matchers, uses};
use crate::promql::{self, Expr};
use crate::rules::RuleSet;
use bellwether_model::METRIC_NAME;
use promql_parser::label::{MatchOp, Matcher};
use std::collections::{BTreeMap, BTreeSet};

/// Who reads whom in a rule set; rules are counted in order of [`RuleSet::rules`].
#[derive(Debug, Default)]
pub struct Readers {
    /// Rules by the metric names of their series.
    by_name: BTreeMap<String, Vec<usize>>,
    /// Alerting rules by name.
    alerts: BTreeMap<String, Vec<usize>>,
    /// What each rule reads.
    reads: Vec<BTreeSet<usize>>,
}

impl Readers {
    /// Finds out for all rules of a set.
    pub fn new(set: &RuleSet) -> Self {
        let mut readers = Self::default();
        for (i, (.., rule)) in set.rules().enumerate() {
            let mut name = |name: &str| readers.by_name.entry(name.to_owned()).or_default().push(i);
            if rule.is_alert() {
                name("ALERTS");
                name("ALERTS_FOR_STATE");
                readers.alerts.entry(rule.name.clone()).or_default().push(i);
            } else {
                name(&rule.name);
            }
        }
        readers.reads = set.rules().map(|(.., rule)| readers.read_by(&rule.expr)).collect();
        readers
    }

    /// Rules that an expression selects.
    fn read_by(&self, expr: &Expr) -> BTreeSet<usize> {
        let mut read = BTreeSet::new();
        uses(expr, &mut |used| {
            let names: Vec<Matcher> = matchers(used.selector).into_iter().filter(|m| m.name == METRIC_NAME).collect();
            match names.as_slice() {
                [m] if m.op == MatchOp::Equal => read.extend(self.by_name.get(&m.value).into_iter().flatten()),
                several => {
                    let admitted = |name: &str| several.iter().all(|m| m.is_match(name));
                    read.extend(self.by_name.iter().filter(|(n, _)| admitted(n)).flat_map(|(_, rules)| rules));
                }
            }
        });
        read
    }

    /// Rules that a test looks at, directly or through others.
    pub fn reached(&self, test: &TestGroup) -> BTreeSet<usize> {
        let alerts = test.alert_cases.iter().filter_map(|c| self.alerts.get(&c.alertname)).flatten();
        let mut open: Vec<usize> = alerts.copied().collect();
        for case in &test.expr_cases {
            // One that does not parse reads nothing, and fails by itself.
            open.extend(promql::parse(&case.expr).iter().flat_map(|e| self.read_by(e)));
        }
        let mut reached = BTreeSet::new();
        while let Some(rule) = open.pop() {
            if reached.insert(rule) {
                open.extend(self.reads.get(rule).into_iter().flatten());
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rules::load_text;
    use crate::unittest::TestFile;

    #[test]
    fn reads_are_followed_through_records_and_alerts() {
        let rules = "groups: [{name: g, rules: [{record: a, expr: x}, {record: b, expr: a}, {alert: C, expr: b > 1}, \
                     {record: d, expr: 'count(ALERTS)'}, {record: e, expr: x}]}]";
        let readers = Readers::new(&load_text("f.yml", rules).unwrap());
        let reached = |test: &str| {
            let file = TestFile::parse(&format!("tests: [{test}]")).unwrap();
            readers.reached(&file.tests[0]).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(reached("{alert_rule_test: [{eval_time: 1m, alertname: C}]}"), [0, 1, 2]);
        assert_eq!(reached("{promql_expr_test: [{eval_time: 1m, expr: a}]}"), [0]);
        assert_eq!(reached("{promql_expr_test: [{eval_time: 1m, expr: d}]}"), [0, 1, 2, 3]);
        assert_eq!(reached("{promql_expr_test: [{eval_time: 1m, expr: '{__name__=~\"d|e\"}'}]}"), [0, 1, 2, 3, 4]);
        assert!(reached("{promql_expr_test: [{eval_time: 1m, expr: 'x +'}]}").is_empty());
    }
}

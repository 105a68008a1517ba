//! What the rules of the set record: a metric's name in, what is known of its series out.
//!
//! # Semantics
//! A series of a name that rules record has the labels of one of their results, the rules' own labels written over. Rules
//! read each other, so knowledge is computed in rounds: each round uses what the round before it knew, the first one
//! nothing. Every round is sound, and [`ROUNDS`] of them see through that many rules.

use super::known::{Known, Why, WhyKind};
use super::labels::known;
use crate::rules::{Rule, RuleSet};
use bellwether_model::METRIC_NAME;
use promql_parser::label::{MatchOp, Matcher};
use std::collections::BTreeMap;

/// Real rule sets record from records at most this deep or so; more rounds only cost time.
const ROUNDS: usize = 4;

/// Knowledge by recorded name.
#[derive(Debug, Default)]
pub(super) struct Recorded(BTreeMap<String, Known>);

impl Recorded {
    pub fn new(set: &RuleSet) -> Self {
        let records: Vec<&Rule> = set.rules().map(|(.., r)| r).filter(|r| !r.is_alert()).collect();
        let mut recorded = Self::default();
        for _ in 0..ROUNDS {
            let mut next: BTreeMap<String, Known> = BTreeMap::new();
            for rule in &records {
                let series = series(rule, known(&rule.expr, &recorded));
                let all = match next.remove(&rule.name) {
                    Some(before) => before.or(series),
                    None => series,
                };
                next.insert(rule.name.clone(), all);
            }
            let settled = next == recorded.0;
            recorded = Self(next);
            if settled {
                break;
            }
        }
        recorded
    }

    /// Whether a rule of the set records the name.
    pub fn records(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What is known of the series that matchers select, before the matchers are heeded.
    pub fn read_by(&self, matchers: &[Matcher]) -> Known {
        let name = matchers.iter().find(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal);
        name.and_then(|m| self.0.get(&m.value)).cloned().unwrap_or_default()
    }
}

/// The series that a rule records from elements of which `known` is known.
fn series(rule: &Rule, mut known: Known) -> Known {
    known.set_must(METRIC_NAME, Some(&rule.name), true);
    for (label, value) in &rule.labels {
        if value.is_empty() {
            known.set_lacked(label, Why::new(WhyKind::Nothing, format!("the rule's label {label}: \"\"")));
        } else {
            known.set_must(label, Some(value), true);
        }
    }
    known
}

//! Rules that are evaluated twice: at once, and again when late samples are in.
//!
//! # Semantics
//! The second evaluation of an alerting rule is a unit of its own, on a grid that waits for longer, with state of its own. It
//! reads second evaluations of the rules that the first one reads, and nobody else reads those: the two worlds share
//! samples, nothing else. Of its decisions only those come out that differ from the first ones (`render/corrections`).
//!
//! # Limits
//! Windows are kept for longer by `within`, and what such rules read is computed twice.

use super::catalogue::Catalogue;
use super::input::{RuleInput, RuleKind};
use super::unit::{Origin, Unit};
use super::walk;
use bellwether_model::hash128;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is done about decisions that late samples would change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LatePolicy {
    /// Nothing: closed steps are not run again.
    #[default]
    Ignore,
    /// Corrections for the record.
    Audit,
    /// Corrections, and what follows from them is told.
    Amend,
}

/// Rules that a policy holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateRule {
    /// Group; `None`: any.
    pub group: Option<String>,
    /// Alert; `None`: any.
    pub alert: Option<String>,
    /// The policy.
    pub policy: LatePolicy,
}

/// What is done about late samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// For alerts that no entry of `rules` names.
    pub policy: LatePolicy,
    /// Samples that come later than this after their step change nothing any more, ms.
    pub within_ms: i64,
    /// The first that names an alert holds for it.
    pub rules: Vec<LateRule>,
}

impl Late {
    fn policy(&self, rule: &RuleInput<'_>) -> LatePolicy {
        if rule.kind != RuleKind::Alert || self.within_ms <= 0 {
            return LatePolicy::Ignore;
        }
        let is = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        let named = self.rules.iter().find(|r| is(&r.group, rule.group) && is(&r.alert, rule.name));
        named.map_or(self.policy, |named| named.policy)
    }
}

/// Of the second evaluation of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    /// The unit of the first one.
    pub(super) of: usize,
    /// `Ignore`: it is there because others read it.
    pub(super) policy: LatePolicy,
    /// How much later it is, ms.
    pub(super) within_ms: i64,
}

/// The second evaluations that units call for.
pub(super) fn again<'a>(units: &[Unit<'a>], catalogue: &Catalogue, late: &Late) -> Vec<Unit<'a>> {
    let policy = |unit: &Unit<'_>| match unit.origin {
        Origin::Rule(rule) => late.policy(rule),
        Origin::Query(_) => LatePolicy::Ignore,
    };
    let mut open: Vec<usize> = units.iter().filter(|u| policy(u) != LatePolicy::Ignore).map(|u| u.index).collect();
    let mut all: BTreeSet<usize> = open.iter().copied().collect();
    while let Some(unit) = open.pop() {
        let mut follow = |used: walk::Use<'_>| {
            let read = catalogue.read_by(&units[unit], &walk::matchers(used.selector));
            open.extend(read.into_iter().filter(|read| all.insert(*read)));
        };
        units[unit].exprs().for_each(|expr| walk::uses(expr, &mut follow));
    }
    let second = |(at, of): (usize, usize)| {
        let unit = &units[of];
        let again = Again { of, policy: policy(unit), within_ms: late.within_ms };
        let rule_id = hash128(&[b"again", &unit.rule_id.to_le_bytes()]);
        Unit { index: units.len() + at, rule_id, again: Some(again), ..unit.clone() }
    };
    all.into_iter().enumerate().map(second).collect()
}

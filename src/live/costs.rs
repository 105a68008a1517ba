//! What rules have cost since the process began.

use bellwether_operators::evaluate::RuleCost;
use std::collections::BTreeMap;

/// Of one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleTotals {
    /// Steps at which it was evaluated.
    pub evaluations: u64,
    /// Steps at which its expression failed.
    pub failures: u64,
    /// Values that its expression read.
    pub values: u64,
}

/// Of all rules that were ever in force, epochs that a restart runs again included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCosts {
    rules: BTreeMap<String, RuleTotals>,
    /// Values that all of them read; what several of them read together counts once.
    pub values: u64,
}

impl RuleCosts {
    /// An epoch more.
    pub(super) fn add(&mut self, costs: Vec<RuleCost>, values: u64) {
        self.values += values;
        for RuleCost { rule, evaluations, values } in costs {
            let totals = self.rules.entry(rule).or_default();
            totals.evaluations += evaluations;
            totals.values += values;
        }
    }

    /// Steps at which a rule failed.
    pub(super) fn failed(&mut self, rule: &str, steps: usize) {
        // Those that cost nothing yet are no rules: queries.
        if let Some(totals) = self.rules.get_mut(rule) {
            totals.failures += steps as u64;
        }
    }

    /// Of a rule, by group and name.
    pub fn of(&self, group: &str, name: &str) -> RuleTotals {
        self.rules.get(&format!("{group}/{name}")).copied().unwrap_or_default()
    }
}

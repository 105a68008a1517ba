//! What is done about samples that come late.

use super::value::Millis;
use bellwether_dataflow::lower;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is done about decisions that late samples would change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LatePolicy {
    /// Nothing: closed steps are not run again
    #[default]
    Ignore,
    /// Corrections follow in the ledger, for the record
    Audit,
    /// Corrections follow in the ledger, and an alert that was missed is told then
    Amend,
}

impl LatePolicy {
    fn kind(self) -> lower::LatePolicy {
        match self {
            Self::Ignore => lower::LatePolicy::Ignore,
            Self::Audit => lower::LatePolicy::Audit,
            Self::Amend => lower::LatePolicy::Amend,
        }
    }
}

/// The policy of some alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LateRule {
    /// Name of their group; any where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Their name; any where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// What is done.
    pub policy: LatePolicy,
}

/// What is done about samples that come later than `lateness`. They are in the windows of later steps in any case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LateData {
    /// For alerts that no entry of `rules` names.
    pub policy: LatePolicy,
    /// How long after `lateness` samples may still change decisions. Rules that are audited or amended are evaluated a second
    /// time so much later, and windows are kept for so much longer.
    pub within: Millis,
    /// For some alerts: the first entry that names one holds for it.
    pub rules: Vec<LateRule>,
}

impl Default for LateData {
    fn default() -> Self {
        Self { policy: LatePolicy::Ignore, within: Millis::seconds(600), rules: Vec::new() }
    }
}

impl LateData {
    /// As the compiler wants it.
    pub fn kind(&self) -> lower::Late {
        let rule =
            |r: &LateRule| lower::LateRule { group: r.group.clone(), alert: r.alert.clone(), policy: r.policy.kind() };
        lower::Late {
            policy: self.policy.kind(),
            within_ms: self.within.0,
            rules: self.rules.iter().map(rule).collect(),
        }
    }
}

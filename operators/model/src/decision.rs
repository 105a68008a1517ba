//! Decisions: transitions of alerts, the engine's output rows.
//!
//! The **canonical** decision is hashed and compared between runs; epoch and position in a file stand beside it, in
//! [`Placed`], because they differ between live and replay.

use crate::hash::hash128;
use crate::labels::Labels;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What happened to an alert at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Transition {
    /// The expression holds; the hold duration is running.
    Pending,
    /// Held for `for`; notified.
    Firing,
    /// A firing alert ended; notified.
    Resolved,
    /// A pending alert ended, or a rule's alerts were dropped (limit exceeded, rule removed): never notified.
    Dropped,
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Dropped => "dropped",
        })
    }
}

/// What a correction says about what was decided before late samples were known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CorrectionKind {
    /// It would have been decided, and was not.
    Missed,
    /// It was decided, and would not have been.
    Withdrawn,
    /// It was decided of another value, text or episode.
    Changed,
}

impl CorrectionKind {
    /// As ledgers have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Withdrawn => "withdrawn",
            Self::Changed => "changed",
        }
    }
}

impl fmt::Display for CorrectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Of a decision that corrects others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// What it says.
    pub kind: CorrectionKind,
    /// Id of the decision that it takes the place of.
    pub supersedes: Option<u128>,
    /// Whether receivers hear of what follows from it; else it is for the record only.
    pub told: bool,
}

/// The canonical decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// `H(tenant, rule file, group, rule, identity labels)`.
    pub alert_id: u128,
    /// `H(alert id, active_at)`.
    pub episode_id: u128,
    /// `H(episode id, rule version, step, transition, revision)`; what ledgers de-duplicate by.
    pub decision_id: u128,
    /// Rule file as it was named.
    pub file: String,
    /// Rule group.
    pub group: String,
    /// Alert name.
    pub alert: String,
    /// Step of the evaluation, ms.
    pub step_ms: i64,
    /// What happened.
    pub transition: Transition,
    /// Identity labels: result labels without the name, rule labels, alertname.
    pub labels: Labels,
    /// Annotations as rendered at this step.
    pub annotations: Labels,
    /// Value of the expression at this step; on `Resolved` and `Dropped` the last one.
    pub value: f64,
    /// Step at which the episode began, ms.
    pub active_at_ms: i64,
    /// Step at which it fired, ms.
    pub fired_at_ms: Option<i64>,
    /// 0, or 1 of a correction.
    pub revision: u32,
    /// What it corrects; `None` where `revision` is 0.
    #[serde(default)]
    pub correction: Option<Correction>,
}

/// Id of an alert: `H(tenant, rule file, group, rule, identity labels)`.
pub fn alert_id(tenant: &str, file: &str, group: &str, rule: &str, labels: &Labels) -> u128 {
    let l = labels.hash(tenant).to_le_bytes();
    hash128(&[tenant.as_bytes(), file.as_bytes(), group.as_bytes(), rule.as_bytes(), &l])
}

/// Id of an episode: `H(alert id, active_at)`.
pub fn episode_id(alert_id: u128, active_at_ms: i64) -> u128 {
    hash128(&[&alert_id.to_le_bytes(), &active_at_ms.to_le_bytes()])
}

/// Id of a decision: `H(episode id, rule version, step, transition, revision)`.
pub fn decision_id(episode: u128, rule_version: u128, step_ms: i64, transition: Transition, revision: u32) -> u128 {
    hash128(&[
        &episode.to_le_bytes(),
        &rule_version.to_le_bytes(),
        &step_ms.to_le_bytes(),
        &[transition as u8],
        &revision.to_le_bytes(),
    ])
}

/// A decision with where it came to light, which is outside what is hashed and compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    /// The canonical decision.
    pub decision: Decision,
    /// Epoch in which it was evaluated.
    pub epoch: u64,
    /// Number of the decision within its epoch, in canonical order.
    pub position: u32,
}

impl Decision {
    /// Canonical order: step, then alert id, then transition.
    pub fn order(&self) -> (i64, u128, Transition) {
        (self.step_ms, self.alert_id, self.transition)
    }

    /// Hash of every canonical field; values by their bits.
    pub fn canonical_hash(&self) -> u128 {
        let mut text = format!(
            "{:032x}{:032x}|{}|{:016x}|{}|{:?}|{:?}|{}",
            self.decision_id,
            self.alert_id,
            self.step_ms,
            self.value.to_bits(),
            self.active_at_ms,
            self.fired_at_ms,
            self.labels,
            self.annotations
        );
        if let Some(Correction { kind, supersedes, .. }) = self.correction {
            text.push_str(&format!("|{kind} {:032x}", supersedes.unwrap_or_default()));
        }
        hash128(&[text.as_bytes()])
    }
}

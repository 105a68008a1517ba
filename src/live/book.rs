//! The alerts in force: what the decisions so far add up to.
//!
//! # Semantics
//! By alert id, the newest decision, with the value and the annotations of the newest evaluation. A resolved alert stays for 15 minutes, so that its receivers hear of it for as long
//! as Prometheus would tell them; a dropped one goes at once.

use bellwether_model::{Decision, Transition};
use bellwether_operators::evaluate::AlertUpdate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a resolved alert stays, ms (Prometheus `resolvedRetention`).
pub const RESOLVED_MS: i64 = 15 * 60 * 1000;

/// An alert in force, or resolved lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Active {
    /// The newest decision about it; value and annotations are as of its newest evaluation.
    pub decision: Decision,
    /// Whether it ever fired in this episode.
    pub fired: bool,
}

impl Active {
    /// When it resolved, ms.
    pub fn resolved_at_ms(&self) -> Option<i64> {
        (self.decision.transition == Transition::Resolved).then_some(self.decision.step_ms)
    }
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book(BTreeMap<u128, Active>);

impl Book {
    /// Takes a decision; they come in order.
    pub fn apply(&mut self, decision: &Decision) {
        let fired = matches!(decision.transition, Transition::Firing | Transition::Resolved);
        match decision.transition {
            Transition::Dropped => {
                self.0.remove(&decision.alert_id);
            }
            Transition::Pending | Transition::Firing | Transition::Resolved => {
                self.0.insert(decision.alert_id, Active { decision: decision.clone(), fired });
            }
        }
    }

    /// Takes what an alert says now; it comes behind the decisions of its epoch.
    pub fn update(&mut self, update: AlertUpdate) {
        let AlertUpdate { alert_id, episode_id, step_ms, value, annotations } = update;
        let Some(Active { decision, .. }) = self.0.get_mut(&alert_id) else { return };
        let is_active = matches!(decision.transition, Transition::Pending | Transition::Firing);
        if is_active && decision.episode_id == episode_id && decision.step_ms < step_ms {
            (decision.value, decision.annotations) = (value, annotations);
        }
    }

    /// Forgets alerts that resolved long before a step.
    pub fn forget(&mut self, now_ms: i64) {
        self.0.retain(|_, a| a.resolved_at_ms().is_none_or(|at| at >= now_ms.saturating_sub(RESOLVED_MS)));
    }

    /// In order of ids.
    pub fn iter(&self) -> impl Iterator<Item = &Active> + '_ {
        self.0.values()
    }

    /// Alerts, resolved ones included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

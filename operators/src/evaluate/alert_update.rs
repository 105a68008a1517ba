//! What an active alert says between its transitions, for whoever shows alerts that are active now.
//!
//! # Semantics (Prometheus rules/alerting.go)
//! Each evaluation gives an active alert its value, and annotations rendered from it. Decisions are transitions, so what
//! changes without one is told beside them: once an epoch, as of the newest good step. An alert that is kept firing without its
//! element, or whose last step failed, stays as it was.
//!
//! # State
//! None: a change is one against the state before the epoch, which a restart has too.

use super::alert::{AlertState, Phase, Run};
use super::output::AlertUpdate;
use bellwether_model::decision::{alert_id, episode_id};
use bellwether_model::{Labels, Value};

/// What was shown of an alert before an epoch's steps.
pub(super) struct Shown {
    value: Value,
    source: Option<Labels>,
    /// Whether the rule's words are new.
    is_new: bool,
}

impl Shown {
    pub(super) fn of(state: &AlertState, is_new: bool) -> Self {
        Self { value: state.value.clone(), source: state.source.clone(), is_new }
    }

    fn is_still(&self, state: &AlertState) -> bool {
        let same = match (&self.value, &state.value) {
            // Zeros have a sign, and a NaN is what it was.
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        };
        same && self.source == state.source && !self.is_new
    }
}

impl Run<'_, '_, '_> {
    /// Tells what has changed about an alert by its newest step; what a decision of the same step told is no news.
    pub(super) fn update(&mut self, labels: &Labels, state: &AlertState, shown: Shown, newest_ms: Option<i64>) {
        let told_ms = std::mem::replace(&mut self.told_ms, i64::MIN);
        let Some(step_ms) = newest_ms.filter(|s| *s > told_ms && *s >= self.effects.times.from_ms) else { return };
        let is_active = state.phase != Phase::Inactive && !state.untold && state.keep_since_ms.is_none();
        if !self.effects.follows_alerts || !is_active || self.spec.is_again() {
            return;
        }
        if told_ms == i64::MIN && shown.is_still(state) && !self.text.annotations_use_time() {
            return;
        }
        let spec = self.spec;
        let alert_id = alert_id(&self.view.program.tenant, &spec.file, &spec.group, &spec.name, labels);
        let source = state.source.as_ref().unwrap_or(labels);
        self.effects.output.updates.push(AlertUpdate {
            alert_id,
            episode_id: episode_id(alert_id, state.active_at_ms),
            step_ms,
            value: state.value.float(),
            annotations: self.text.annotations(source, &state.value, step_ms, self.asked),
        });
    }
}

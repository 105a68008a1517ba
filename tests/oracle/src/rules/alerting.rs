//! Alerting rules: inactive → pending → firing → resolved.
//!
//! # Semantics
//! Prometheus's `rules/alerting.go`, one step at a time over all alerts of a rule. A new alert is pending, and fires in
//! the same step if its hold duration is over; only the state that a step ends with is a transition.
//!
//! # Limits
//! Resolved alerts are forgotten at once: what is kept for sending again is no state of the rule.

use super::{Rule, RuleKind};
use crate::value::{Fault, Sampled, fail};
use bellwether_model::{Labels, METRIC_NAME, Transition};
use bellwether_operators::template::{Context, Template};
use std::collections::{BTreeMap, BTreeSet};

/// An alert that is pending or firing.
#[derive(Clone, Debug)]
struct Alert {
    firing: bool,
    active_at_ms: i64,
    fired_at_ms: Option<i64>,
    keep_since_ms: Option<i64>,
    value: f64,
}

/// A change of one alert.
#[derive(Debug)]
pub struct Change {
    pub labels: Labels,
    pub transition: Transition,
    pub value: f64,
    pub active_at_ms: i64,
    pub fired_at_ms: Option<i64>,
}

/// The alerts of a rule.
#[derive(Debug, Default)]
pub struct Alerting {
    active: BTreeMap<Labels, Alert>,
    /// What the last step changed, in order of labels.
    pub changes: Vec<Change>,
}

fn change(labels: &Labels, alert: &Alert, transition: Transition) -> Change {
    Change {
        labels: labels.clone(),
        transition,
        value: alert.value,
        active_at_ms: alert.active_at_ms,
        fired_at_ms: alert.fired_at_ms,
    }
}

/// A label's text for one element. The templates are the engine's own: they have their own tests.
fn expand(rule: &Rule, text: &str, (labels, value): (&Labels, &Sampled), now_ms: i64) -> String {
    let none = Labels::empty();
    let context = Context {
        alert: &rule.name,
        labels,
        value: value.float(),
        histogram: if let Sampled::Histogram(h) = value { Some(h) } else { None },
        external_labels: &none,
        external_url: "",
        now_ms,
        query: None,
    };
    let expanded = Template::parse(text).and_then(|t| t.expand(&context));
    expanded.unwrap_or_else(|e| format!("<error expanding template: {e}>"))
}

/// Result labels without the name, rule labels, alertname.
fn identity(rule: &Rule, labels: &Labels, value: &Sampled, step_ms: i64) -> Labels {
    let mut b = labels.without(METRIC_NAME).to_builder();
    for (name, text) in &rule.labels {
        b.set(name, &expand(rule, text, (labels, value), step_ms));
    }
    b.set("alertname", &rule.name);
    b.build()
}

fn identities(rule: &Rule, rows: &[(Labels, Sampled)], step_ms: i64) -> Result<BTreeMap<Labels, f64>, Fault> {
    let mut found = BTreeMap::new();
    for (labels, value) in rows {
        if found.insert(identity(rule, labels, value, step_ms), value.float()).is_some() {
            return fail("vector contains metrics with the same labelset after applying alert labels");
        }
    }
    Ok(found)
}

impl Alerting {
    /// One step: the samples to write, or why the evaluation fails.
    pub fn step(
        &mut self,
        rule: &Rule,
        limit: usize,
        rows: &[(Labels, Sampled)],
        step_ms: i64,
    ) -> Result<Vec<(Labels, Sampled)>, Fault> {
        let RuleKind::Alert { for_ms, keep_firing_for_ms } = rule.kind else { return Ok(Vec::new()) };
        let found = identities(rule, rows, step_ms)?;
        let before = self.active.clone();
        self.meet(&found, step_ms);
        self.part(&found, step_ms, keep_firing_for_ms);
        for alert in self.active.values_mut().filter(|a| !a.firing && step_ms - a.active_at_ms >= for_ms) {
            alert.firing = true;
            alert.fired_at_ms = Some(step_ms);
        }
        if limit > 0 && self.active.len() > limit {
            let message = format!("exceeded limit of {limit} with {} alerts", self.active.len());
            self.active.clear();
            self.changes = before.iter().map(|(labels, alert)| change(labels, alert, Transition::Dropped)).collect();
            return fail(message);
        }
        self.compare(&before);
        Ok(self.samples(rule))
    }

    /// Elements that are there: new alerts, new values.
    fn meet(&mut self, found: &BTreeMap<Labels, f64>, step_ms: i64) {
        for (labels, value) in found {
            let new =
                Alert { firing: false, active_at_ms: step_ms, fired_at_ms: None, keep_since_ms: None, value: *value };
            let alert = self.active.entry(labels.clone()).or_insert(new);
            alert.value = *value;
            alert.keep_since_ms = None;
        }
    }

    /// Alerts whose element is gone: they end, unless they fire and are kept firing.
    fn part(&mut self, found: &BTreeMap<Labels, f64>, step_ms: i64, keep_firing_for_ms: i64) {
        self.active.retain(|labels, alert| {
            if found.contains_key(labels) {
                return true;
            }
            if !alert.firing || keep_firing_for_ms == 0 {
                return false;
            }
            step_ms - *alert.keep_since_ms.get_or_insert(step_ms) < keep_firing_for_ms
        });
    }

    fn compare(&mut self, before: &BTreeMap<Labels, Alert>) {
        let all: BTreeSet<&Labels> = before.keys().chain(self.active.keys()).collect();
        let changed = |labels: &Labels| {
            let (old, new) = (before.get(labels), self.active.get(labels));
            let (alert, transition) = match (old, new) {
                (None, Some(new)) if !new.firing => (new, Transition::Pending),
                (Some(old), Some(new)) if old.firing == new.firing => return None,
                (_, Some(new)) => (new, Transition::Firing),
                (Some(old), None) if old.firing => (old, Transition::Resolved),
                (Some(old), None) => (old, Transition::Dropped),
                (None, None) => return None,
            };
            Some(change(labels, alert, transition))
        };
        self.changes = all.into_iter().filter_map(changed).collect();
    }

    /// `ALERTS` and `ALERTS_FOR_STATE`: the alert's labels over the rule's as they are written. Two alerts that differ in
    /// `alertstate` alone write one series.
    fn samples(&self, rule: &Rule) -> Vec<(Labels, Sampled)> {
        let of = |(labels, alert): (&Labels, &Alert)| {
            let state = if alert.firing { "firing" } else { "pending" };
            let mut b = Labels::from_pairs(rule.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))).to_builder();
            for (name, value) in labels.iter() {
                b.set(name, value);
            }
            b.set("alertname", &rule.name);
            let for_state = b.set(METRIC_NAME, "ALERTS_FOR_STATE").build();
            let alerts = for_state.to_builder().set(METRIC_NAME, "ALERTS").set("alertstate", state).build();
            let active_s = alert.active_at_ms.div_euclid(1000) as f64;
            [(alerts, Sampled::Float(1.0)), (for_state, Sampled::Float(active_s))]
        };
        let all: BTreeMap<Labels, Sampled> = self.active.iter().flat_map(of).collect();
        all.into_iter().collect()
    }
}

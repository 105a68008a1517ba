//! A decision in, the notification that a receiver gets out.
//!
//! # Semantics (Prometheus rules/alerting.go and notifier)
//! External labels where the alert has none of that name, then relabelling for all receivers, then the receiver's own. An alert
//! that relabelling lets go is not sent.

use super::NotifySpec;
use crate::live::rules::RuleTable;
use bellwether_connectors::sink::Notification;
use bellwether_model::{Decision, Transition};
use bellwether_operators::relabel::Relabelling;

/// What notifications need to know of rules.
pub(super) struct Wording<'a> {
    pub spec: &'a NotifySpec,
    /// For all receivers, then for this one.
    pub relabelling: &'a [Relabelling],
    pub table: &'a RuleTable,
}

impl Wording<'_> {
    /// What a receiver is told; `None` where relabelling lets the alert go.
    pub fn notification(&self, d: &Decision, now_ms: i64) -> Option<Notification> {
        let mut labels = self.spec.external_labels.to_builder();
        for (name, value) in d.labels.iter() {
            labels.set(name, value);
        }
        let labels = self.relabelling.iter().try_fold(labels.build(), |labels, rules| rules.apply(&labels))?;
        let rule = self.table.set.rules().find(|(f, g, r)| {
            r.is_alert() && (f.path.as_str(), g.name.as_str(), r.name.as_str()) == (&d.file, &d.group, &d.alert)
        });
        let default_ms = self.table.default_interval_ms;
        let interval_ms = rule.and_then(|(_, g, _)| g.interval_ms).filter(|ms| *ms > 0).unwrap_or(default_ms);
        let expr = rule.map_or("", |(_, _, r)| r.expr_text.as_str());
        let query: String = form_urlencoded::byte_serialize(expr.as_bytes()).collect();
        Some(Notification {
            labels,
            annotations: d.annotations.clone(),
            starts_at_ms: d.fired_at_ms.unwrap_or(d.active_at_ms),
            ends_at_ms: match d.transition {
                Transition::Resolved => d.step_ms,
                _ => now_ms.saturating_add(4 * interval_ms.max(self.spec.resend_ms)),
            },
            generator_url: format!("{}/graph?g0.expr={query}&g0.tab=1", self.spec.external_url.trim_end_matches('/')),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::live::tests::decision;
    use bellwether_model::Labels;
    use bellwether_operators::relabel::RelabelConfig;
    use std::sync::Arc;

    #[test]
    fn relabelling_changes_what_is_sent_and_may_let_an_alert_go() {
        let configs: Vec<RelabelConfig> = serde_json::from_value(serde_json::json!([
            {"source_labels": ["team"], "regex": "test", "action": "drop"},
            {"source_labels": ["dc"], "regex": "(.*)1", "target_label": "region", "replacement": "$1"},
            {"regex": "dc", "action": "labeldrop"},
        ]))
        .unwrap();
        let external_labels = Labels::from_pairs([("dc", "eu1")]);
        let spec = NotifySpec {
            receivers: Vec::new(),
            resend_ms: 60_000,
            external_labels,
            alert_relabel_configs: configs.clone(),
            external_url: String::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        let tables = crate::live::RuleTables::new(
            Arc::new(bellwether_connectors::disk::RealDisk),
            folder.path(),
            Default::default(),
            Default::default(),
        );
        let table = tables.of_texts(&[("r.yml".to_owned(), "groups: []\n".to_owned())]).unwrap();
        let own: Vec<RelabelConfig> =
            serde_json::from_value(serde_json::json!([{"target_label": "to", "replacement": "am-1"}])).unwrap();
        let relabelling = [&configs, &own].map(|c| Relabelling::compile(c).unwrap());
        let wording = Wording { spec: &spec, relabelling: &relabelling, table: &table };
        let of = |team: &str| {
            let labels = Labels::from_pairs([("alertname", "A"), ("team", team)]);
            wording.notification(&Decision { labels, ..decision(1, 1, 0, Transition::Firing) }, 0)
        };
        let sent = of("web").map(|n| n.labels);
        assert_eq!(
            sent,
            Some(Labels::from_pairs([("alertname", "A"), ("region", "eu"), ("team", "web"), ("to", "am-1")]))
        );
        assert_eq!(of("test"), None);
    }
}

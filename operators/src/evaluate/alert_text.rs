//! Labels and annotations of an alerting rule, from their templates.

use crate::program::AlertSpec;
use bellwether_model::Labels;

/// Templates of one rule.
#[derive(Debug)]
pub struct AlertText {
    name: String,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
}

impl AlertText {
    /// Compiles a rule's templates.
    pub fn new(spec: &AlertSpec) -> Self {
        Self { name: spec.name.clone(), labels: spec.labels.clone(), annotations: spec.annotations.clone() }
    }

    /// Whether a label depends on the value, so that an element's identity may change by step.
    pub fn labels_use_value(&self) -> bool {
        false
    }

    /// The identity of an element: its labels without the name, the rule's labels, alertname.
    pub fn identity(&self, labels: &Labels, _value: f64, _s_ms: i64) -> Labels {
        let mut b = labels.without_name().to_builder();
        for (n, v) in &self.labels {
            b.set(n, v);
        }
        b.set("alertname", &self.name);
        b.build()
    }

    /// The annotations.
    pub fn annotations(&self, _source: &Labels, _value: f64, _s_ms: i64) -> Labels {
        Labels::from_pairs(self.annotations.iter().map(|(n, v)| (n.as_str(), v.as_str())))
    }
}

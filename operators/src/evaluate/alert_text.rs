//! Labels and annotations of an alerting rule, from their templates.
//!
//! # Semantics (Prometheus rules/alerting.go)
//! `$labels` are the element's own labels, the metric name among them. A template that fails to expand is text that
//! says so, never an error of the rule.

use super::asked::Asked;
use crate::program::{AlertSpec, Program};
use crate::template::{Context, QueryFn, Template};
use bellwether_model::{Labels, METRIC_NAME, Value};

type Templates = Vec<(String, Result<Template, String>)>;

/// Templates of one rule, parsed once.
#[derive(Debug)]
pub struct AlertText {
    name: String,
    labels: Templates,
    annotations: Templates,
    external_labels: Labels,
    external_url: String,
}

fn parse(texts: &[(String, String)]) -> Templates {
    texts.iter().map(|(name, text)| (name.clone(), Template::parse(text).map_err(|e| e.to_string()))).collect()
}

/// Whether that is so of a template; the parser is asked only where the word occurs.
fn query(texts: &[(String, String)], is_so: impl Fn(&Template) -> bool) -> bool {
    texts.iter().any(|(_, text)| text.contains("query") && Template::parse(text).is_ok_and(|t| is_so(&t)))
}

impl AlertText {
    /// Parses a rule's templates.
    pub fn new(spec: &AlertSpec, program: &Program) -> Self {
        Self {
            name: spec.name.clone(),
            labels: parse(&spec.labels),
            annotations: parse(&spec.annotations),
            external_labels: program.external_labels.clone(),
            external_url: program.external_url.clone(),
        }
    }

    /// Whether a label depends on the value or the time, so that an element's identity may change by step.
    pub fn labels_use_value(&self) -> bool {
        self.labels.iter().any(|(_, t)| t.as_ref().is_ok_and(|t| t.uses_value() || t.uses_time()))
    }

    /// Whether an annotation depends on the time of the evaluation other than through the element's value.
    pub fn annotations_use_time(&self) -> bool {
        self.annotations.iter().any(|(_, t)| t.as_ref().is_ok_and(Template::uses_time))
    }

    /// Whether a label of a rule runs a query.
    pub fn labels_query(spec: &AlertSpec) -> bool {
        query(&spec.labels, Template::uses_query)
    }

    /// Whether a label or an annotation of a rule runs a query whose text is known only then.
    pub fn queries_at_run_time(spec: &AlertSpec) -> bool {
        [&spec.labels, &spec.annotations].into_iter().any(|texts| query(texts, Template::queries_at_run_time))
    }

    fn expand(
        &self,
        template: &Result<Template, String>,
        (labels, value): (&Labels, &Value),
        now_ms: i64,
        asked: Asked<'_>,
    ) -> String {
        let run = |query: &str, at_ms: i64| asked.get(query, at_ms);
        let query: Option<&QueryFn<'_>> = if asked.is_somebody() { Some(&run) } else { None };
        let context = Context {
            alert: &self.name,
            labels,
            value: value.float(),
            histogram: if let Value::Histogram(h) = value { Some(h) } else { None },
            external_labels: &self.external_labels,
            external_url: &self.external_url,
            now_ms,
            query,
        };
        let expanded = match template {
            Ok(t) => t.expand(&context).map_err(|e| e.to_string()),
            Err(e) => Err(e.clone()),
        };
        expanded.unwrap_or_else(|e| format!("<error expanding template: {e}>"))
    }

    /// The identity of an element: its labels without the name, the rule's labels, alertname. `asked` answers what the
    /// templates query.
    pub fn identity(&self, labels: &Labels, value: &Value, s_ms: i64, asked: Asked<'_>) -> Labels {
        let mut b = labels.without(METRIC_NAME).to_builder();
        for (name, template) in &self.labels {
            b.set(name, &self.expand(template, (labels, value), s_ms, asked));
        }
        b.set("alertname", &self.name);
        b.build()
    }

    /// The annotations of an element; `asked` as for its identity.
    pub fn annotations(&self, source: &Labels, value: &Value, s_ms: i64, asked: Asked<'_>) -> Labels {
        let text = |t| self.expand(t, (source, value), s_ms, asked);
        let all = self.annotations.iter().map(|(name, t)| (name.as_str(), text(t)));
        Labels::from_pairs(all)
    }
}

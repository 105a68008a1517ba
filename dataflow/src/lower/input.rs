//! What is lowered: rules and queries whose text was parsed.

use crate::rules::TemplateQuery;
use promql_parser::parser::Expr;

/// Alerting or recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleKind {
    /// `alert:`
    Alert,
    /// `record:`
    Record,
}

/// One rule, its group's settings merged in.
#[derive(Clone, Debug)]
pub struct RuleInput<'a> {
    /// Rule file as named.
    pub file: &'a str,
    /// Group name.
    pub group: &'a str,
    /// Alert name or recorded metric name.
    pub name: &'a str,
    /// Alerting or recording.
    pub kind: RuleKind,
    /// Parsed expression.
    pub expr: &'a Expr,
    /// The expression as written.
    pub expr_text: &'a str,
    /// Labels, group labels merged; templates in alerting rules.
    pub labels: Vec<(String, String)>,
    /// Annotation templates.
    pub annotations: Vec<(String, String)>,
    /// What the templates query.
    pub queries: &'a [TemplateQuery],
    /// Hold duration, ms.
    pub for_ms: i64,
    /// ms; 0 = off.
    pub keep_firing_for_ms: i64,
    /// Most elements at a step; 0 = any number.
    pub limit: usize,
    /// The group's interval, ms; `None`: the default one.
    pub interval_ms: Option<i64>,
    /// The group's query offset, ms.
    pub query_offset_ms: Option<i64>,
    /// Place in the order of evaluation: file, group, rule.
    pub order: (usize, usize, usize),
}

/// An ad-hoc query; it sees what all rules left at its step.
#[derive(Clone, Debug)]
pub struct QueryInput<'a> {
    /// As written.
    pub text: &'a str,
    /// Parsed.
    pub expr: &'a Expr,
    /// Distance of its steps, ms.
    pub interval_ms: i64,
    /// Phase of its steps, ms.
    pub phase_ms: i64,
    /// First and last step, ms: the only ones that are evaluated, and what `start()` and `end()` are. `None`: the steps of
    /// the run, and each step by itself.
    pub range_ms: Option<(i64, i64)>,
    /// Whether it may be a range vector or a string, if it asks for one instant.
    pub any_type: bool,
}

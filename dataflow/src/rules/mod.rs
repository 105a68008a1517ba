//! Rule files in, checked rules out; everything wrong in any file at once, with its place.
//!
//! # Position
//! patterns → `files` → text → [`yaml`] (marked tree) → `document` (which documents hold rules) → `group`, `rule`
//! (fields, checks) → [`RuleSet`] → `lower`
//!
//! # Semantics
//! What `promtool check rules` of Prometheus 3.16 accepts is accepted and what it refuses is refused (`model/rulefmt`), with
//! these differences, each a test:
//! * all YAML documents of a file are read (promtool reads the first);
//! * PrometheusRule custom resources, and lists of them, are read; other Kubernetes documents hold no rules;
//! * expressions deeper or longer than [`crate::promql`] allows are refused;
//! * a duration expression that is never positive is refused when it is read, not at each evaluation.
//!
//! Group labels are merged under the rule's own. An empty file, and one without rules, is accepted with a warning.
//!
//! # Errors
//! A [`Diagnostic`] shows file, line, column, group, rule and the source line. Loading goes on after each of them; only a
//! YAML syntax error ends its file.
//!
//! # Limits
//! Files of at most [`MAX_FILE_BYTES`]; YAML nested at most [`yaml::MAX_DEPTH`] deep, aliases expanded to at most
//! [`yaml::MAX_ALIASED_NODES`] nodes.

mod check;
mod diagnostic;
mod document;
mod fields;
mod files;
mod group;
mod model;
mod place;
mod report;
mod rule;
pub mod yaml;

pub use diagnostic::{Diagnostic, Severity};
pub use files::{MAX_FILE_BYTES, load, load_text, load_texts, load_with, paths};
pub use model::{Group, Position, Rule, RuleFile, RuleKind, RuleSet, TemplateQuery, TextKind};

#[cfg(test)]
mod tests;

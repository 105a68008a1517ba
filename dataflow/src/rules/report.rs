//! Collects what is wrong with one file, in the context of the group and rule that is being read.

use super::Position;
use super::diagnostic::{Diagnostic, Severity};
use super::yaml::{Node, Source};
use crate::promql;

/// Errors and warnings of a file.
pub(super) struct Report<'a> {
    /// The path as the user named it.
    pub path: &'a str,
    /// The file's text.
    pub source: &'a Source<'a>,
    /// How expressions are read.
    pub promql: promql::Options,
    /// The group being read.
    pub group: String,
    /// The rule being read.
    pub rule: String,
    pub errors: Vec<Diagnostic>,
    pub warnings: Vec<Diagnostic>,
}

impl<'a> Report<'a> {
    pub fn new(path: &'a str, source: &'a Source<'a>, promql: promql::Options) -> Self {
        let (group, rule, errors, warnings) = Default::default();
        Self { path, source, promql, group, rule, errors, warnings }
    }

    fn diagnostic(&self, position: Option<Position>, message: String, help: String) -> Diagnostic {
        Diagnostic {
            position,
            source_line: position.map_or("", |p| self.source.line(p.line)).to_owned(),
            group: self.group.clone(),
            rule: self.rule.clone(),
            help,
            ..Diagnostic::error(self.path, message)
        }
    }

    pub fn error(&mut self, position: Position, message: impl Into<String>) {
        self.error_with_help(position, message, "");
    }

    pub fn error_with_help(&mut self, position: Position, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(self.diagnostic(Some(position), message.into(), help.into()));
    }

    pub fn warn(&mut self, lint: &'static str, position: Option<Position>, message: impl Into<String>) {
        let diagnostic = self.diagnostic(position, message.into(), String::new());
        self.warnings.push(Diagnostic { severity: Severity::Warning, lint, ..diagnostic });
    }

    /// A value of the wrong kind, in go-yaml's words.
    pub fn wrong_kind(&mut self, node: &Node, wanted: &str) {
        let shown = node.text().map(|text| format!(" `{}`", shorten(text))).unwrap_or_default();
        self.error(node.position, format!("cannot unmarshal {}{shown} into {wanted}", node.kind()));
    }
}

/// At most forty characters of a value.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

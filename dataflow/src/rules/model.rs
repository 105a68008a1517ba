//! What a rule file says, checked.

use super::diagnostic::{Diagnostic, Severity};
use super::place::ExprMap;
use crate::promql::Expr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A place in a file; line and column count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub col: usize,
}

/// All rules that were loaded.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// Files in order of their paths.
    pub files: Vec<RuleFile>,
    /// What is worth knowing but stops nothing.
    pub warnings: Vec<Diagnostic>,
}

impl RuleSet {
    /// Rules in all groups of all files, in order of evaluation: file, group, rule.
    pub fn rules(&self) -> impl Iterator<Item = (&RuleFile, &Group, &Rule)> {
        let groups = self.files.iter().flat_map(|f| f.groups.iter().map(move |g| (f, g)));
        groups.flat_map(|(f, g)| g.rules.iter().map(move |r| (f, g, r)))
    }
}

/// One file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// The path as the user named it.
    pub path: String,
    /// Groups of all its documents, in order.
    pub groups: Vec<Group>,
    /// The text, so that later stages can point into it.
    pub source: Arc<str>,
}

impl RuleFile {
    /// An error of a later stage about a place within a rule's expression; line and column are those of
    /// [`crate::promql::locate`] or of a parse error.
    pub fn error_in_expr(&self, group: &Group, rule: &Rule, at: Option<(usize, usize)>, message: String) -> Diagnostic {
        self.error_at(group, rule, at.map_or(rule.expr_position, |(line, col)| rule.expr_at(line, col)), message)
    }

    /// An error of a later stage about a place within a rule.
    pub fn error_at(&self, group: &Group, rule: &Rule, position: Position, message: String) -> Diagnostic {
        let source_line = self.source.lines().nth(position.line.saturating_sub(1)).unwrap_or_default().to_owned();
        Diagnostic {
            severity: Severity::Error,
            position: Some(position),
            source_line,
            group: group.name.clone(),
            rule: rule.name.clone(),
            ..Diagnostic::error(&self.path, message)
        }
    }
}

/// A list of rules that are evaluated together, in order.
#[derive(Clone, Debug)]
pub struct Group {
    /// Unique within the file.
    pub name: String,
    /// How often it is evaluated; the global interval if absent or 0.
    pub interval_ms: Option<i64>,
    /// How far behind its queries look; the global offset if absent.
    pub query_offset_ms: Option<i64>,
    /// The most alerts, or series, that one rule may give; 0 is no limit.
    pub limit: usize,
    /// Labels of all its rules, by name; already merged into [`Rule::labels`].
    pub labels: Vec<(String, String)>,
    /// Its rules, in order of evaluation.
    pub rules: Vec<Rule>,
    /// Where it stands.
    pub position: Position,
}

/// What a rule does with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Each element is an alert.
    Alert {
        /// How long an element must be there before it fires.
        for_ms: i64,
        /// How long it keeps firing once the element has gone.
        keep_firing_for_ms: i64,
        /// Texts and templates, by name.
        annotations: Vec<(String, String)>,
    },
    /// Each element is a sample of the recorded series.
    Record,
}

/// A checked rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The alert's name or the recorded metric's.
    pub name: String,
    /// Alert or recording rule.
    pub kind: RuleKind,
    /// The expression as written.
    pub expr_text: String,
    /// The expression, parsed and type-checked.
    pub expr: Expr,
    /// Labels by name, the group's merged under the rule's own; templates in alerting rules. An empty value removes the
    /// label.
    pub labels: Vec<(String, String)>,
    /// What the templates of an alerting rule query, as far as it is written out; each text once.
    pub queries: Vec<TemplateQuery>,
    /// Where the rule stands.
    pub position: Position,
    /// Where its expression starts.
    pub expr_position: Position,
    pub(super) expr_map: ExprMap,
    pub(super) texts: BTreeMap<(TextKind, String), ExprMap>,
}

/// A query that is written out in a template.
#[derive(Clone, Debug)]
pub struct TemplateQuery {
    /// As written.
    pub text: String,
    /// The expression, or why it is none: a template that asks for it says so.
    pub expr: Result<Expr, String>,
    /// Whether a label asks for it, so that an alert's identity may depend on it.
    pub in_label: bool,
}

/// What a named text of a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextKind {
    /// A label, the rule's own or its group's.
    Label,
    /// An annotation.
    Annotation,
}

impl Rule {
    /// The place in the file of a line and byte column, both from 1, within the expression.
    pub fn expr_at(&self, line: usize, col: usize) -> Position {
        self.expr_map.position(&self.expr_text, line, col)
    }

    /// The place in the file of a byte offset within a label's or annotation's text; the rule's own place if it has no
    /// such text.
    pub fn text_at(&self, kind: TextKind, name: &str, text: &str, offset: usize) -> Position {
        let Some(map) = self.texts.get(&(kind, name.to_owned())) else { return self.position };
        let (line, col) = crate::promql::line_col(text, offset);
        map.position(text, line, col)
    }

    /// Labels or annotations with their texts, by name.
    pub fn texts(&self, kind: TextKind) -> &[(String, String)] {
        match (kind, &self.kind) {
            (TextKind::Label, _) => &self.labels,
            (TextKind::Annotation, RuleKind::Alert { annotations, .. }) => annotations,
            (TextKind::Annotation, RuleKind::Record) => &[],
        }
    }

    /// Whether it is an alerting rule.
    pub fn is_alert(&self) -> bool {
        matches!(self.kind, RuleKind::Alert { .. })
    }
}

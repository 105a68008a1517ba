//! What every lint is given: the rules of a set with what is known of them, and a place for findings.

use super::Settings;
use super::known::Known;
use super::labels::known;
use super::recorded::Recorded;
use crate::lower::walk::operands;
use crate::promql::{Expr, locate};
use crate::rules::{Diagnostic, Group, Position, Rule, RuleFile, RuleSet, Severity};

/// A rule and where it stands.
pub(super) struct Subject<'a> {
    pub file: &'a RuleFile,
    pub group: &'a Group,
    pub rule: &'a Rule,
    /// What is known of the labels of its expression's result.
    pub known: Known,
}

/// A rule set under lint.
pub(super) struct Room<'a> {
    pub subjects: Vec<Subject<'a>>,
    pub recorded: Recorded,
    pub settings: Settings,
}

impl<'a> Room<'a> {
    pub fn new(set: &'a RuleSet, settings: Settings) -> Self {
        let recorded = Recorded::new(set);
        let subject = |(file, group, rule): (&'a RuleFile, &'a Group, &'a Rule)| Subject {
            file,
            group,
            rule,
            known: known(&rule.expr, &recorded),
        };
        Self { subjects: set.rules().map(subject).collect(), recorded, settings }
    }

    /// What is known of a part of a rule's expression.
    pub fn known(&self, expr: &Expr) -> Known {
        known(expr, &self.recorded)
    }

    /// Alerting rules.
    pub fn alerts(&self) -> impl Iterator<Item = &Subject<'a>> {
        self.subjects.iter().filter(|s| s.rule.is_alert())
    }
}

impl<'a> Subject<'a> {
    /// Its expression and every expression in it, outer ones first.
    pub fn exprs(&self) -> Vec<&'a Expr> {
        let mut all = vec![&self.rule.expr];
        let mut at = 0;
        while let Some(expr) = all.get(at).copied() {
            all.extend(operands(expr));
            at += 1;
        }
        all
    }

    /// Where a token of its expression stands, or else the expression.
    pub fn at(&self, token: &str) -> Position {
        let found = locate(&self.rule.expr_text, token);
        found.map_or(self.rule.expr_position, |(line, col)| self.rule.expr_at(line, col))
    }

    /// Milliseconds between two evaluations, where its group says it.
    pub fn interval_ms(&self) -> Option<i64> {
        self.group.interval_ms.filter(|ms| *ms > 0)
    }
}

/// What a lint found.
#[derive(Default)]
pub(super) struct Findings {
    /// The lint that is at work.
    pub lint: &'static str,
    /// Each with the line at which its rule begins.
    pub found: Vec<(usize, Diagnostic)>,
}

impl Findings {
    /// Adds a finding, once: equal parts of an expression need no second mention.
    pub fn add(&mut self, subject: &Subject<'_>, at: Position, message: String, help: impl Into<String>) {
        let found = Diagnostic {
            severity: Severity::Warning,
            lint: self.lint,
            ..subject.file.error_at(subject.group, subject.rule, at, message).with_help(help)
        };
        let found = (subject.rule.position.line, found);
        let mut of_rule = self.found.iter().rev().take_while(|(line, d)| *line == found.0 && d.lint == self.lint);
        if !of_rule.any(|f| *f == found) {
            self.found.push(found);
        }
    }
}

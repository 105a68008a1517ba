//! One rule: its fields, and what Prometheus's `Rule.Validate` checks.

use super::check::{check_annotation_names, check_label_names, check_templates};
use super::fields::{Fields, Text};
use super::model::{Position, Rule, RuleKind, TemplateQuery, TextKind};
use super::place::{ExprMap, position_in};
use super::report::Report;
use super::yaml::Node;
use crate::promql;
use bellwether_operators::template::Template;
use bellwether_operators::template::quote::quote;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A field that is text, with its node.
type TextField<'n> = Option<(&'n Arc<Node>, &'n str)>;

/// Reads and checks a rule; nothing, with the errors reported, if it cannot be used.
pub(super) fn read_rule(
    node: &Node,
    group_labels: &[Text<'_>],
    lenient: bool,
    report: &mut Report<'_>,
) -> Option<Rule> {
    report.rule.clear();
    let errors_before = report.errors.len();
    let rule = read_fields(node, group_labels, lenient, report);
    report.rule.clear();
    rule.filter(|_| report.errors.len() == errors_before)
}

fn read_fields(node: &Node, group_labels: &[Text<'_>], lenient: bool, report: &mut Report<'_>) -> Option<Rule> {
    let mut fields = Fields::new(node, "rule", report)?;
    let record = fields.text("record", report).filter(|(_, text)| !text.is_empty());
    let alert = fields.text("alert", report).filter(|(_, text)| !text.is_empty());
    let name = alert.or(record);
    report.rule = name.map_or("", |(_, text)| text).to_owned();
    let expr = fields.text("expr", report);
    let hold = hold(&mut fields, lenient, report);
    let labels = fields.texts("labels", report);
    let annotations = fields.texts("annotations", report);
    let position = fields.position;
    fields.finish(report);

    check_kind(record, alert, position, report);
    let parsed = read_expr(expr, position, report);
    if let Some((node, name)) = record {
        check_recording(node, name, &hold, &annotations, report);
    }
    check_label_names(&labels, report);
    check_annotation_names(&annotations, report);
    if alert.is_some() {
        check_templates(&labels, &annotations, report);
    }
    let ((expr_node, expr_text), expr) = (expr?, parsed?);
    let expr_map = ExprMap::new(report.source, expr_node, expr_text);
    let kind = match alert {
        None => RuleKind::Record,
        Some(_) => RuleKind::Alert {
            for_ms: hold.for_ms.map_or(0, |(_, ms)| ms),
            keep_firing_for_ms: hold.keep_firing_for_ms.map_or(0, |(_, ms)| ms),
            annotations: annotations.iter().map(Text::owned).collect(),
        },
    };
    Some(Rule {
        name: name.map(|(_, text)| text.to_owned())?,
        kind,
        expr_text: expr_text.to_owned(),
        expr,
        queries: queries(alert.is_some(), &[(true, group_labels), (true, &labels), (false, &annotations)], report),
        labels: merge(group_labels, &labels),
        position,
        expr_position: position_in(report.source, expr_node, expr_text, first_visible(expr_text)),
        expr_map,
        texts: text_maps(report, group_labels, &labels, &annotations),
    })
}

/// What the templates of an alert query; texts go with whether they are labels.
fn queries(is_alert: bool, all: &[(bool, &[Text<'_>])], report: &Report<'_>) -> Vec<TemplateQuery> {
    let mut queries: Vec<TemplateQuery> = Vec::new();
    let texts = all.iter().flat_map(|(in_label, texts)| texts.iter().map(|text| (*in_label, text.text)));
    // Few templates query, and parsing is not free.
    for (in_label, text) in texts.filter(|(_, text)| is_alert && text.contains("query")) {
        let template = Template::parse(text);
        for text in template.iter().flat_map(Template::queries) {
            match queries.iter_mut().find(|q| q.text == *text) {
                Some(known) => known.in_label |= in_label,
                None => {
                    let expr = promql::parse_with(text, &report.promql).map_err(|e| e.to_string());
                    queries.push(TemplateQuery { text: text.clone(), expr, in_label });
                }
            }
        }
    }
    queries
}

/// The two durations of an alert, each with the place of its key.
struct Hold {
    for_ms: Option<(Position, i64)>,
    keep_firing_for_ms: Option<(Position, i64)>,
}

fn hold(fields: &mut Fields<'_>, lenient: bool, report: &mut Report<'_>) -> Hold {
    let mut read = |name| {
        let at = fields.key_position(name);
        fields.duration(name, lenient, report).map(|ms| (at, ms))
    };
    Hold { for_ms: read("for"), keep_firing_for_ms: read("keep_firing_for") }
}

fn check_kind(record: TextField<'_>, alert: TextField<'_>, position: Position, report: &mut Report<'_>) {
    match (record, alert) {
        (Some((node, _)), Some(_)) => {
            report.error(node.position, "only one of 'record' and 'alert' must be set");
        }
        (None, None) => report.error(position, "one of 'record' or 'alert' must be set"),
        _ => {}
    }
}

fn read_expr(expr: TextField<'_>, position: Position, report: &mut Report<'_>) -> Option<promql::Expr> {
    let (node, text) = match expr {
        Some((node, text)) if !text.is_empty() => (node, text),
        _ => {
            let at = expr.map_or(position, |(node, _)| node.position);
            report.error(at, "field 'expr' must be set in rule");
            return None;
        }
    };
    promql::parse_with(text, &report.promql)
        .map_err(|e| {
            let at = position_in(report.source, node, text, e.offset);
            report.error(at, format!("could not parse expression: {e}"));
        })
        .ok()
}

fn check_recording(node: &Node, name: &str, hold: &Hold, annotations: &[Text<'_>], report: &mut Report<'_>) {
    if let Some(first) = annotations.first() {
        report.error(first.key.position, "invalid field 'annotations' in recording rule");
    }
    for (field, value) in [("for", hold.for_ms), ("keep_firing_for", hold.keep_firing_for_ms)] {
        if let Some((at, _)) = value.filter(|(_, ms)| *ms != 0) {
            report.error(at, format!("invalid field '{field}' in recording rule"));
        }
    }
    if name.contains(['{', '}']) {
        let message = format!("braces present in the recording rule name; should it be in expr?: {name}");
        report.error(node.position, message);
    }
    if name.contains(char::REPLACEMENT_CHARACTER) {
        let message = format!("the record's name {} is not clean text", quote(name));
        report.warn("unclean-name", Some(node.position), message);
    }
}

/// The group's labels under the rule's own, by name.
fn merge(group: &[Text<'_>], own: &[Text<'_>]) -> Vec<(String, String)> {
    let merged: BTreeMap<String, String> = group.iter().chain(own).map(Text::owned).collect();
    merged.into_iter().collect()
}

/// Where each label's and annotation's text stands; a group's label counts unless the rule has its own.
fn text_maps(
    report: &Report<'_>,
    group_labels: &[Text<'_>],
    labels: &[Text<'_>],
    annotations: &[Text<'_>],
) -> BTreeMap<(TextKind, String), ExprMap> {
    let labels = group_labels.iter().chain(labels).map(|t| (TextKind::Label, t));
    let texts = labels.chain(annotations.iter().map(|t| (TextKind::Annotation, t)));
    texts.map(|(kind, t)| ((kind, t.name.to_owned()), ExprMap::new(report.source, t.node, t.text))).collect()
}

fn first_visible(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

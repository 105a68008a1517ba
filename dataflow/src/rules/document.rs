//! Which documents of a file hold rule groups: Prometheus's own form, PrometheusRule resources, and lists of them.

use super::fields::Fields;
use super::group::{Style, read_groups};
use super::model::Group;
use super::report::Report;
use super::yaml::{Node, Value};
use std::collections::BTreeMap;

/// The most lists that stand inside each other in a Kubernetes document.
const MAX_LISTS: usize = 4;

/// Reads the groups of one document. `names` are the groups seen so far in the file.
pub(super) fn read_document(
    node: &Node,
    report: &mut Report<'_>,
    names: &mut BTreeMap<String, usize>,
    groups: &mut Vec<Group>,
) {
    read(node, report, names, groups, 0);
}

fn read(
    node: &Node,
    report: &mut Report<'_>,
    names: &mut BTreeMap<String, usize>,
    groups: &mut Vec<Group>,
    lists: usize,
) {
    if node.is_null() {
        return;
    }
    let field = |name: &str| {
        let entries = node.entries().ok()?;
        entries.into_iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
    };
    let kind = field("kind").and_then(|n| n.text());
    let version = field("apiVersion").and_then(|n| n.text());
    let (Some(kind), Some(version)) = (kind, version) else { return read_plain(node, report, names, groups) };
    match field("items").map(|n| &n.value) {
        Some(Value::Sequence(items)) if kind.ends_with("List") && lists < MAX_LISTS => {
            for item in items {
                read(item, report, names, groups, lists + 1);
            }
        }
        _ if kind == "PrometheusRule" => read_resource(node, version, report, names, groups),
        _ if matches!(kind, "CustomResourceDefinition" | "PrometheusRuleList" | "List") => {}
        _ => report.warn("foreign-document", Some(node.position), format!("a document of kind {kind} holds no rules")),
    }
}

/// A mapping with `groups`.
fn read_plain(node: &Node, report: &mut Report<'_>, names: &mut BTreeMap<String, usize>, groups: &mut Vec<Group>) {
    let Some(mut fields) = Fields::new(node, "rule file", report) else { return };
    if let Some(list) = fields.take("groups") {
        groups.extend(read_groups(list, Style::Plain, names, report));
    }
    fields.finish(report);
}

/// `spec.groups` of a custom resource; its metadata is the cluster's business.
fn read_resource(
    node: &Node,
    version: &str,
    report: &mut Report<'_>,
    names: &mut BTreeMap<String, usize>,
    groups: &mut Vec<Group>,
) {
    if !version.starts_with("monitoring.coreos.com/") {
        let message = format!("a PrometheusRule of {version} is not one of monitoring.coreos.com");
        report.warn("foreign-document", Some(node.position), message);
        return;
    }
    let Some(mut fields) = Fields::new(node, "PrometheusRule", report) else { return };
    let spec = fields.take("spec");
    for name in ["apiVersion", "kind", "metadata", "status"] {
        fields.take(name);
    }
    fields.finish(report);
    let Some(mut spec) = spec.and_then(|spec| Fields::new(spec, "PrometheusRule spec", report)) else { return };
    if let Some(list) = spec.take("groups") {
        groups.extend(read_groups(list, Style::Resource, names, report));
    }
    spec.finish(report);
}

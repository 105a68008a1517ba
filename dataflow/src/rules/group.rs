//! Rule groups.

use super::check::check_label_names;
use super::fields::{Fields, Text};
use super::model::Group;
use super::report::Report;
use super::rule::read_rule;
use super::yaml::{Node, Value};
use std::collections::BTreeMap;

/// In which form groups are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A rule file of Prometheus.
    Plain,
    /// A custom resource: it may say more, and leave durations empty.
    Resource,
}

pub(super) fn read_groups(
    list: &Node,
    style: Style,
    names: &mut BTreeMap<String, usize>,
    report: &mut Report<'_>,
) -> Vec<Group> {
    let Value::Sequence(items) = &list.value else {
        report.wrong_kind(list, "list of rule groups");
        return Vec::new();
    };
    let groups = items.iter().filter_map(|item| read_group(item, style, names, report)).collect();
    report.group.clear();
    groups
}

fn read_group(
    node: &Node,
    style: Style,
    names: &mut BTreeMap<String, usize>,
    report: &mut Report<'_>,
) -> Option<Group> {
    report.group.clear();
    let mut fields = Fields::new(node, "rule group", report)?;
    let name = fields.text("name", report);
    let at = name.map_or(fields.position, |(node, _)| node.position);
    let name = name.map_or("", |(_, text)| text).to_owned();
    report.group.clone_from(&name);
    if name.is_empty() {
        report.error(at, "Groupname must not be empty");
    } else if let Some(first) = names.get(&name) {
        let help = format!("the first group of that name is on line {first}; give each its own name");
        report.error_with_help(at, format!("groupname: {name:?} is repeated in the same file"), help);
    } else {
        names.insert(name.clone(), at.line);
    }
    let lenient = style == Style::Resource;
    let interval_ms = fields.duration("interval", lenient, report);
    let query_offset_ms = fields.duration("query_offset", lenient, report);
    let limit = fields.take("limit").map_or(0, |node| read_limit(node, report));
    let labels = fields.texts("labels", report);
    check_label_names(&labels, report);
    let rules = fields.take("rules");
    if lenient {
        // Thanos's; nothing here depends on it.
        fields.take("partial_response_strategy");
    }
    fields.finish(report);
    let rules = match rules.map(|node| (node, &node.value)) {
        Some((_, Value::Sequence(items))) => {
            items.iter().filter_map(|item| read_rule(item, &labels, lenient, report)).collect()
        }
        Some((node, _)) => {
            report.wrong_kind(node, "list of rules");
            Vec::new()
        }
        None => Vec::new(),
    };
    let labels = labels.iter().map(Text::owned).collect();
    Some(Group { name, interval_ms, query_offset_ms, limit, labels, rules, position: node.position })
}

/// A whole number; a negative one is no limit, as Prometheus has it.
fn read_limit(node: &Node, report: &mut Report<'_>) -> usize {
    let Value::Scalar(text, true) = &node.value else {
        report.wrong_kind(node, "int");
        return 0;
    };
    let digits = text.replace('_', "");
    let whole = digits.parse::<i64>().ok().or_else(|| {
        let float = digits.parse::<f64>().ok().filter(|f| f.is_finite() && f.abs() < 9e15);
        float.map(|f| f as i64)
    });
    match whole {
        Some(limit) => usize::try_from(limit).unwrap_or(0),
        None => {
            report.wrong_kind(node, "int");
            0
        }
    }
}

//! Loaded rule files as input of lowering.

use super::input::{RuleInput, RuleKind};
use crate::rules;

/// All rules of a set, in order of evaluation: file, group, rule.
pub fn rule_inputs(set: &rules::RuleSet) -> Vec<RuleInput<'_>> {
    let mut inputs = Vec::new();
    for (f, file) in set.files.iter().enumerate() {
        for (g, group) in file.groups.iter().enumerate() {
            inputs.extend(group.rules.iter().enumerate().map(|(r, rule)| input(file, group, rule, (f, g, r))));
        }
    }
    inputs
}

fn input<'a>(
    file: &'a rules::RuleFile,
    group: &'a rules::Group,
    rule: &'a rules::Rule,
    order: (usize, usize, usize),
) -> RuleInput<'a> {
    let (kind, for_ms, keep_firing_for_ms, annotations) = match &rule.kind {
        rules::RuleKind::Alert { for_ms, keep_firing_for_ms, annotations } => {
            (RuleKind::Alert, *for_ms, *keep_firing_for_ms, annotations.clone())
        }
        rules::RuleKind::Record => (RuleKind::Record, 0, 0, Vec::new()),
    };
    RuleInput {
        file: &file.path,
        group: &group.name,
        name: &rule.name,
        kind,
        expr: &rule.expr,
        expr_text: &rule.expr_text,
        labels: rule.labels.clone(),
        annotations,
        queries: &rule.queries,
        for_ms,
        keep_firing_for_ms,
        limit: group.limit,
        // An interval of 0 is the global one, as Prometheus has it.
        interval_ms: group.interval_ms.filter(|ms| *ms > 0),
        query_offset_ms: group.query_offset_ms,
        order,
    }
}

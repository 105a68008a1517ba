//! `never-matches`: the two sides of an operator can have no labels in common, so that it never gives anything.
//!
//! # Semantics
//! Certain where one side always has a label, by a matcher or a rule's own label, and the other never has it or always
//! has another value. Where one side is grouped by a label and the other has dropped it, and all labels are matched, the
//! label would have to be "" always: whoever groups by it means it to be there.

use super::Lint;
use super::known::{Known, Must};
use super::labels::{is_vector, matching_text};
use super::room::{Findings, Room};
use crate::promql::Expr;
use bellwether_model::METRIC_NAME;
use promql_parser::parser::token::{T_LOR, T_LUNLESS};
use promql_parser::parser::{BinaryExpr, LabelModifier};

pub(super) const LINT: Lint = Lint {
    name: "never-matches",
    summary: "the two sides of an operator can never match for their labels",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in &room.subjects {
        for expr in subject.exprs() {
            let Expr::Binary(b) = expr else { continue };
            if b.op.id() == T_LOR || !is_vector(&b.lhs) || !is_vector(&b.rhs) {
                continue;
            }
            let (left, right) = (room.known(&b.lhs), room.known(&b.rhs));
            let found = apart(b, &left, &right, "left", "right").or_else(|| apart(b, &right, &left, "right", "left"));
            let Some(reason) = found else { continue };
            let effect = if b.op.id() == T_LUNLESS { "takes nothing away" } else { "gives nothing" };
            let message = format!("{} never matches and {effect}: {reason}", b.op);
            let help = "match on labels that both sides have with one meaning, by on (…) or ignoring (…)";
            findings.add(subject, subject.at(&b.op.to_string()), message, help);
        }
    }
}

/// Why elements of one side never match those of the other, judged by the labels that the one must have.
fn apart(b: &BinaryExpr, one: &Known, other: &Known, one_side: &str, other_side: &str) -> Option<String> {
    let matching = b.modifier.as_ref().and_then(|m| m.matching.as_ref());
    let is_key = |label: &str| match matching {
        Some(LabelModifier::Include(l)) => l.labels.iter().any(|n| n == label),
        Some(LabelModifier::Exclude(l)) => label != METRIC_NAME && !l.labels.iter().any(|n| n == label),
        None => label != METRIC_NAME,
    };
    // `on` names its labels one by one: that one of them was dropped is what the lint `dropped-label` says.
    let is_on = matches!(matching, Some(LabelModifier::Include(_)));
    one.musts().filter(|(label, _)| is_key(label)).find_map(|(label, must)| {
        if let Some(why) = other.lacks(label).filter(|_| must.certain || !is_on) {
            let how = matching_text(b.modifier.as_ref());
            return Some(format!(
                "{how} compares {label:?}, which the {one_side} side has and the {other_side} side lacks: {} drops it",
                why.what
            ));
        }
        let both = values(must, other.must(label)?)?;
        (both.0 != both.1).then(|| {
            format!("{label:?} is {:?} on the {one_side} side and {:?} on the {other_side} side", both.0, both.1)
        })
    })
}

fn values<'a>(a: &'a Must, b: &'a Must) -> Option<(&'a str, &'a str)> {
    Some((a.value.as_deref()?, b.value.as_deref()?))
}

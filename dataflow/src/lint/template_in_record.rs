//! `template-in-record`: a label of a recording rule looks like a template, which recording rules do not expand.
//!
//! # Semantics
//! Certain: Prometheus takes labels of recording rules as they are.

use super::Lint;
use super::room::{Findings, Room};
use crate::rules::TextKind;

pub(super) const LINT: Lint = Lint {
    name: "template-in-record",
    summary: "a label of a recording rule holds a template, which is not expanded there",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in room.subjects.iter().filter(|s| !s.rule.is_alert()) {
        for (name, text) in subject.rule.texts(TextKind::Label) {
            let Some(offset) = text.find("{{") else { continue };
            let at = subject.rule.text_at(TextKind::Label, name, text, offset);
            let message = format!("label {name} holds a template, which recording rules do not expand");
            findings.add(subject, at, message, "write the label in the expression, by label_replace(…)");
        }
    }
}

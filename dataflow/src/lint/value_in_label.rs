//! `value-in-label`: a label of an alert prints the value, so that each change of the value is another alert.
//!
//! # Semantics
//! Certain: labels are an alert's identity. With every new value the old alert resolves and a new one begins its `for`
//! anew. A label that only compares the value (`{{ if gt $value 90.0 }}`) is meant.

use super::Lint;
use super::room::{Findings, Room};
use crate::rules::TextKind;
use bellwether_operators::template::Template;

pub(super) const LINT: Lint = Lint {
    name: "value-in-label",
    summary: "a label of an alert prints the value: each new value is a new alert",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in room.alerts() {
        for (name, text) in subject.rule.texts(TextKind::Label) {
            let Ok(template) = Template::parse(text) else { continue };
            let Some(offset) = template.reads().printed_values.first().copied() else { continue };
            let at = subject.rule.text_at(TextKind::Label, name, text, offset);
            let message =
                format!("label {name} prints the value: each new value is a new alert, and its 'for' begins anew");
            findings.add(subject, at, message, "print the value in an annotation");
        }
    }
}

//! `missing-label`: a rule reads a label that its expression never had.
//!
//! # Semantics
//! Certain: a number has no labels (`vector(1)`, `time()`), and a selector with `label=""` finds series without it.

use super::Lint;
use super::known::WhyKind;
use super::label_reads::report;
use super::room::{Findings, Room};

pub(super) const LINT: Lint = Lint {
    name: "missing-label",
    summary: "a label or annotation reads a label that the expression never has",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    report(room, findings, WhyKind::Nothing, "write the text without the label, or select series that have it");
}

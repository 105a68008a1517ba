//! `absent-label`: a rule reads a label of `absent(…)` that `absent` cannot give.
//!
//! # Semantics
//! Certain: the one element of `absent` has the labels of the selector's equality matchers and no others.

use super::Lint;
use super::known::WhyKind;
use super::label_reads::report;
use super::room::{Findings, Room};

pub(super) const LINT: Lint =
    Lint { name: "absent-label", summary: "a rule reads a label that absent() cannot give", check: Some(check) };

fn check(room: &Room<'_>, findings: &mut Findings) {
    let help = "name the label's value by '=' in the selector, or write the text without it";
    report(room, findings, WhyKind::Absent, help);
}

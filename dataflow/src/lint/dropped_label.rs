//! `dropped-label`: a rule reads a label that its own aggregation, match or function dropped.
//!
//! # Semantics
//! Certain: whatever the data, the label is "" there.

use super::Lint;
use super::known::WhyKind;
use super::label_reads::report;
use super::room::{Findings, Room};

pub(super) const LINT: Lint = Lint {
    name: "dropped-label",
    summary: "a rule reads a label that its aggregation, match or function drops",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    report(room, findings, WhyKind::Dropped, "keep the label where it is dropped, or do not read it");
}

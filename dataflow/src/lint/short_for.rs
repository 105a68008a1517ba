//! `short-for`: an alert's `for` is shorter than its group's interval, so that it is as good as none, or as one interval.
//!
//! # Semantics
//! Certain where the group says its interval; a global one is not known here.

use super::Lint;
use super::room::{Findings, Room};
use crate::promql::format_duration;
use crate::rules::RuleKind;

pub(super) const LINT: Lint = Lint {
    name: "short-for",
    summary: "'for' is shorter than the interval at which the alert is evaluated",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in room.alerts() {
        let RuleKind::Alert { for_ms, .. } = subject.rule.kind else { continue };
        let Some(every_ms) = subject.interval_ms().filter(|every_ms| for_ms > 0 && for_ms < *every_ms) else {
            continue;
        };
        let (hold, every) = (format_duration(for_ms), format_duration(every_ms));
        let message =
            format!("'for: {hold}' is shorter than the group's interval of {every}: it waits {every} all the same");
        findings.add(subject, subject.rule.position, message, "make 'for' a multiple of the interval, or leave it out");
    }
}

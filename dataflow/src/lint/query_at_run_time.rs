//! `query-at-run-time`: a template queries in words that it puts together, which a live run cannot answer.
//!
//! # Semantics
//! Certain: what is written out is a part of the program, whatever the labels; what is put together from labels is known
//! only when the alert is there. A backtest and a unit test run their rules again with the answers.

use super::Lint;
use super::room::{Findings, Room};
use crate::rules::TextKind;
use bellwether_operators::template::Template;

pub(super) const LINT: Lint = Lint {
    name: "query-at-run-time",
    summary: "a template queries in words that it puts together: a live run does not answer",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in room.alerts() {
        for (kind, what) in [(TextKind::Label, "label"), (TextKind::Annotation, "annotation")] {
            for (name, text) in subject.rule.texts(kind) {
                if !Template::parse(text).is_ok_and(|t| t.queries_at_run_time()) {
                    continue;
                }
                let offset = text.find("query").unwrap_or(0);
                let at = subject.rule.text_at(kind, name, text, offset);
                let message =
                    format!("{what} {name} puts a query together: a live run answers those that are written out");
                findings.add(
                    subject,
                    at,
                    message,
                    "query for all labels and choose from the result, or join in the expression",
                );
            }
        }
    }
}

//! `never-true`: a comparison that no value satisfies, such as `count(up) == 0`.
//!
//! # Semantics
//! Certain by the ranges of both sides. `count` over nothing is nothing, not 0: what is missing is found by `absent`, or by
//! `or vector(0)` before the comparison.

use super::Lint;
use super::range_of_values::range;
use super::room::{Findings, Room};
use crate::lower::walk::inner;
use crate::promql::Expr;
use promql_parser::parser::token::T_COUNT;

pub(super) const LINT: Lint = Lint {
    name: "never-true",
    summary: "a comparison is never true for any value, such as count(…) == 0",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in &room.subjects {
        for expr in subject.exprs() {
            let Expr::Binary(b) = expr else { continue };
            if !b.op.is_comparison_operator() || b.return_bool() {
                continue;
            }
            let (left, right) = (range(&b.lhs), range(&b.rhs));
            if !left.never(b.op.id(), right) {
                continue;
            }
            let counts = |e: &Expr| matches!(inner(e), Expr::Aggregate(a) if a.op.id() == T_COUNT);
            let (why, help) = if counts(&b.lhs) || counts(&b.rhs) {
                ("count() of nothing is nothing, not 0", "use absent(…), or count with 'or vector(0)' before comparing")
            } else {
                (
                    "no value of the left side is in such a relation to the right side",
                    "compare with a value that occurs",
                )
            };
            let shown = |e: &Expr| shorten(&e.to_string());
            let message = format!("{} {} {} is never true: {why}", shown(&b.lhs), b.op, shown(&b.rhs));
            findings.add(subject, subject.at(&b.op.to_string()), message, help);
        }
    }
}

/// At most sixty characters.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

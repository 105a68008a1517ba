//! `always-fires`: an alert whose expression has no condition, so that it fires for every series, whatever its value.
//!
//! # Semantics
//! A condition is a comparison without `bool`, `and`, `unless`, `absent`, and whatever may hold one: `ALERTS`, and series that
//! rules record (known by the set, or by the `:` in their names). An expression that selects nothing, such as
//! `vector(1)`, is meant to fire always. A name in `_info`, and a bare selector with matchers, say that being there is what
//! counts.

use super::Lint;
use super::room::{Findings, Room};
use crate::lower::walk::{inner, operands, uses};
use crate::promql::Expr;
use bellwether_model::METRIC_NAME;
use promql_parser::parser::VectorSelector;
use promql_parser::parser::token::{T_LAND, T_LUNLESS};

pub(super) const LINT: Lint = Lint {
    name: "always-fires",
    summary: "an alert's expression has no condition: it fires for every series, whatever its value",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in room.alerts() {
        let expr = &subject.rule.expr;
        let mut selects = false;
        uses(expr, &mut |_| selects = true);
        if !selects || may_filter(room, expr) || names_what_is_bad(expr) {
            continue;
        }
        let message = "the expression has no condition: the alert fires for every series, whatever its value";
        let help = if has_bool(expr) {
            "a comparison with 'bool' gives 0 and keeps the series: leave 'bool' out"
        } else {
            "compare with a value"
        };
        findings.add(subject, subject.rule.expr_position, message.to_owned(), help);
    }
}

/// A bare selector with matchers: being there at all may be what is wrong.
fn names_what_is_bad(expr: &Expr) -> bool {
    matches!(inner(expr), Expr::VectorSelector(v) if !v.matchers.matchers.is_empty())
}

fn may_filter(room: &Room<'_>, expr: &Expr) -> bool {
    match expr {
        Expr::Binary(b) if matches!(b.op.id(), T_LAND | T_LUNLESS) => true,
        Expr::Binary(b) if b.op.is_comparison_operator() && !b.return_bool() => true,
        Expr::Call(c) if c.func.name.starts_with("absent") => true,
        Expr::VectorSelector(v) => may_hold_a_condition(room, v),
        Expr::MatrixSelector(m) => may_hold_a_condition(room, &m.vs),
        other => operands(other).into_iter().any(|e| may_filter(room, e)),
    }
}

fn may_hold_a_condition(room: &Room<'_>, v: &VectorSelector) -> bool {
    let Some(name) = v.name.as_deref() else { return true };
    let by_name = name.contains(':') || name.ends_with("_info") || name.starts_with("ALERTS");
    by_name || room.recorded.records(name) || v.matchers.matchers.iter().any(|m| m.name == METRIC_NAME)
}

fn has_bool(expr: &Expr) -> bool {
    matches!(expr, Expr::Binary(b) if b.return_bool()) || operands(expr).into_iter().any(has_bool)
}

//! `rate-of-aggregate`: the rate of a sum of counters, where one counter's reset looks like a reset of all.
//!
//! # Semantics
//! Sure where `sum`, `avg`, `min` or `max` of counters (names in `_total`, `_count`, `_sum` or `_bucket`) stands in a subquery
//! under `rate`, `increase` or `irate`, or is recorded by a rule of the set whose record these functions read.

use super::Lint;
use super::room::{Findings, Room};
use crate::lower::walk::{inner, uses};
use crate::promql::Expr;
use promql_parser::parser::token::{T_AVG, T_MAX, T_MIN, T_SUM};
use std::collections::BTreeMap;

pub(super) const LINT: Lint = Lint {
    name: "rate-of-aggregate",
    summary: "rate() of aggregated counters: the reset of one looks like a reset of all",
    check: Some(check),
};

const COUNTERS: [&str; 4] = ["_total", "_count", "_sum", "_bucket"];

/// Whether an expression is an aggregation straight over counters, without a function between.
fn sums_counters(expr: &Expr) -> bool {
    let Expr::Aggregate(a) = inner(expr) else { return false };
    let is_counter = |e: &Expr| match inner(e) {
        Expr::VectorSelector(v) => v.name.as_deref().is_some_and(|n| COUNTERS.iter().any(|c| n.ends_with(c))),
        _ => false,
    };
    [T_SUM, T_AVG, T_MIN, T_MAX].contains(&a.op.id()) && (is_counter(&a.expr) || sums_counters(&a.expr))
}

fn check(room: &Room<'_>, findings: &mut Findings) {
    let records = room.subjects.iter().filter(|s| !s.rule.is_alert() && sums_counters(&s.rule.expr));
    let sums: BTreeMap<&str, usize> = records.map(|s| (s.rule.name.as_str(), s.rule.position.line)).collect();
    for subject in &room.subjects {
        for expr in subject.exprs() {
            let Expr::Call(call) = expr else { continue };
            if !matches!(call.func.name, "rate" | "increase" | "irate") {
                continue;
            }
            let Some(arg) = call.args.args.first().map(|a| inner(a)) else { continue };
            let what = match arg {
                Expr::Subquery(s) if sums_counters(&s.expr) => first_metric(&s.expr).map(|m| format!("aggregated {m}")),
                Expr::MatrixSelector(m) => {
                    let name = m.vs.name.as_deref().unwrap_or_default();
                    sums.get(name).map(|line| format!("{name}, which line {line} records as an aggregate of counters"))
                }
                _ => None,
            };
            let Some(what) = what else { continue };
            let message = format!("{}() of {what}: when one counter restarts, all of them seem to", call.func.name);
            findings.add(subject, subject.at(call.func.name), message, "take the rate first, then aggregate");
        }
    }
}

fn first_metric(expr: &Expr) -> Option<String> {
    let mut first = None;
    uses(expr, &mut |used| first = first.take().or_else(|| used.selector.name.clone()));
    first
}

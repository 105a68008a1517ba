//! `rate-of-gauge`: `rate`, `increase`, `irate` or `resets` of what is not a counter.
//!
//! # Semantics
//! By name, of names that everybody reads in one way: see [`is_gauge`]. Each fall of a gauge is taken for a reset, so that
//! the result is far too large. A metric whose name leaves it open is left alone.

use super::Lint;
use super::room::{Findings, Room};
use crate::lower::walk::inner;
use crate::promql::Expr;

pub(super) const LINT: Lint = Lint {
    name: "rate-of-gauge",
    summary: "rate(), increase(), irate() or resets() of a metric that is a gauge by its name",
    check: Some(check),
};

/// Endings that no counter has.
const ENDINGS: [&str; 18] = [
    "_info",
    "_ratio",
    "_percent",
    "_percentage",
    "_celsius",
    "_timestamp",
    "_timestamp_seconds",
    "_timestamp_ms",
    "_in_flight",
    "_inflight",
    "_in_progress",
    "_utilization",
    "_queue_length",
    "_queue_size",
    "_capacity_bytes",
    "_free_bytes",
    "_available_bytes",
    "_avail_bytes",
];

/// Whether a name says that the metric goes up and down.
pub(super) fn is_gauge(name: &str) -> bool {
    matches!(name, "up" | "ALERTS" | "ALERTS_FOR_STATE") || ENDINGS.iter().any(|e| name.ends_with(e))
}

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in &room.subjects {
        for expr in subject.exprs() {
            let Expr::Call(call) = expr else { continue };
            if !matches!(call.func.name, "rate" | "increase" | "irate" | "resets") {
                continue;
            }
            let Some(Expr::MatrixSelector(m)) = call.args.args.first().map(|a| inner(a)) else { continue };
            let Some(name) = m.vs.name.as_deref().filter(|n| is_gauge(n)) else { continue };
            let message =
                format!("{}() of {name}, a gauge by its name: each time it falls counts as a reset", call.func.name);
            findings.add(subject, subject.at(name), message, "use delta(), deriv() or changes() for a gauge");
        }
    }
}

//! `delta-of-counter`: `delta`, `idelta`, `deriv` or `predict_linear` of a counter, which falls to 0 at each restart.
//!
//! # Semantics
//! By name: a counter's ends in `_total`, and OpenMetrics gives that ending to nothing else.

use super::Lint;
use super::room::{Findings, Room};
use crate::lower::walk::inner;
use crate::promql::Expr;

pub(super) const LINT: Lint = Lint {
    name: "delta-of-counter",
    summary: "delta(), idelta(), deriv() or predict_linear() of a metric that is a counter by its name",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in &room.subjects {
        for expr in subject.exprs() {
            let Expr::Call(call) = expr else { continue };
            if !matches!(call.func.name, "delta" | "idelta" | "deriv" | "predict_linear") {
                continue;
            }
            let Some(Expr::MatrixSelector(m)) = call.args.args.first().map(|a| inner(a)) else { continue };
            let is_counter = |n: &&str| n.ends_with("_total") && !room.recorded.records(n);
            let Some(name) = m.vs.name.as_deref().filter(is_counter) else { continue };
            let message = format!("{}() of {name}, a counter by its name: each restart is a fall", call.func.name);
            findings.add(subject, subject.at(name), message, "use increase() or rate(), which see resets");
        }
    }
}

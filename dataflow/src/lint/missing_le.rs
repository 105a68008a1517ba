//! `missing-le`: the buckets of a classic histogram are aggregated without `le`, so that no quantile can be computed.
//!
//! # Semantics
//! Certain for classic histograms, whose series end in `_bucket`. Of other names nothing is said: a native histogram has no
//! `le` to keep.

use super::Lint;
use super::room::{Findings, Room};
use crate::lower::walk::uses;
use crate::promql::Expr;

pub(super) const LINT: Lint = Lint {
    name: "missing-le",
    summary: "histogram_quantile() of buckets whose label le is dropped gives nothing",
    check: Some(check),
};

fn check(room: &Room<'_>, findings: &mut Findings) {
    for subject in &room.subjects {
        for expr in subject.exprs() {
            let Expr::Call(call) = expr else { continue };
            let at = match call.func.name {
                "histogram_quantile" => 1,
                "histogram_fraction" => 2,
                _ => continue,
            };
            let Some(vector) = call.args.args.get(at) else { continue };
            let known = room.known(vector);
            if let (Some(why), true) = (known.lacks("le"), reads_buckets(vector)) {
                let message = format!("{} gets buckets without the label le: {} drops it", call.func.name, why.what);
                findings.add(subject, subject.at(call.func.name), message, "group by le too");
            }
        }
    }
}

/// Whether all that an expression selects are buckets of classic histograms.
fn reads_buckets(expr: &Expr) -> bool {
    let (mut all, mut any) = (true, false);
    uses(expr, &mut |used| {
        any = true;
        all &= used.selector.name.as_deref().is_some_and(|n| n.ends_with("_bucket"));
    });
    all && any
}

//! `info(v, {…})`: labels of info series, added to the elements of a vector.
//!
//! # Semantics (Prometheus promql/info.go)
//! The parser has made the selector whole. Its matchers of the name say which series are info series; the labels of its
//! other matchers are those that are added, all where there are none. The series are read by the time of their newest
//! sample, because the newest series counts.

use super::context::{Lowering, Scope};
use super::selector::matcher;
use super::walk;
use bellwether_model::METRIC_NAME;
use bellwether_operators::program::{NodeIdx, Op, Reading};
use promql_parser::parser::{Call, Expr};

impl Lowering<'_> {
    pub(super) fn info(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let [base, selector] = call.args.args.as_slice() else { return None };
        let Expr::VectorSelector(v) = &**selector else { return None };
        let base = self.vector_expr(scope, base, "info");
        let series = match self.fixed_at(scope, selector) {
            Some(at_ms) => {
                self.pinned_by(scope, at_ms, selector, |lower, there| lower.instant(there, v, Reading::Info))
            }
            None => self.instant(scope, v, Reading::Info),
        };
        let (base, series) = (base?, series?);
        let matchers = walk::matchers(v);
        let (names, data): (Vec<_>, Vec<_>) = matchers.iter().partition(|m| m.name == METRIC_NAME);
        let mut labels: Vec<String> = data.iter().map(|m| m.name.clone()).collect();
        labels.sort();
        labels.dedup();
        let required = data.iter().any(|m| !m.is_match(""));
        let text = self.call_text("info", &[base, series]);
        let op = Op::Info { names: names.into_iter().map(matcher).collect(), labels, required };
        Some(self.vector(scope, op, vec![base, series], text))
    }
}

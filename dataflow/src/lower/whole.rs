//! What only a whole query may be: a range vector, or a string.
//!
//! # Semantics (Prometheus promql/engine.go, `execEvalStmt`)
//! A query for one instant gives the samples of a window as they are, without stale markers, or those strictly within the
//! borders of an `anchored` or `smoothed` one with the values at the borders; a string is itself. For several instants
//! neither is allowed. Nor is it for rules.
//!
//! # Limits
//! Native histograms are left out of the windows of `anchored` and `smoothed`.

use super::at::At;
use super::compile::Gives;
use super::context::{Lowering, Scope};
use super::effect::Root;
use super::extended::bare;
use super::range::Window;
use bellwether_operators::functions::ExtendedFn;
use bellwether_operators::program::{NodeIdx, Op, ResultOrder, Shape, Source, TapSpec};
use promql_parser::parser::Expr;
use promql_parser::parser::value::ValueType;

impl Lowering<'_> {
    /// The root of a query that is neither a vector nor a scalar; `None` of others, and where it is refused.
    pub(super) fn whole(&mut self, scope: Scope<'_>, expr: &Expr) -> Option<Root> {
        let what = match expr.value_type() {
            ValueType::Matrix => "range vector",
            ValueType::String => "string",
            _ => return None,
        };
        let Some((at_ms, _)) = scope.unit.range_ms.filter(|(start_ms, end_ms)| start_ms == end_ms) else {
            let wanted = "must be Scalar or instant Vector";
            self.refuse(scope, what, format!("invalid expression type {what:?} for range query, {wanted}"));
            return None;
        };
        if let Expr::StringLiteral(text) = bare(expr).1 {
            return Some(Root { gives: Gives::Text(text.val.clone()), ..Root::default() });
        }
        let tap = self.samples(scope, at_ms, expr)?;
        Some(Root { tap: Some(tap), gives: Gives::Samples, ..Root::default() })
    }

    /// A tap of the samples of a window.
    fn samples(&mut self, scope: Scope<'_>, start_ms: i64, expr: &Expr) -> Option<NodeIdx> {
        let modifier = match bare(expr).1 {
            Expr::MatrixSelector(m) => m.vs.at.as_ref(),
            Expr::Subquery(s) => s.at.as_ref(),
            _ => None,
        };
        let at_ms = match self.reads_at(scope, modifier)? {
            At::Instant(at_ms) => at_ms,
            At::Step | At::Outer => start_ms,
        };
        let Window { source: Source::Pin(pin), extended, text, .. } = self.pinned_window(scope, at_ms, expr, "")?
        else {
            return None;
        };
        let framed = extended.map(|border| border.of(ExtendedFn::Delta));
        let spec = TapSpec { tag: scope.unit.index, query_offset_ms: 0, order: ResultOrder::Plain, framed };
        Some(self.node(scope, Shape::Effect, Op::Tap(spec), vec![pin], text))
    }
}

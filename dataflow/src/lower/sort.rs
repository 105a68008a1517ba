//! `sort`, `sort_desc`, `sort_by_label`, `sort_by_label_desc`: no order, because a vector has none.
//!
//! # Semantics (Prometheus promql/functions.go: funcSort, filterFloats)
//! The functions are their argument; a query's tap says how its result is shown. Over several steps they order nothing, which
//! is said. What is sorted by values has no histograms.

use super::aggregate::grouping;
use super::context::{Lowering, Scope};
use super::walk::inner;
use bellwether_operators::functions::BinOp;
use bellwether_operators::program::{NodeIdx, Op, ResultOrder, SORTED, ScalarSide};
use promql_parser::parser::token::{T_BOTTOMK, T_TOPK};
use promql_parser::parser::{AggregateExpr, Call, Expr};

impl Lowering<'_> {
    pub(super) fn sort(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let name = call.func.name;
        let (vector, labels) = call.args.args.split_first()?;
        for label in labels {
            self.string(scope, Some(label), name)?;
        }
        let vector = self.vector_expr(scope, vector, name)?;
        if !matches!(name, "sort" | "sort_desc") {
            return Some(vector);
        }
        // Every float differs from NaN, NaN itself too; a histogram is compared with no number.
        let (text, nan) = (self.call_text(name, &[vector]), self.number(scope, f64::NAN));
        let floats = Op::Arith { op: BinOp::Ne, side: ScalarSide::Right, bool_mode: false };
        Some(self.vector(scope, floats, vec![vector, nan], text))
    }

    /// Says that a sort is in vain where steps are many.
    pub(super) fn note_sort(&mut self, scope: Scope<'_>, call: &Call, expr: &Expr, sorted: NodeIdx) {
        let (true, Some(vector)) = (of_call(call) != ResultOrder::Plain, call.args.args.first()) else { return };
        let many = scope.in_subquery || scope.unit.range_ms.is_some_and(|(start_ms, end_ms)| start_ms != end_ms);
        if many && scope.pinned_ms.is_none() && self.fixed_at(scope, vector).is_none() {
            self.annotate(scope, sorted, SORTED, expr);
        }
    }
}

/// How the result of an expression is ordered.
pub(super) fn result_order(expr: &Expr) -> ResultOrder {
    match inner(expr) {
        Expr::Call(call) => of_call(call),
        Expr::Aggregate(a) => of_aggregate(a),
        _ => ResultOrder::Plain,
    }
}

fn of_call(call: &Call) -> ResultOrder {
    let names = || {
        let text = |arg: &Expr| if let Expr::StringLiteral(s) = inner(arg) { Some(s.val.clone()) } else { None };
        call.args.args.iter().filter_map(|arg| text(arg)).collect()
    };
    match call.func.name {
        "sort" => ResultOrder::Value { descending: false },
        "sort_desc" => ResultOrder::Value { descending: true },
        "sort_by_label" => ResultOrder::Label { descending: false, names: names() },
        "sort_by_label_desc" => ResultOrder::Label { descending: true, names: names() },
        _ => ResultOrder::Plain,
    }
}

fn of_aggregate(a: &AggregateExpr) -> ResultOrder {
    let descending = match a.op.id() {
        T_TOPK => true,
        T_BOTTOMK => false,
        _ => return ResultOrder::Plain,
    };
    ResultOrder::Groups { descending, grouping: grouping(a.modifier.as_ref()) }
}

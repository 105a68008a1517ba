//! Walks an expression's selectors before it is lowered.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, Offset, VectorSelector};

/// How an expression uses a selector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use<'a> {
    pub(crate) selector: &'a VectorSelector,
    /// The selector's own offset, ms.
    pub(crate) offset_ms: i64,
    /// Within a subquery.
    pub(crate) in_subquery: bool,
    /// At an instant that `@` fixes.
    pub(crate) fixed: bool,
}

/// Milliseconds of an offset, 0 where there is none.
pub(crate) fn offset_ms(offset: Option<&Offset>) -> i64 {
    match offset {
        None => 0,
        Some(Offset::Pos(d)) => i64::try_from(d.as_millis()).unwrap_or(i64::MAX / 4),
        Some(Offset::Neg(d)) => -i64::try_from(d.as_millis()).unwrap_or(i64::MAX / 4),
    }
}

/// Strips parentheses.
pub(crate) fn inner(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(p) => inner(&p.expr),
        other => other,
    }
}

/// Matchers of a selector, its name's included.
pub(crate) fn matchers(selector: &VectorSelector) -> Vec<Matcher> {
    let name = selector.name.as_ref().map(|n| Matcher::new(MatchOp::Equal, bellwether_model::METRIC_NAME, n));
    name.into_iter().chain(selector.matchers.matchers.iter().cloned()).collect()
}

/// Direct operands of an expression.
pub(crate) fn operands(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Aggregate(a) => a.param.iter().map(|p| &**p).chain([&*a.expr]).collect(),
        Expr::Unary(u) => vec![&u.expr],
        Expr::Binary(b) => vec![&b.lhs, &b.rhs],
        Expr::Paren(p) => vec![&p.expr],
        Expr::Subquery(s) => vec![&s.expr],
        Expr::Call(c) => c.args.args.iter().map(|a| &**a).collect(),
        _ => Vec::new(),
    }
}

/// Calls `visit` for each selector below `expr`.
pub(crate) fn uses<'a>(expr: &'a Expr, visit: &mut impl FnMut(Use<'a>)) {
    within(expr, false, visit);
}

fn within<'a>(expr: &'a Expr, in_subquery: bool, visit: &mut impl FnMut(Use<'a>)) {
    match expr {
        Expr::VectorSelector(v) => visit(usage(v, in_subquery)),
        Expr::MatrixSelector(m) => visit(usage(&m.vs, in_subquery)),
        Expr::Subquery(s) => within(&s.expr, true, visit),
        other => {
            for operand in operands(other) {
                within(operand, in_subquery, visit);
            }
        }
    }
}

/// One use of a selector.
pub(super) fn usage(selector: &VectorSelector, in_subquery: bool) -> Use<'_> {
    Use { selector, offset_ms: offset_ms(selector.offset.as_ref()), in_subquery, fixed: false }
}

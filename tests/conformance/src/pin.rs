//! `@` put on all selectors of a query: what upstream's re-runs of instant queries need (`promql/promqltest`).

use bellwether_dataflow::promql::Expr;

/// Functions whose result depends on the instant even if their arguments do not.
const OF_THE_INSTANT: [&str; 15] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
];

/// Gives selectors the `@` of `pinned`, which is one.
pub fn pin(expr: &mut Expr, pinned: &Expr) -> Option<()> {
    let Expr::VectorSelector(pinned_selector) = pinned else { return None };
    let at = || pinned_selector.at.clone();
    match expr {
        Expr::VectorSelector(v) => v.at = v.at.take().or_else(at),
        Expr::MatrixSelector(m) => m.vs.at = m.vs.at.take().or_else(at),
        // What is below stands where the subquery does.
        Expr::Subquery(s) => s.at = s.at.take().or_else(at),
        Expr::Call(c) if OF_THE_INSTANT.contains(&c.func.name) => return None,
        Expr::Call(c) => return c.args.args.iter_mut().try_for_each(|arg| pin(arg, pinned)),
        Expr::Aggregate(a) => {
            pin(&mut a.expr, pinned)?;
            return a.param.iter_mut().try_for_each(|param| pin(param, pinned));
        }
        Expr::Binary(b) => return pin(&mut b.lhs, pinned).and_then(|()| pin(&mut b.rhs, pinned)),
        Expr::Unary(u) => return pin(&mut u.expr, pinned),
        Expr::Paren(p) => return pin(&mut p.expr, pinned),
        _ => {}
    }
    Some(())
}

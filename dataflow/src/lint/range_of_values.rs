//! From an expression to the range that its values are in.
//!
//! # Semantics
//! Closed intervals; NaN is in none of them and is true in no comparison but `!=`. A counter's rate is not negative: so
//! it is for everything that is a counter. `up` is 0 or 1.
//!
//! # Limits
//! Intervals only: `x > 1 and x < 0` is not seen to be empty. What is not known is everything.

use super::labels::is_vector;
use crate::lower::walk::inner;
use crate::promql::Expr;
use promql_parser::parser::token::{
    T_ADD, T_AVG, T_BOTTOMK, T_COUNT, T_DIV, T_EQLC, T_GROUP, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS,
    T_MAX, T_MIN, T_MUL, T_NEQ, T_STDDEV, T_STDVAR, T_SUB, T_SUM, T_TOPK, TokenId,
};
use promql_parser::parser::{AggregateExpr, BinaryExpr, Call};

/// A closed interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub low: f64,
    pub high: f64,
}

const INF: f64 = f64::INFINITY;
const ALL: Range = Range { low: -INF, high: INF };
const NOT_NEGATIVE: Range = Range { low: 0.0, high: INF };
const ONE: Range = Range { low: 1.0, high: 1.0 };

const fn between(low: f64, high: f64) -> Range {
    Range { low, high }
}

impl Range {
    /// Whether `a op b` is false for all values of two ranges.
    pub fn never(self, op: TokenId, other: Self) -> bool {
        match op {
            T_EQLC => self.low > other.high || self.high < other.low,
            T_NEQ => self.low == self.high && other == self,
            T_GTR => self.high <= other.low,
            T_GTE => self.high < other.low,
            T_LSS => self.low >= other.high,
            T_LTE => self.low > other.high,
            _ => false,
        }
    }

    fn union(self, other: Self) -> Self {
        between(self.low.min(other.low), self.high.max(other.high))
    }

    /// The smallest range around what an operation gives at the ends; everything where one of these is no number.
    fn around(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let ends = [f(self.low, other.low), f(self.low, other.high), f(self.high, other.low), f(self.high, other.high)];
        if ends.iter().any(|e| e.is_nan()) {
            return ALL;
        }
        between(ends.iter().copied().fold(INF, f64::min), ends.iter().copied().fold(-INF, f64::max))
    }

    fn without_sign(self) -> Self {
        if self.low >= 0.0 { self } else { NOT_NEGATIVE }
    }
}

/// The range of an expression's values.
pub(super) fn range(expr: &Expr) -> Range {
    match inner(expr) {
        Expr::NumberLiteral(n) if n.val.is_nan() => ALL,
        Expr::NumberLiteral(n) => between(n.val, n.val),
        Expr::VectorSelector(v) if v.name.as_deref() == Some("up") => between(0.0, 1.0),
        Expr::MatrixSelector(m) if m.vs.name.as_deref() == Some("up") => between(0.0, 1.0),
        Expr::Unary(u) => {
            let r = range(&u.expr);
            between(-r.high, -r.low)
        }
        Expr::Subquery(s) => range(&s.expr),
        Expr::Aggregate(a) => aggregated(a),
        Expr::Binary(b) => operated(b),
        Expr::Call(c) => called(c),
        _ => ALL,
    }
}

fn aggregated(a: &AggregateExpr) -> Range {
    match a.op.id() {
        T_COUNT => between(1.0, INF),
        T_GROUP => ONE,
        T_STDDEV | T_STDVAR => NOT_NEGATIVE,
        T_MIN | T_MAX | T_AVG | T_TOPK | T_BOTTOMK => range(&a.expr),
        T_SUM if range(&a.expr).low >= 0.0 => between(range(&a.expr).low, INF),
        _ => ALL,
    }
}

fn operated(b: &BinaryExpr) -> Range {
    let (left, right) = (range(&b.lhs), range(&b.rhs));
    match b.op.id() {
        T_LOR => left.union(right),
        T_LAND | T_LUNLESS => left,
        _ if b.op.is_comparison_operator() && b.return_bool() => between(0.0, 1.0),
        // A comparison keeps the values of its vector, of two vectors those of the left one.
        _ if b.op.is_comparison_operator() => {
            if is_vector(&b.lhs) {
                left
            } else {
                right
            }
        }
        T_ADD => left.around(right, |x, y| x + y),
        T_SUB => left.around(right, |x, y| x - y),
        T_MUL if left.low >= 0.0 && right.low >= 0.0 => NOT_NEGATIVE,
        T_MUL => left.around(right, |x, y| x * y),
        T_DIV if left.low >= 0.0 && right.low >= 0.0 => NOT_NEGATIVE,
        _ => ALL,
    }
}

fn called(c: &Call) -> Range {
    let of = |at: usize| c.args.args.get(at).map_or(ALL, |arg| range(arg));
    match c.func.name {
        "absent" | "absent_over_time" | "present_over_time" => ONE,
        "count_over_time" => between(1.0, INF),
        "rate" | "irate" | "increase" | "changes" | "resets" | "exp" | "time" | "timestamp" | "stddev_over_time"
        | "stdvar_over_time" | "mad_over_time" | "acosh" | "sqrt" => NOT_NEGATIVE,
        "abs" => of(0).without_sign(),
        "avg_over_time" | "min_over_time" | "max_over_time" | "last_over_time" | "first_over_time" | "vector"
        | "scalar" | "sort" | "sort_desc" | "label_replace" | "label_join" => of(0),
        "sgn" | "sin" | "cos" => between(-1.0, 1.0),
        "hour" => between(0.0, 23.0),
        "minute" => between(0.0, 59.0),
        "day_of_week" => between(0.0, 6.0),
        "day_of_month" => between(1.0, 31.0),
        "day_of_year" => between(1.0, 366.0),
        "days_in_month" => between(28.0, 31.0),
        "month" => between(1.0, 12.0),
        "histogram_fraction" => between(0.0, 1.0),
        "clamp_min" if of(1).low == of(1).high => between(of(0).low.max(of(1).low), of(0).high.max(of(1).low)),
        "clamp_max" if of(1).low == of(1).high => between(of(0).low.min(of(1).low), of(0).high.min(of(1).low)),
        _ => ALL,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(text: &str) -> (f64, f64) {
        let r = range(&crate::promql::parse(text).unwrap());
        (r.low, r.high)
    }

    #[test]
    fn ranges_follow_the_constructs() {
        assert_eq!(of("count(up)"), (1.0, INF));
        assert_eq!(of("count(up) or vector(0)"), (0.0, INF));
        assert_eq!(of("avg by (job) (up) * 100"), (0.0, INF));
        assert_eq!(of("1 - avg(up)"), (0.0, 1.0));
        assert_eq!(of("hour() + 1"), (1.0, 24.0));
        assert_eq!(of("-clamp_max(rate(x[5m]), 3)"), (-3.0, 0.0));
        assert_eq!(of("x > 2"), (-INF, INF));
        assert_eq!(of("sum(x > bool 2)"), (0.0, INF));
        assert_eq!(of("rate(x[5m]) / 0"), (0.0, INF));
        assert_eq!(of("rate(x[5m]) - rate(x[5m])"), (-INF, INF));
    }

    #[test]
    fn comparisons_are_false_where_ranges_do_not_meet() {
        let count = between(1.0, INF);
        let zero = between(0.0, 0.0);
        assert!(count.never(T_EQLC, zero) && count.never(T_LSS, between(1.0, 1.0)) && count.never(T_LTE, zero));
        assert!(!count.never(T_LTE, between(1.0, 1.0)) && !count.never(T_GTR, zero) && !count.never(T_NEQ, zero));
        assert!(ONE.never(T_NEQ, ONE) && !ALL.never(T_GTR, zero) && !count.never(T_GTR, between(5.0, 5.0)));
    }
}

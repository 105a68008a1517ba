//! Binary operators between scalars, and between a vector and a scalar; two vectors are in [`super::matching`].
//!
//! # Semantics
//! A comparison filters, or gives 0 and 1 with `bool`; a filter keeps the vector's value, whichever side it is on.
//! Arithmetic and `bool` drop the name.

use super::{Env, eval, histogram_value, matching};
use crate::value::{Element, Fault, Sampled, Value, drop_name, fail, unique};
use bellwether_dataflow::promql::{TRIM_LOWER, TRIM_UPPER};
use promql_parser::parser::BinaryExpr;
use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LSS, T_LTE, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB, TokenId,
};

/// What an operator makes of two values.
pub enum Applied {
    /// A new number.
    Number(f64),
    /// A new histogram.
    Histogram(Sampled),
    /// Nothing: it does not take these.
    Nothing,
    /// Whether the comparison holds.
    Holds(bool),
}

/// One operator on two numbers.
pub fn apply(op: TokenId, l: f64, r: f64) -> Result<Applied, Fault> {
    Ok(match op {
        T_ADD => Applied::Number(l + r),
        T_SUB => Applied::Number(l - r),
        T_MUL => Applied::Number(l * r),
        T_DIV => Applied::Number(l / r),
        T_MOD => Applied::Number(l % r),
        T_POW => Applied::Number(l.powf(r)),
        T_ATAN2 => Applied::Number(l.atan2(r)),
        T_EQLC => Applied::Holds(l == r),
        T_NEQ => Applied::Holds(l != r),
        T_GTR => Applied::Holds(l > r),
        T_LSS => Applied::Holds(l < r),
        T_GTE => Applied::Holds(l >= r),
        T_LTE => Applied::Holds(l <= r),
        _ => return fail(format!("operator {op} not allowed")),
    })
}

/// One operator on two values.
pub fn meet(op: TokenId, l: &Sampled, r: &Sampled) -> Result<Applied, Fault> {
    let histogram = |value: Option<Sampled>| value.map_or(Applied::Nothing, Applied::Histogram);
    Ok(match (l, r) {
        (Sampled::Float(_), Sampled::Float(_)) if matches!(op, TRIM_UPPER | TRIM_LOWER) => Applied::Nothing,
        (Sampled::Float(l), Sampled::Float(r)) => apply(op, *l, *r)?,
        (Sampled::Histogram(h), Sampled::Float(f)) => histogram(histogram_value::with_float(op, h, *f)),
        (Sampled::Float(f), Sampled::Histogram(h)) if op == T_MUL => histogram(histogram_value::with_float(op, h, *f)),
        (Sampled::Histogram(l), Sampled::Histogram(r)) => match op {
            T_EQLC => Applied::Holds(l.equals(r)),
            T_NEQ => Applied::Holds(!l.equals(r)),
            _ => histogram(histogram_value::with_histogram(op, l, r)),
        },
        _ => Applied::Nothing,
    })
}

/// 1 or 0.
pub fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// A binary expression.
pub fn binary(b: &BinaryExpr, env: &Env<'_>) -> Result<Value, Fault> {
    let op = b.op.id();
    match (eval(&b.lhs, env)?, eval(&b.rhs, env)?) {
        (Value::Scalar(l), Value::Scalar(r)) => Ok(Value::Scalar(match apply(op, l, r)? {
            Applied::Number(v) => v,
            Applied::Holds(holds) => truth(holds),
            Applied::Histogram(_) | Applied::Nothing => return fail("binary expression of scalars without a result"),
        })),
        (Value::Vector(l), Value::Scalar(r)) => each(l, b, |v| meet(op, v, &Sampled::Float(r))),
        (Value::Scalar(l), Value::Vector(r)) => each(r, b, |v| meet(op, &Sampled::Float(l), v)),
        (Value::Vector(l), Value::Vector(r)) => matching::vectors(b, l, r, env).map(Value::Vector),
        _ => fail("binary expression must contain only scalar and instant vector types"),
    }
}

/// Whether results keep the name: those of filters, and of trims.
pub fn keeps_name(b: &BinaryExpr) -> bool {
    !b.return_bool() && (b.op.is_comparison_operator() || matches!(b.op.id(), TRIM_UPPER | TRIM_LOWER))
}

fn each(
    elements: Vec<Element>,
    b: &BinaryExpr,
    f: impl Fn(&Sampled) -> Result<Applied, Fault>,
) -> Result<Value, Fault> {
    let mut out = Vec::new();
    for e in elements {
        let computed = match f(&e.value)? {
            Applied::Number(v) => Sampled::Float(v),
            Applied::Histogram(h) => h,
            Applied::Holds(holds) if b.return_bool() => Sampled::Float(truth(holds)),
            Applied::Holds(true) => {
                out.push(e);
                continue;
            }
            Applied::Holds(false) | Applied::Nothing => continue,
        };
        let labels = if keeps_name(b) { e.labels.clone() } else { drop_name(&e.labels) };
        out.push(Element { labels, value: computed, ..e });
    }
    unique(out).map(Value::Vector)
}

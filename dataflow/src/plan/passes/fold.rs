//! Constant folding: operators of literals become literals, as nodes are made.
//!
//! # Semantics
//! Go's float64 arithmetic as Prometheus uses it (`promql/engine.go`, scalarBinop): `%` is `math.Mod`, comparisons
//! (with `bool`) give 0 or 1.

use bellwether_operators::functions::{BinOp, MathFn};
use bellwether_operators::program::Op;

/// The literal that an operator of literals is.
pub fn fold(op: &Op, args: &[f64]) -> Option<f64> {
    match (op, args) {
        (Op::ScalarBinary(op), [l, r]) => Some(scalar_binary(*op, *l, *r)),
        (Op::ScalarMap(MathFn::Negate), [v]) => Some(-v),
        _ => None,
    }
}

fn scalar_binary(op: BinOp, l: f64, r: f64) -> f64 {
    let truth = |b: bool| f64::from(u8::from(b));
    match op {
        BinOp::Add => l + r,
        BinOp::Sub => l - r,
        BinOp::Mul => l * r,
        BinOp::Div => l / r,
        BinOp::Mod => l % r,
        BinOp::Pow => l.powf(r),
        BinOp::Atan2 => l.atan2(r),
        BinOp::Eq => truth(l == r),
        BinOp::Ne => truth(l != r),
        BinOp::Gt => truth(l > r),
        BinOp::Lt => truth(l < r),
        BinOp::Ge => truth(l >= r),
        BinOp::Le => truth(l <= r),
        // Lowering refuses it between scalars.
        BinOp::TrimUpper | BinOp::TrimLower => f64::NAN,
    }
}

/// A literal as PromQL writes it.
pub fn number_text(v: f64) -> String {
    match v {
        v if v.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        v if v != 0.0 && !(1e-6..1e21).contains(&v.abs()) => format!("{v:e}"),
        v => format!("{v}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_fold_as_go_computes_them() {
        assert_eq!(fold(&Op::ScalarBinary(BinOp::Mod), &[-7.0, 3.0]), Some(-1.0));
        assert_eq!(fold(&Op::ScalarBinary(BinOp::Div), &[1.0, 0.0]), Some(f64::INFINITY));
        assert_eq!(fold(&Op::ScalarBinary(BinOp::Ge), &[2.0, 2.0]), Some(1.0));
        assert_eq!(fold(&Op::Time, &[]), None);
    }

    #[test]
    fn literals_are_written_as_promql_reads_them() {
        assert_eq!(number_text(1e9), "1000000000");
        assert_eq!(number_text(0.05), "0.05");
        assert_eq!(number_text(f64::NEG_INFINITY), "-Inf");
        assert_eq!(number_text(1e300), "1e300");
    }
}

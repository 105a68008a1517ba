//! Element-wise functions of a value: `abs`, `round`, `clamp`, `hour`, …
//!
//! # Semantics (Prometheus promql/functions.go)
//! Rows are changed in place. Parameters are scalars by step; a step without a parameter has no result, nor has
//! `clamp` where its bounds are reversed. Transcendental functions are the platform's and may differ from Go's in the
//! last bit.

mod calendar;
mod func;
pub mod go;

pub use func::MathFn;

use bellwether_model::block::ones;
use bellwether_model::{Row, RowMut};

/// Applies `f` to each present value of `row`; `args` are the scalar parameters. Without its parameter `round` rounds to
/// integers; other functions that lack one have no result.
pub fn apply(f: MathFn, args: &[Row<'_>], mut row: RowMut<'_>) {
    use MathFn::*;
    for arg in args {
        row.bits.iter_mut().zip(arg.bits).for_each(|(b, a)| *b &= a);
    }
    let row = &mut row;
    match (f, args) {
        (Abs, _) => dense(row, f64::abs),
        (Negate, _) => dense(row, |v| -v),
        (Present, _) => dense(row, |_| 1.0),
        (Sgn, _) => dense(row, sgn),
        (Sqrt, _) => dense(row, f64::sqrt),
        (Deg, _) => dense(row, |v| v * (180.0 / std::f64::consts::PI)),
        (Rad, _) => dense(row, |v| v * (std::f64::consts::PI / 180.0)),
        (Ceil, _) => sparse(row, f64::ceil),
        (Floor, _) => sparse(row, f64::floor),
        (Round, []) => sparse(row, |v| round(v, 1.0)),
        (Round, [to, ..]) => by_step(row, *to, round),
        (ClampMin, [min, ..]) => by_step(row, *min, |v, min| go::max(min, v)),
        (ClampMax, [max, ..]) => by_step(row, *max, |v, max| go::max(f64::NEG_INFINITY, go::min(max, v))),
        (MaxOf, [other, ..]) => by_step(row, *other, go::max),
        (MinOf, [other, ..]) => by_step(row, *other, go::min),
        (Clamp, [min, max, ..]) => clamp(row, *min, *max),
        (Clamp | ClampMin | ClampMax | MaxOf | MinOf, _) => row.bits.fill(0),
        (Minute | Hour | DayOfWeek | DayOfMonth | DayOfYear | DaysInMonth | Month | Year, _) => {
            sparse(row, |v| calendar::part(f, v));
        }
        _ => transcendental(f, row),
    }
}

fn transcendental(f: MathFn, row: &mut RowMut<'_>) {
    use MathFn::*;
    match f {
        Exp => sparse(row, f64::exp),
        Ln => sparse(row, f64::ln),
        Log2 => sparse(row, f64::log2),
        Log10 => sparse(row, f64::log10),
        Sin => sparse(row, f64::sin),
        Cos => sparse(row, f64::cos),
        Tan => sparse(row, f64::tan),
        Asin => sparse(row, f64::asin),
        Acos => sparse(row, f64::acos),
        Atan => sparse(row, f64::atan),
        Sinh => sparse(row, f64::sinh),
        Cosh => sparse(row, f64::cosh),
        Tanh => sparse(row, f64::tanh),
        Asinh => sparse(row, f64::asinh),
        Acosh => sparse(row, f64::acosh),
        Atanh => sparse(row, f64::atanh),
        _ => {}
    }
}

/// Cheap functions run over lanes, absent steps included: what is under a cleared bit is nobody's.
#[inline(always)]
fn dense(row: &mut RowMut<'_>, f: impl Fn(f64) -> f64) {
    row.values.iter_mut().for_each(|v| *v = f(*v));
}

/// Dear functions look at the bits.
#[inline(always)]
fn sparse(row: &mut RowMut<'_>, f: impl Fn(f64) -> f64) {
    for step in ones(row.bits) {
        row.values[step] = f(row.values[step]);
    }
}

#[inline(always)]
fn by_step(row: &mut RowMut<'_>, arg: Row<'_>, f: impl Fn(f64, f64) -> f64) {
    row.values.iter_mut().zip(arg.values).for_each(|(v, a)| *v = f(*v, *a));
}

fn clamp(row: &mut RowMut<'_>, min: Row<'_>, max: Row<'_>) {
    for step in 0..row.values.len() {
        let (min, max) = (min.values[step], max.values[step]);
        if max < min {
            row.clear(step);
        } else {
            row.values[step] = go::max(min, go::min(max, row.values[step]));
        }
    }
}

fn sgn(v: f64) -> f64 {
    if v < 0.0 {
        -1.0
    } else if v > 0.0 {
        1.0
    } else {
        v
    }
}

/// Ties go up, as in Prometheus; its inverse first, for its bits.
fn round(v: f64, to: f64) -> f64 {
    let inverse = 1.0 / to;
    (v * inverse + 0.5).floor() / inverse
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bellwether_model::Block;

    /// The result for one value and its parameters.
    fn one(f: &str, v: f64, args: &[f64]) -> Option<f64> {
        let mut b = Block::with_rows(3, 1);
        b.row_mut(0).set(0, v);
        args.iter().enumerate().for_each(|(i, a)| b.row_mut(i + 1).set(0, *a));
        let operands = b.clone();
        let args: Vec<Row<'_>> = (0..args.len()).map(|i| operands.row(i + 1)).collect();
        apply(MathFn::from_name(f).unwrap(), &args, b.row_mut(0));
        b.row(0).get(0)
    }

    #[test]
    fn rounding_goes_up() {
        assert_eq!(one("round", -2.5, &[]), Some(-2.0));
        assert_eq!(one("round", 2.5, &[]), Some(3.0));
        assert_eq!(one("round", 0.15, &[0.1]), Some(0.2));
        assert_eq!(one("round", 7.0, &[5.0]), Some(5.0));
    }

    #[test]
    fn clamping_is_go_s() {
        assert_eq!(one("clamp", 5.0, &[1.0, 3.0]), Some(3.0));
        assert_eq!(one("clamp", 5.0, &[3.0, 1.0]), None);
        assert!(one("clamp", 5.0, &[f64::NAN, 1.0]).unwrap().is_nan());
        assert_eq!(one("clamp_min", f64::NAN, &[f64::INFINITY]), Some(f64::INFINITY));
        assert!(one("clamp_max", f64::NAN, &[1.0]).unwrap().is_nan());
        assert_eq!(one("clamp_max", 5.0, &[]), None);
        assert_eq!((one("max_of", 5.0, &[7.0]), one("min_of", 5.0, &[7.0])), (Some(7.0), Some(5.0)));
        assert!(one("max_of", f64::NAN, &[7.0]).unwrap().is_nan());
    }

    #[test]
    fn signs_and_degrees() {
        assert_eq!(one("sgn", -3.0, &[]), Some(-1.0));
        assert!(one("sgn", f64::NAN, &[]).unwrap().is_nan());
        assert_eq!(one("deg", std::f64::consts::PI, &[]), Some(180.0));
        assert_eq!(one("log10", 1000.0, &[]).map(|v| (v - 3.0).abs() < 1e-12), Some(true));
    }

    /// The instants of Prometheus's functions.test.
    #[test]
    fn calendar_parts() {
        let t = 1_136_239_445.0; // 2006-01-02 22:04:05 UTC, a Monday
        let parts = ["year", "month", "day_of_month", "day_of_week", "hour", "minute", "day_of_year", "days_in_month"];
        let got: Vec<f64> = parts.iter().map(|f| one(f, t, &[]).unwrap()).collect();
        assert_eq!(got, [2006.0, 1.0, 2.0, 1.0, 22.0, 4.0, 2.0, 31.0]);
        assert_eq!(one("day_of_month", -1.0, &[]), Some(31.0));
        assert_eq!(one("days_in_month", 1_454_284_800.0, &[]), Some(29.0)); // February 2016
        assert_eq!(one("day_of_year", 1_483_228_799.0, &[]), Some(366.0)); // the end of 2016
        assert_eq!(one("minute", -0.5, &[]), Some(0.0), "truncated toward zero");
    }
}

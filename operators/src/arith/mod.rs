//! Binary operators over rows: `a + b`, `a > 5`, `a == bool b`.
//!
//! # Semantics (Prometheus promql/engine.go, `vectorElemBinop`, `VectorscalarBinop`)
//! A comparison without `bool` is a filter: it keeps the left value, or the vector's value whichever side the scalar is
//! on, and clears the step where it is false. With `bool` it is 1 or 0. `%` and `^` are Go's.

mod op;

pub use op::BinOp;

use crate::math::go;
use crate::program::ScalarSide;
use bellwether_model::block::{full_word, ones};
use bellwether_model::{Row, RowMut};

/// The operator of two scalars; comparisons give 1 or 0.
pub fn scalar_scalar(op: BinOp, l: f64, r: f64) -> f64 {
    match op {
        BinOp::Add => l + r,
        BinOp::Sub => l - r,
        BinOp::Mul => l * r,
        BinOp::Div => l / r,
        BinOp::Mod => l % r,
        BinOp::Pow => go::pow(l, r),
        BinOp::Atan2 => l.atan2(r),
        _ => f64::from(u8::from(op.compares(l, r))),
    }
}

/// The operator of two elements: present where both are; overwrites `out`.
pub fn vector_vector(op: BinOp, bool_mode: bool, l: Row<'_>, r: Row<'_>, mut out: RowMut<'_>) {
    if op.is_trim() {
        return out.bits.fill(0);
    }
    for ((out, l), r) in out.bits.iter_mut().zip(l.bits).zip(r.bits) {
        *out = l & r;
    }
    if op.is_comparison() {
        let row = &mut out;
        match op {
            BinOp::Eq => compare(row, l.values, r.values, bool_mode, |l, r| l == r),
            BinOp::Ne => compare(row, l.values, r.values, bool_mode, |l, r| l != r),
            BinOp::Gt => compare(row, l.values, r.values, bool_mode, |l, r| l > r),
            BinOp::Lt => compare(row, l.values, r.values, bool_mode, |l, r| l < r),
            BinOp::Ge => compare(row, l.values, r.values, bool_mode, |l, r| l >= r),
            _ => compare(row, l.values, r.values, bool_mode, |l, r| l <= r),
        }
        if !bool_mode {
            out.values.copy_from_slice(l.values);
        }
        return;
    }
    let sides = l.values.iter().zip(r.values);
    match op {
        BinOp::Add => out.values.iter_mut().zip(sides).for_each(|(o, (l, r))| *o = l + r),
        BinOp::Sub => out.values.iter_mut().zip(sides).for_each(|(o, (l, r))| *o = l - r),
        BinOp::Mul => out.values.iter_mut().zip(sides).for_each(|(o, (l, r))| *o = l * r),
        BinOp::Div => out.values.iter_mut().zip(sides).for_each(|(o, (l, r))| *o = l / r),
        _ => {
            for step in ones(out.bits) {
                out.values[step] = scalar_scalar(op, l.values[step], r.values[step]);
            }
        }
    }
}

/// The operator of an element and a scalar on the given side of it, in place.
pub fn vector_scalar(op: BinOp, side: ScalarSide, bool_mode: bool, scalar: Row<'_>, mut row: RowMut<'_>) {
    if op.is_trim() {
        return row.bits.fill(0);
    }
    for (out, s) in row.bits.iter_mut().zip(scalar.bits) {
        *out &= s;
    }
    let row = &mut row;
    let flipped = side == ScalarSide::Left;
    match op.facing(flipped) {
        BinOp::Add => in_place(row, scalar, |v, s| v + s),
        BinOp::Mul => in_place(row, scalar, |v, s| v * s),
        BinOp::Sub if flipped => in_place(row, scalar, |v, s| s - v),
        BinOp::Sub => in_place(row, scalar, |v, s| v - s),
        BinOp::Div if flipped => in_place(row, scalar, |v, s| s / v),
        BinOp::Div => in_place(row, scalar, |v, s| v / s),
        BinOp::Eq => compare_in_place(row, scalar, bool_mode, |v, s| v == s),
        BinOp::Ne => compare_in_place(row, scalar, bool_mode, |v, s| v != s),
        BinOp::Gt => compare_in_place(row, scalar, bool_mode, |v, s| v > s),
        BinOp::Lt => compare_in_place(row, scalar, bool_mode, |v, s| v < s),
        BinOp::Ge => compare_in_place(row, scalar, bool_mode, |v, s| v >= s),
        BinOp::Le => compare_in_place(row, scalar, bool_mode, |v, s| v <= s),
        op => {
            for step in ones(row.bits) {
                let (v, s) = (row.values[step], scalar.values[step]);
                row.values[step] = if flipped { scalar_scalar(op, s, v) } else { scalar_scalar(op, v, s) };
            }
        }
    }
}

/// All lanes: what is under a cleared bit is nobody's.
#[inline(always)]
fn in_place(row: &mut RowMut<'_>, scalar: Row<'_>, f: impl Fn(f64, f64) -> f64) {
    row.values.iter_mut().zip(scalar.values).for_each(|(v, s)| *v = f(*v, *s));
}

#[inline(always)]
fn compare(row: &mut RowMut<'_>, l: &[f64], r: &[f64], bool_mode: bool, holds: impl Fn(f64, f64) -> bool) {
    if bool_mode {
        row.values.iter_mut().zip(l.iter().zip(r)).for_each(|(o, (l, r))| *o = f64::from(u8::from(holds(*l, *r))));
        return;
    }
    for ((bits, l), r) in row.bits.iter_mut().zip(l.chunks(64)).zip(r.chunks(64)) {
        if *bits != 0 {
            *bits &= word(l, r, &holds);
        }
    }
}

#[inline(always)]
fn compare_in_place(row: &mut RowMut<'_>, scalar: Row<'_>, bool_mode: bool, holds: impl Fn(f64, f64) -> bool) {
    if bool_mode {
        in_place(row, scalar, |v, s| f64::from(u8::from(holds(v, s))));
        return;
    }
    for ((bits, v), s) in row.bits.iter_mut().zip(row.values.chunks(64)).zip(scalar.values.chunks(64)) {
        if *bits != 0 {
            *bits &= word(v, s, &holds);
        }
    }
}

/// The comparison of up to 64 steps as bits; eight lanes at a time, without a branch.
#[inline(always)]
fn word(l: &[f64], r: &[f64], holds: &impl Fn(f64, f64) -> bool) -> u64 {
    let n = l.len().min(r.len());
    let mut bits = 0u64;
    for (i, (l, r)) in l[..n].chunks(8).zip(r[..n].chunks(8)).enumerate() {
        let byte = l.iter().zip(r).enumerate().fold(0, |b, (k, (l, r))| b | (u64::from(holds(*l, *r)) << k));
        bits |= byte << (8 * i);
    }
    bits & full_word(n, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_model::Block;
    use bellwether_model::block::{has, words};
    use proptest::prelude::*;

    fn naive(op: BinOp, l: f64, r: f64, bool_mode: bool, keep: f64) -> Option<f64> {
        match op {
            BinOp::Add => Some(l + r),
            BinOp::Sub => Some(l - r),
            BinOp::Mul => Some(l * r),
            BinOp::Div => Some(l / r),
            BinOp::Mod => Some(l % r),
            BinOp::Pow => Some(go::pow(l, r)),
            BinOp::Atan2 => Some(l.atan2(r)),
            BinOp::TrimUpper | BinOp::TrimLower => None,
            _ => {
                let holds = match op {
                    BinOp::Eq => l == r,
                    BinOp::Ne => l != r,
                    BinOp::Gt => l > r,
                    BinOp::Lt => l < r,
                    BinOp::Ge => l >= r,
                    _ => l <= r,
                };
                if bool_mode { Some(if holds { 1.0 } else { 0.0 }) } else { holds.then_some(keep) }
            }
        }
    }

    fn bits(v: Option<f64>) -> Option<u64> {
        v.map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() })
    }

    proptest! {
        #[test]
        fn rows_equal_the_naive_loop(
            op in prop::sample::select(BinOp::all().collect::<Vec<_>>()),
            bool_mode in any::<bool>(),
            sides in prop::collection::vec((0u8..6, 0u8..6, any::<(bool, bool)>()), 1..200),
            left in any::<bool>(),
        ) {
            let value = |v: u8| [0.0, 1.0, -2.5, f64::NAN, f64::INFINITY, 1e300][v as usize];
            let n = sides.len();
            let mut b = Block::with_rows(3, n);
            for (i, (l, r, (has_l, has_r))) in sides.iter().enumerate() {
                if *has_l { b.row_mut(0).set(i, value(*l)) }
                if *has_r { b.row_mut(1).set(i, value(*r)) }
            }
            let operands = b.clone();
            let (l, r) = (operands.row(0), operands.row(1));
            b.row_mut(2).bits.fill(u64::MAX);
            vector_vector(op, bool_mode, l, r, b.row_mut(2));
            prop_assert_eq!(b.row(2).bits[words(n) - 1] & !full_word(n, words(n) - 1), 0);
            let both = |i: usize| has(l.bits, i) && has(r.bits, i);
            for i in 0..n {
                let want = both(i).then(|| naive(op, l.values[i], r.values[i], bool_mode, l.values[i])).flatten();
                prop_assert_eq!(bits(b.row(2).get(i)), bits(want));
            }
            let side = if left { ScalarSide::Left } else { ScalarSide::Right };
            vector_scalar(op, side, bool_mode, r, b.row_mut(0));
            for i in 0..n {
                let (v, s) = (l.values[i], r.values[i]);
                let (x, y) = if left { (s, v) } else { (v, s) };
                let want = both(i).then(|| naive(op, x, y, bool_mode, v)).flatten();
                prop_assert_eq!(bits(b.row(0).get(i)), bits(want));
            }
        }
    }
}

//! Operators with a histogram on either side.
//!
//! # Semantics (Prometheus promql/engine.go, `vectorElemBinop`)
//! `h + h`, `h - h` (a gauge), `h * f`, `f * h`, `h / f`, `h == h`, `h != h`, `h </ f`, `h >/ f`, `-h`. Every other
//! combination has no result, and neither have sums of two whose hints contradict each other. Results of arithmetic are without
//! empty buckets.

use crate::annotation::{Doing, Issue, Issues, Kind};
use crate::arith::BinOp;
use crate::math::MathFn;
use crate::program::ScalarSide;
use bellwether_model::histogram::{Hint, Trim};
use bellwether_model::{Histogram, Row, RowMut, Value};
use std::sync::Arc;

/// Applies an element-wise function to a row's histograms before it is applied to its floats: all but the unary minus and
/// presence drop histograms.
pub fn map(f: MathFn, _args: &[Row<'_>], row: &mut RowMut<'_>) {
    if row.histograms.as_slice().is_empty() {
        return;
    }
    match f {
        MathFn::Negate => row.histograms.update(|_, h| changed(h, |h| h.multiply(-1.0))),
        MathFn::Present => {
            let steps: Vec<u32> = row.histograms.as_slice().iter().map(|e| e.0).collect();
            row.histograms.replace(&[]);
            steps.into_iter().for_each(|step| row.set(step as usize, 1.0));
        }
        _ => row.histograms.replace(&[]),
    }
}

/// A changed copy without empty buckets.
fn changed(h: &Histogram, f: impl FnOnce(&mut Histogram)) -> Option<Arc<Histogram>> {
    let mut h = h.clone();
    f(&mut h);
    h.compact();
    Some(Arc::new(h))
}

/// The operator of an element and a scalar, for a row's histograms, in place.
pub fn vector_scalar(op: BinOp, side: ScalarSide, scalar: Row<'_>, row: &mut RowMut<'_>, issues: &mut Issues) {
    if op.is_trim() {
        let types = Issue::Types(Kind::Float, op, Kind::Float);
        row.as_row().present().for_each(|(step, _)| issues.add(step, types));
    }
    if row.histograms.as_slice().is_empty() {
        return;
    }
    row.histograms.update(|step, h| {
        let s = scalar.get(step)?;
        let left = side == ScalarSide::Left;
        let result = if left { float_histogram(op, s, h) } else { histogram_float(op, h, s) };
        if result.is_none() {
            let (l, r) = if left { (Kind::Float, Kind::Histogram) } else { (Kind::Histogram, Kind::Float) };
            issues.add(step, Issue::Types(l, op, r));
        }
        result
    });
}

fn float_histogram(op: BinOp, f: f64, h: &Histogram) -> Option<Arc<Histogram>> {
    if op == BinOp::Mul { changed(h, |h| h.multiply(f)) } else { None }
}

fn histogram_float(op: BinOp, h: &Histogram, f: f64) -> Option<Arc<Histogram>> {
    let trimmed = |trim| {
        let mut h = h.clone();
        h.trim(f, trim);
        Some(Arc::new(h))
    };
    match op {
        BinOp::Mul => changed(h, |h| h.multiply(f)),
        BinOp::Div => changed(h, |h| h.divide(f)),
        BinOp::TrimUpper => trimmed(Trim::Below),
        BinOp::TrimLower => trimmed(Trim::Above),
        _ => None,
    }
}

/// The operator of two elements at the steps at which either is a histogram; adds to `out`.
pub fn vector_vector(op: BinOp, bool_mode: bool, l: Row<'_>, r: Row<'_>, out: &mut RowMut<'_>, issues: &mut Issues) {
    use Kind::{Float, Histogram};
    if op.is_trim() {
        let both = l.present().filter(|(step, _)| r.get(*step).is_some());
        both.for_each(|(step, _)| issues.add(step, Issue::Types(Float, op, Float)));
    }
    for (step, left) in l.histograms {
        let step = *step as usize;
        let (result, right) = match (r.get(step), r.histogram(step)) {
            (Some(f), _) => (histogram_float(op, left, f).map(Value::Histogram), Float),
            (None, Some(right)) => {
                (histogram_histogram(op, bool_mode, left, right, &mut |issue| issues.add(step, issue)), Histogram)
            }
            _ => continue,
        };
        match result {
            Some(value) => out.put(step, value),
            None if right == Float || !takes_histograms(op) => issues.add(step, Issue::Types(Histogram, op, right)),
            None => {}
        }
    }
    for (step, right) in r.histograms {
        let step = *step as usize;
        let Some(f) = l.get(step) else { continue };
        match float_histogram(op, f, right) {
            Some(h) => out.put(step, Value::Histogram(h)),
            None => issues.add(step, Issue::Types(Float, op, Histogram)),
        }
    }
}

/// Whether an operator takes two histograms.
pub fn takes_histograms(op: BinOp) -> bool {
    matches!(op, BinOp::Add | BinOp::Sub | BinOp::Eq | BinOp::Ne)
}

fn histogram_histogram(
    op: BinOp,
    bool_mode: bool,
    l: &Arc<Histogram>,
    r: &Arc<Histogram>,
    say: &mut dyn FnMut(Issue),
) -> Option<Value> {
    let mut result = (**l).clone();
    match op {
        BinOp::Add | BinOp::Sub => {
            let (done, doing) = match op {
                BinOp::Add => (result.add(r), Doing::Addition),
                _ => (result.subtract(r), Doing::Subtraction),
            };
            let Ok(facts) = done else {
                say(Issue::Layouts(op));
                return None;
            };
            if facts.reset_collision {
                say(Issue::ResetCollision(doing));
                return None;
            }
            if facts.bounds_reconciled {
                say(Issue::Reconciled(doing));
            }
            if op == BinOp::Sub {
                result.hint = Hint::Gauge;
            }
        }
        BinOp::Eq | BinOp::Ne => {
            let holds = l.equals(r) == (op == BinOp::Eq);
            if bool_mode {
                return Some(Value::Float(f64::from(u8::from(holds))));
            }
            return holds.then(|| Value::Histogram(Arc::clone(l)));
        }
        _ => return None,
    }
    result.compact();
    Some(Value::Histogram(Arc::new(result)))
}

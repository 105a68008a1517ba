//! All aggregations against Prometheus's loop, and against themselves merged along any tree.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::sum::neumaier;
use bellwether_model::Block;
use proptest::prelude::*;

/// Prometheus's aggregation of one step's values in order.
fn naive(op: AggOp, values: &[f64], q: f64) -> Option<f64> {
    let (first, rest) = values.split_first()?;
    let n = values.len() as f64;
    Some(match op {
        AggOp::Sum => {
            let (sum, c) = rest.iter().fold((*first, 0.0), |(s, c), x| neumaier(s, c, *x));
            sum + c
        }
        AggOp::Avg => {
            let (mut value, mut c, mut mean, mut incremental, mut n) = (*first, 0.0, 0.0, false, 1.0);
            for x in rest {
                n += 1.0;
                if !incremental {
                    let (v, new_c) = neumaier(value, c, *x);
                    if !v.is_infinite() {
                        (value, c) = (v, new_c);
                        continue;
                    }
                    incremental = true;
                    mean = value / (n - 1.0);
                    c /= n - 1.0;
                }
                let q = (n - 1.0) / n;
                (mean, c) = neumaier(q * mean, q * c, x / n);
            }
            if incremental { mean + c } else { value / n + c / n }
        }
        // Prometheus leaves the order of elements open; only of zeros it shows.
        AggOp::Min => in_order(values, f64::total_cmp).fold(f64::NAN, |a, b| if a > b || a.is_nan() { b } else { a }),
        AggOp::Max => {
            in_order(values, |a, b| b.total_cmp(a)).fold(f64::NAN, |a, b| if a < b || a.is_nan() { b } else { a })
        }
        AggOp::Count => n,
        AggOp::Group => 1.0,
        AggOp::Stddev | AggOp::Stdvar => {
            let (mut n, mut mean, mut m2) = (1.0, *first, if first.is_finite() { 0.0 } else { f64::NAN });
            for x in rest {
                n += 1.0;
                let delta = x - mean;
                mean += delta / n;
                m2 += delta * (x - mean);
            }
            if op == AggOp::Stddev { (m2 / n).sqrt() } else { m2 / n }
        }
        AggOp::Quantile => crate::range::oracle::quantile(q, values),
    })
}

fn in_order(values: &[f64], order: impl FnMut(&f64, &f64) -> std::cmp::Ordering) -> impl Iterator<Item = f64> {
    let mut values = values.to_vec();
    values.sort_by(order);
    values.into_iter()
}

fn bits(v: Option<f64>) -> Option<u64> {
    v.map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() })
}

fn fold(op: AggOp, b: &Block, rows: std::ops::Range<usize>) -> Partial {
    let mut p = Partial::new(op, b.steps());
    rows.for_each(|i| p.add(b.row(i)));
    p
}

fn finish(p: &Partial, q: Row<'_>) -> Vec<Option<f64>> {
    let steps = q.values.len();
    let mut out = Block::with_rows(1, steps);
    p.finish(Some(q), out.row_mut(0));
    (0..steps).map(|s| out.row(0).get(s)).collect()
}

fn rows(special: bool) -> impl Strategy<Value = Vec<(u8, Vec<Option<f64>>)>> {
    let odd = prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 1e308, -0.0]);
    let value = if special { prop_oneof![6 => -9.0..9.0f64, 1 => odd].boxed() } else { (90.0..110.0f64).boxed() };
    (1usize..140).prop_flat_map(move |steps| {
        let row = prop::collection::vec(prop_oneof![9 => value.clone().prop_map(Some), 1 => Just(None)], steps);
        prop::collection::vec((0u8..4, row), 1..9)
    })
}

/// A fourth of the rows have gaps; the others are full, so that both ways are taken.
fn block(rows: &[(u8, Vec<Option<f64>>)]) -> Block {
    let mut b = Block::with_rows(rows.len(), rows[0].1.len());
    for (i, (gaps, row)) in rows.iter().enumerate() {
        for (s, v) in row.iter().enumerate() {
            match v {
                Some(v) => b.row_mut(i).set(s, *v),
                None if *gaps == 0 => {}
                None => b.row_mut(i).set(s, 1.0),
            }
        }
    }
    b
}

fn quantiles(steps: usize, q: f64) -> Block {
    let mut b = Block::with_rows(1, steps);
    (0..steps).for_each(|s| b.row_mut(0).set(s, q));
    b
}

proptest! {
    #[test]
    fn leaves_equal_prometheus(op in prop::sample::select(AggOp::all().collect::<Vec<_>>()), rows in rows(true), q in -0.1..1.2f64) {
        let b = block(&rows);
        let q_row = quantiles(b.steps(), q);
        let got = finish(&fold(op, &b, 0..b.rows()), q_row.row(0));
        for (s, got) in got.iter().enumerate() {
            let values: Vec<f64> = (0..b.rows()).filter_map(|i| b.row(i).get(s)).collect();
            prop_assert_eq!(bits(*got), bits(naive(op, &values, q)), "{:?} of {:?}", op, values);
        }
    }

    #[test]
    fn merged_leaves_are_close(op in prop::sample::select(AggOp::all().collect::<Vec<_>>()), rows in rows(false), cut in 0usize..9, q in 0.0..1.0f64) {
        let b = block(&rows);
        let q_row = quantiles(b.steps(), q);
        let cut = cut.min(b.rows());
        let mut p = fold(op, &b, 0..cut);
        p.merge(&fold(op, &b, cut..b.rows()));
        for (s, got) in finish(&p, q_row.row(0)).iter().enumerate() {
            let values: Vec<f64> = (0..b.rows()).filter_map(|i| b.row(i).get(s)).collect();
            match (got, naive(op, &values, q)) {
                (Some(g), Some(w)) => prop_assert!((g - w).abs() <= 1e-6_f64.min(w.abs() * 1e-9 + 1e-9), "{op:?} {g} {w}"),
                (g, w) => prop_assert_eq!(*g, w),
            }
        }
    }

    /// `merge(absent, x) == x == merge(x, absent)`, to the bit, whatever was in the memory before.
    #[test]
    fn absent_is_neutral(op in prop::sample::select(AggOp::all().collect::<Vec<_>>()), rows in rows(true), q in 0.0..1.0f64) {
        let b = block(&rows);
        let q_row = quantiles(b.steps(), q);
        let x = fold(op, &b, 0..b.rows());
        let want: Vec<_> = finish(&x, q_row.row(0)).into_iter().map(bits).collect();
        let mut left = fold(op, &b, 0..1);
        left.reset(op, b.steps());
        left.merge(&x);
        let mut right = x.clone();
        right.merge(&Partial::new(op, b.steps()));
        for p in [left, right] {
            prop_assert_eq!(finish(&p, q_row.row(0)).into_iter().map(bits).collect::<Vec<_>>(), want.clone());
        }
    }
}

#[test]
fn an_average_of_huge_values_is_finite_whichever_way_it_is_merged() {
    let mut b = Block::with_rows(4, 3);
    (0..4).for_each(|i| (0..3).for_each(|s| b.row_mut(i).set(s, 1.6e308)));
    let q = quantiles(3, 0.0);
    for cut in 0..=4 {
        let mut p = fold(AggOp::Avg, &b, 0..cut);
        p.merge(&fold(AggOp::Avg, &b, cut..4));
        for v in finish(&p, q.row(0)) {
            assert!((v.unwrap() / 1.6e308 - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn a_partial_may_change_its_operator() {
    let mut b = Block::with_rows(1, 3);
    b.row_mut(0).set(1, 5.0);
    let mut p = Partial::new(AggOp::Quantile, 200);
    assert!(p.is_absent());
    p.reset(AggOp::Sum, 3);
    p.add(b.row(0));
    assert!(!p.is_absent());
    assert_eq!(finish(&p, quantiles(3, 0.0).row(0)), [None, Some(5.0), None]);
}

//! Sums and means of values of one kind.
//!
//! # Semantics
//! Floats and histograms together have none, nor have exponential and custom buckets. Sums are compensated. A mean is the
//! sum by the count; where the sum overflows it is carried from there on.

use super::over_time::values;
use crate::value::{Kinds, Point, Sampled};
use bellwether_model::Histogram;
use bellwether_model::histogram::Accumulator;
use std::sync::Arc;

/// What becomes of points of either kind.
pub fn of(
    points: &[Point],
    floats: impl Fn(&[f64]) -> f64,
    histograms: impl Fn(&[&Histogram]) -> Option<Histogram>,
) -> Option<Sampled> {
    match Kinds::of(points) {
        Kinds::Floats(points) => (!points.is_empty()).then(|| Sampled::Float(floats(&values(&points)))),
        Kinds::Histograms(points) => {
            let all: Vec<&Histogram> = points.iter().map(|p| &*p.1).collect();
            let mut h = histograms(&all)?;
            h.compact();
            Some(Sampled::Histogram(Arc::new(h)))
        }
        Kinds::Mixed => None,
    }
}

/// The sum.
pub fn sum(all: &[&Histogram]) -> Option<Histogram> {
    let (first, rest) = all.split_first()?;
    let mut sum = Accumulator::compensated(first);
    for h in rest {
        sum.add(h).ok()?;
    }
    Some(sum.finish())
}

/// The mean.
pub fn mean(all: &[&Histogram]) -> Option<Histogram> {
    let (first, rest) = all.split_first()?;
    let (mut total, mut carried, mut count) = (Accumulator::compensated(first), false, 1.0);
    for h in rest {
        count += 1.0;
        if !carried {
            let mut sum = total.clone();
            sum.add(h).ok()?;
            if !sum.has_overflow() {
                total = sum;
                continue;
            }
            carried = true;
            total.divide(count - 1.0);
        }
        total.multiply((count - 1.0) / count);
        let mut part = (*h).clone();
        part.divide(count);
        total.add(&part).ok()?;
    }
    if !carried {
        total.divide(count);
    }
    Some(total.finish())
}

//! `quantile_over_time` and `mad_over_time`.
//!
//! # Semantics (Prometheus `quantile`, `funcMadOverTime`)
//! Sorted, NaN first; between two values a weighted mean. A quantile below 0 gives -Inf, above 1 +Inf, NaN gives NaN.
//! The median absolute deviation of a window with a NaN is NaN.
//!
//! # State
//! A window is kept sorted while it slides: values leave and enter by binary search. The order is total over bits, so
//! what is kept depends on the window only.

use crate::range::{Scratch, Windows};
use bellwether_model::{Row, RowMut};
use std::ops::Range;

/// An integer that sorts as the value does: NaN first, -0 before 0.
pub fn sort_key(value: f64) -> i64 {
    if value.is_nan() {
        return i64::MIN;
    }
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// The value of a [`sort_key`].
pub fn value_of_key(key: i64) -> f64 {
    if key == i64::MIN { f64::NAN } else { f64::from_bits((key ^ ((key >> 63) as u64 >> 1) as i64) as u64) }
}

/// The quantile of `n` sorted values.
pub fn quantile_of_sorted(q: f64, n: usize, at: impl Fn(usize) -> f64) -> f64 {
    if n == 0 || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let rank = q * (n - 1) as f64;
    let lower = (rank.floor() as usize).min(n - 1);
    let upper = (lower + 1).min(n - 1);
    let weight = rank - rank.floor();
    if weight == 0.0 {
        // Nothing times an infinite neighbour would be NaN.
        return at(lower);
    }
    at(lower) * (1.0 - weight) + at(upper) * weight
}

/// The quantile `q` of the values, by step.
pub fn quantile(w: &Windows<'_>, q: Row<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    let keys = &mut scratch.keys;
    keys.clear();
    let mut held = 0..0;
    w.each(1, out, |step, window| {
        slide(w.values, keys, &mut held, window);
        Some(quantile_of_sorted(q.values[step], keys.len(), |i| value_of_key(keys[i])))
    });
}

/// Makes `keys` the sorted keys of a window that is not behind `held`.
fn slide(values: &[f64], keys: &mut Vec<i64>, held: &mut Range<usize>, window: Range<usize>) {
    let moved = (window.start - held.start).min(held.len()) + (window.end - held.end);
    if window.start >= held.end || moved * 4 > window.len() {
        keys.clear();
        keys.extend(values[window.clone()].iter().map(|v| sort_key(*v)));
        keys.sort_unstable();
    } else {
        for v in &values[held.start..window.start] {
            let at = keys.partition_point(|k| *k < sort_key(*v));
            keys.remove(at);
        }
        for v in &values[held.end..window.end] {
            let at = keys.partition_point(|k| *k < sort_key(*v));
            keys.insert(at, sort_key(*v));
        }
    }
    *held = window;
}

/// The median distance from the median.
pub fn mad(w: &Windows<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    let (keys, distances) = (&mut scratch.keys, &mut scratch.values);
    keys.clear();
    let mut held = 0..0;
    w.each(1, out, |_, window| {
        slide(w.values, keys, &mut held, window);
        if keys.first() == Some(&i64::MIN) {
            return Some(f64::NAN);
        }
        let median = quantile_of_sorted(0.5, keys.len(), |i| value_of_key(keys[i]));
        distances.clear();
        distances.extend(keys.iter().map(|k| (value_of_key(*k) - median).abs()));
        // Infinities may make NaN of a distance; NaN sorts first.
        distances.sort_unstable_by_key(|d| sort_key(*d));
        Some(quantile_of_sorted(0.5, distances.len(), |i| distances[i]))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_values_do() {
        let all = [f64::NAN, f64::NEG_INFINITY, -1.5, -0.0, 0.0, 5e-324, 1.0, f64::INFINITY];
        let keys: Vec<i64> = all.iter().map(|v| sort_key(*v)).collect();
        assert!(keys.is_sorted());
        for (k, v) in keys.iter().zip(all).skip(1) {
            assert_eq!(value_of_key(*k).to_bits(), v.to_bits());
        }
    }

    #[test]
    fn quantiles_out_of_range_are_infinite() {
        let q = |q: f64| quantile_of_sorted(q, 3, |i| i as f64);
        assert_eq!(
            [q(-0.1), q(0.0), q(0.25), q(0.5), q(1.0), q(1.1)],
            [f64::NEG_INFINITY, 0.0, 0.5, 1.0, 2.0, f64::INFINITY]
        );
        assert!(q(f64::NAN).is_nan());
    }
}

//! The fraction of observations between two values, from classic buckets.
//!
//! # Semantics (Prometheus promql/quantile.go, `BucketFraction`)
//! Linear interpolation inside a bucket; the lowest begins at 0 unless its bound is not positive, and then nothing is
//! known inside it. Without a +Inf bucket the result is NaN.

use super::coalesce;

/// For one step; `buckets` ascend by bound and are changed.
pub(super) fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<(f64, f64)>) -> f64 {
    if buckets.last().is_none_or(|b| b.0 != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    let all = buckets.last().map_or(0.0, |b| b.1);
    if all == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let below = |v: f64| f64::min(rank_of(buckets, v).unwrap_or(all), all);
    (below(upper) - below(lower)) / all
}

/// Observations below a value; `None` where that is past all buckets.
fn rank_of(buckets: &[(f64, f64)], v: f64) -> Option<f64> {
    let mut lower = if buckets.first().is_some_and(|b| b.0 <= 0.0) { f64::NEG_INFINITY } else { 0.0 };
    let mut rank = 0.0;
    for (upper, count) in buckets {
        if lower >= v {
            return Some(rank);
        }
        if *upper > v {
            let unknown = lower == f64::NEG_INFINITY;
            return Some(if unknown { *count } else { rank + (count - rank) * (v - lower) / (upper - lower) });
        }
        (rank, lower) = (*count, *upper);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn of(lower: f64, upper: f64, buckets: &[(f64, f64)]) -> f64 {
        bucket_fraction(lower, upper, &mut buckets.to_vec())
    }

    #[test]
    fn values_between_bounds_are_interpolated() {
        let b = [(1.0, 10.0), (3.0, 30.0), (INF, 40.0)];
        assert_eq!(of(0.5, 2.0, &b), (20.0 - 5.0) / 40.0);
        assert_eq!(of(-INF, 3.0, &b), 0.75);
        assert_eq!(of(3.0, INF, &b), 0.25);
        assert_eq!(of(4.0, 5.0, &b), 0.0, "where in the last bucket they are is not known");
        assert_eq!(of(2.0, 2.0, &b), 0.0);
        assert!(of(0.0, 1.0, &b[..2]).is_nan() && of(f64::NAN, 1.0, &b).is_nan());
        assert_eq!(of(-2.0, 0.0, &[(-1.0, 10.0), (1.0, 20.0), (INF, 20.0)]), (15.0 - 10.0) / 20.0);
    }
}

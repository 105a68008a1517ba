//! Quantiles and fractions of a native histogram.
//!
//! # Semantics (Prometheus promql/quantile.go, `HistogramQuantile`, `HistogramFraction`)
//! Within a bucket observations are taken to be spread evenly: on a logarithmic scale in exponential buckets, linearly in
//! custom ones and in the zero bucket. A zero bucket beside buckets of one sign only is taken to end at zero. NaN
//! observations are in no bucket: they count, above all others.

use bellwether_model::Histogram;
use bellwether_model::histogram::Bucket;

/// The quantile `q`.
pub fn quantile(q: f64, h: &Histogram) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if h.count == 0.0 || q.is_nan() {
        return f64::NAN;
    }
    // From the nearer end; from below where NaN observations hide above.
    let from_below = h.sum.is_nan() || q < 0.5;
    let rank = if from_below { q * h.count } else { (1.0 - q) * h.count };
    let (bucket, mut count) =
        if from_below { reach(h.all_buckets(), rank) } else { reach(h.all_buckets().rev(), rank) };
    let mut bucket =
        bucket.unwrap_or(Bucket { lower: 0.0, upper: 0.0, lower_inclusive: false, upper_inclusive: false, count: 0.0 });
    if h.is_custom() {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return bucket.upper;
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return bucket.lower;
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        end_at_zero(h, &mut bucket);
    }
    count = f64::min(count, h.count);
    if count < rank {
        return if h.sum.is_nan() { f64::NAN } else { bucket.upper };
    }
    let within = if from_below { rank - (count - bucket.count) } else { count - rank };
    let fraction = within / bucket.count;
    if h.is_custom() || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    if bucket.lower > 0.0 {
        (lower + (upper - lower) * fraction).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - fraction)).exp2()
    }
}

/// Whether there are observations in no bucket.
pub fn has_nan(h: &Histogram) -> bool {
    h.sum.is_nan() && h.all_buckets().map(|b| b.count).sum::<f64>() < h.count
}

/// The bucket in which the count reaches the rank, or the last one; and the count up to it.
fn reach(buckets: impl Iterator<Item = Bucket>, rank: f64) -> (Option<Bucket>, f64) {
    let (mut found, mut count) = (None, 0.0);
    for bucket in buckets {
        found = Some(bucket);
        count += bucket.count;
        if bucket.count != 0.0 && count >= rank {
            break;
        }
    }
    (found, count)
}

/// A zero bucket beside buckets of one sign only ends at zero.
fn end_at_zero(h: &Histogram, zero: &mut Bucket) {
    match (h.negative.is_empty(), h.positive.is_empty()) {
        (true, false) => zero.lower = 0.0,
        (false, true) => zero.upper = 0.0,
        _ => {}
    }
}

/// The fraction of observations between two values.
pub fn fraction(lower: f64, upper: f64, h: &Histogram) -> f64 {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let in_buckets = || h.all_buckets().map(|b| b.count).sum::<f64>();
    let all = if h.sum.is_nan() { in_buckets() } else { h.count };
    let below = |v: f64| f64::min(rank_of(h, v).unwrap_or(all), all);
    (below(upper) - below(lower)) / h.count
}

/// Observations below a value; `None` where that is past all buckets.
fn rank_of(h: &Histogram, v: f64) -> Option<f64> {
    let mut rank = 0.0;
    for mut b in h.all_buckets() {
        let zero = !h.is_custom() && b.lower <= 0.0 && b.upper >= 0.0;
        if zero {
            end_at_zero(h, &mut b);
        } else if h.is_custom() && b.lower == f64::NEG_INFINITY && b.upper > 0.0 {
            // As for classic buckets.
            b.lower = 0.0;
        }
        if b.lower >= v {
            return Some(rank);
        }
        if b.upper > v {
            // Of a bucket without a lower bound nothing is known but its count.
            let infinite = b.lower == f64::NEG_INFINITY;
            return Some(if infinite { b.count } else { rank + b.count * b.fraction_below(v, h.is_custom() || zero) });
        }
        rank += b.count;
    }
    None
}

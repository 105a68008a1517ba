//! `histogram_quantile` over classic buckets: one group's `le` rows become one row.
//!
//! # Semantics (Prometheus promql/quantile.go, `BucketQuantile`)
//! Buckets present at a step, by upper bound; equal bounds are summed. Without a +Inf bucket, with fewer than two
//! buckets, or without observations the result is NaN. Counts are made monotonic: differences below 1e-12 (relative) are
//! taken for rounding, decreases are levelled. Linear interpolation inside a bucket; the lowest begins at 0 unless its
//! bound is not positive; in the +Inf bucket the result is the highest finite bound. `q` below 0 gives -Inf, above 1
//! +Inf, NaN gives NaN. A step without any bucket is absent.
//!
//! # State
//! Where all buckets are present at 64 steps and need no correction, the steps run over lanes; others one by one.

mod fraction;
mod le;

pub use le::parse_le;

use bellwether_model::block::{full_word, ones};
use bellwether_model::{Block, Row, RowMut};

/// Relative difference of two counts that is taken for rounding.
const TOLERANCE: f64 = 1e-12;

/// Memory that calls reuse.
#[derive(Debug, Default)]
pub struct HistogramScratch {
    /// (bound, count) of one step.
    buckets: Vec<(f64, f64)>,
    /// Steps of the last call whose counts fell, and by how much.
    pub corrections: Vec<(usize, Correction)>,
}

/// Counts that fell and were levelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correction {
    /// The least bound whose count fell.
    pub least: f64,
    /// The greatest one.
    pub most: f64,
    /// The greatest fall.
    pub difference: f64,
}

/// Computes the quantile `q` at each step; overwrites `out`. `bounds` are the upper bounds of the rows of `buckets`,
/// ascending.
pub fn histogram_quantile(
    q: Row<'_>,
    bounds: &[f64],
    buckets: &Block,
    scratch: &mut HistogramScratch,
    out: RowMut<'_>,
) {
    scratch.corrections.clear();
    let steps = out.values.len();
    let n = bounds.len().min(buckets.rows());
    let plain = n >= 2 && bounds[n - 1] == f64::INFINITY && bounds[..n].windows(2).all(|w| w[0] < w[1]);
    for (w, word) in out.bits.iter_mut().enumerate() {
        let full = full_word(steps, w);
        let (any, all) = (0..n).fold((0, full), |(any, all), i| {
            let bits = buckets.row(i).bits[w];
            (any | bits, all & bits)
        });
        *word = any & q.bits[w];
        let mut single = *word;
        if plain && all == full {
            let at = w * 64..steps.min(w * 64 + 64);
            single &= over_lanes(&q.values[at.clone()], &bounds[..n], buckets, at.start, &mut out.values[at]);
        }
        for step in ones(&[single]).map(|i| w * 64 + i) {
            scratch.buckets.clear();
            let present = |i: usize| buckets.row(i).get(step).map(|count| (bounds[i], count));
            scratch.buckets.extend((0..n).filter_map(present));
            let (value, correction) = corrected_quantile(q.values[step], &mut scratch.buckets);
            out.values[step] = value;
            scratch.corrections.extend(correction.map(|c| (step, c)));
        }
    }
}

/// Computes the fraction of observations between `lower` and `upper` at each step; overwrites `out`.
pub fn histogram_fraction(
    lower: Row<'_>,
    upper: Row<'_>,
    bounds: &[f64],
    buckets: &Block,
    scratch: &mut HistogramScratch,
    mut out: RowMut<'_>,
) {
    out.bits.fill(0);
    let n = bounds.len().min(buckets.rows());
    for step in 0..out.values.len() {
        let (Some(lower), Some(upper)) = (lower.get(step), upper.get(step)) else { continue };
        let present = |i: usize| buckets.row(i).get(step).map(|count| (bounds[i], count));
        scratch.buckets.clear();
        scratch.buckets.extend((0..n).filter_map(present));
        if !scratch.buckets.is_empty() {
            out.set(step, fraction::bucket_fraction(lower, upper, &mut scratch.buckets));
        }
    }
}

/// Computes up to 64 steps whose buckets are all present; returns the steps that it left out because they need a
/// correction or a rule for special values.
fn over_lanes(q: &[f64], bounds: &[f64], buckets: &Block, first: usize, out: &mut [f64]) -> u64 {
    let (n, lanes) = (bounds.len(), out.len());
    let count = |i: usize| &buckets.row(i).values[first..first + lanes];
    let mut odd = [false; 64];
    let total = count(n - 1);
    for ((odd, q), total) in odd.iter_mut().zip(q).zip(total) {
        *odd = !((*q >= 0.0) & (*q <= 1.0) & (*total > 0.0) & (*total <= f64::MAX));
    }
    for i in 1..n {
        for ((odd, before), count) in odd.iter_mut().zip(count(i - 1)).zip(count(i)) {
            // A clear increase, or none. Twice the tolerance, so that rounding here can't hide a correction.
            let clear = (count - before > (count.abs() + before.abs()) * (2.0 * TOLERANCE)) & (*count > 1e-290);
            *odd |= !(clear | (count == before));
        }
    }
    // The first bucket whose count reaches the rank: as counts ascend, the number of those that don't.
    let mut bucket = [0u32; 64];
    for i in 0..n - 1 {
        for (((bucket, q), total), count) in bucket.iter_mut().zip(q).zip(total).zip(count(i)) {
            *bucket += u32::from(*count < q * total);
        }
    }
    let mut left = 0;
    for lane in 0..lanes {
        if odd[lane] {
            left |= 1 << lane;
            continue;
        }
        let b = bucket[lane] as usize;
        out[lane] = interpolate(b, q[lane] * total[lane], bounds, |i| buckets.row(i).values[first + lane]);
    }
    left
}

/// The quantile of rank `rank` in bucket `b`.
#[inline(always)]
fn interpolate(b: usize, rank: f64, bounds: &[f64], count: impl Fn(usize) -> f64) -> f64 {
    if b == bounds.len() - 1 {
        return bounds[bounds.len() - 2];
    }
    if b == 0 {
        return if bounds[0] <= 0.0 { bounds[0] } else { bounds[0] * (rank / count(0)) };
    }
    let before = count(b - 1);
    bounds[b - 1] + (bounds[b] - bounds[b - 1]) * ((rank - before) / (count(b) - before))
}

/// Prometheus's own way, for one step; `buckets` ascend by bound and are changed.
pub fn bucket_quantile(q: f64, buckets: &mut Vec<(f64, f64)>) -> f64 {
    corrected_quantile(q, buckets).0
}

fn corrected_quantile(q: f64, buckets: &mut Vec<(f64, f64)>) -> (f64, Option<Correction>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if buckets.last().is_none_or(|b| b.0 != f64::INFINITY) {
        return (f64::NAN, None);
    }
    coalesce(buckets);
    let correction = make_monotonic(buckets);
    (quantile_of_monotonic(q, buckets), correction)
}

fn quantile_of_monotonic(q: f64, buckets: &[(f64, f64)]) -> f64 {
    let n = buckets.len();
    let observations = buckets[n - 1].1;
    if n < 2 || observations == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * observations;
    // Go's binary search, whose answer for NaN counts is its own.
    let b = search(n - 1, |i| buckets[i].1 >= rank);
    if b == n - 1 {
        return buckets[n - 2].0;
    }
    if b == 0 && buckets[0].0 <= 0.0 {
        return buckets[0].0;
    }
    let (mut start, end, mut count) = (0.0, buckets[b].0, buckets[b].1);
    if b > 0 {
        start = buckets[b - 1].0;
        count -= buckets[b - 1].1;
        rank -= buckets[b - 1].1;
    }
    start + (end - start) * (rank / count)
}

/// The least index in `0..n` with `holds`, by halving; `n` if there is none.
fn search(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = (low + high) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

fn coalesce(buckets: &mut Vec<(f64, f64)>) {
    buckets.dedup_by(|later, kept| {
        let equal = later.0 == kept.0;
        if equal {
            kept.1 += later.1;
        }
        equal
    });
}

/// Levels what falls; what falls by more than rounding is told.
fn make_monotonic(buckets: &mut [(f64, f64)]) -> Option<Correction> {
    let (first, rest) = buckets.split_first_mut()?;
    let mut before = first.1;
    let mut correction: Option<Correction> = None;
    for bucket in rest {
        let count = bucket.1;
        if count == before {
            continue;
        }
        if almost_equal(before, count) {
            bucket.1 = before;
        } else if count < before {
            bucket.1 = before;
            let (bound, difference) = (bucket.0, before - count);
            let c = correction.get_or_insert(Correction { least: bound, most: bound, difference });
            (c.least, c.most, c.difference) = (c.least.min(bound), c.most.max(bound), c.difference.max(difference));
        } else {
            before = count;
        }
    }
    correction
}

/// Prometheus util/almost; two NaN are equal, the stale marker does not occur.
fn almost_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn q(q: f64, buckets: &[(f64, f64)]) -> f64 {
        bucket_quantile(q, &mut buckets.to_vec())
    }

    const INF: f64 = f64::INFINITY;

    /// Prometheus's histograms.test, `testhistogram_bucket`.
    #[test]
    fn quantiles_are_prometheus_s() {
        let positive = [(0.1, 50.0), (0.2, 70.0), (1.0, 110.0), (INF, 120.0)];
        assert_eq!(q(0.0, &positive), 0.0);
        assert!((q(0.5, &positive) - 0.15).abs() < 1e-12);
        assert!((q(0.8, &positive) - 0.72).abs() < 1e-12);
        assert_eq!(q(1.0, &positive), 1.0);
        assert_eq!([q(-0.1, &positive), q(1.01, &positive)], [-INF, INF]);
        let negative = [(-0.2, 10.0), (-0.1, 20.0), (0.3, 20.0), (INF, 20.0)];
        assert!((q(0.2, &negative) + 0.2).abs() < 1e-12);
        assert!((q(0.75, &negative) + 0.15).abs() < 1e-12);
    }

    #[test]
    fn special_cases_are_nan() {
        assert!(q(0.5, &[(INF, 10.0)]).is_nan(), "one bucket");
        assert!(q(0.5, &[(0.1, 1.0), (0.2, 2.0)]).is_nan(), "no +Inf");
        assert!(q(0.5, &[(0.1, 0.0), (INF, 0.0)]).is_nan(), "no observations");
        assert!(q(f64::NAN, &[(0.1, 1.0), (INF, 2.0)]).is_nan());
        assert!(q(0.5, &[]).is_nan());
        assert_eq!(q(0.99, &[(0.1, 5.0), (INF, 0.0)]), 0.1 * (0.99 * 5.0 / 5.0), "+Inf is levelled up");
    }

    #[test]
    fn small_differences_are_rounding() {
        let mut b = vec![(1.0, 1.0), (2.0, 1.0 - 1e-13), (3.0, 1.0 + 1e-13), (4.0, 0.5), (INF, 2.0)];
        let correction = Some(Correction { least: 4.0, most: 4.0, difference: 0.5 });
        assert_eq!(make_monotonic(&mut b), correction, "rounding is not told");
        assert_eq!(b.iter().map(|x| x.1).collect::<Vec<_>>(), [1.0, 1.0, 1.0, 1.0, 2.0]);
        coalesce(&mut b);
        assert_eq!(b.len(), 5);
        let mut b = vec![(1.0, 1.0), (1.0, 2.0), (INF, 3.0)];
        coalesce(&mut b);
        assert_eq!(b, [(1.0, 3.0), (INF, 3.0)]);
    }

    proptest! {
        /// Lanes and the single way agree to the bit, whatever the counts are.
        #[test]
        fn lanes_change_no_bit(
            bounds in prop::collection::btree_set(-3i8..20, 1..8),
            infinite in prop::bool::weighted(0.9),
            twice in prop::bool::weighted(0.1),
            counts in prop::collection::vec((0u8..12, 0.0..9.0f64), 1200),
            steps in 1usize..150,
            gaps in prop::bool::weighted(0.3),
            level in prop_oneof![Just(0.9), -0.2..1.2f64, Just(f64::NAN)],
        ) {
            let mut bounds: Vec<f64> = bounds.into_iter().map(|b| f64::from(b) / 4.0).collect();
            if twice { bounds.insert(0, bounds[0]) }
            if infinite { bounds.push(INF) }
            let mut b = Block::with_rows(bounds.len() + 2, steps);
            let mut counts = counts.into_iter().cycle();
            for s in 0..steps {
                let mut total: f64 = 0.0;
                for i in 0..bounds.len() {
                    let Some((kind, x)) = counts.next() else { break };
                    match kind {
                        0 if gaps => continue,
                        1 => {}
                        2 => total += x * 1e-13,
                        3 => total -= x / 10.0,
                        4 if gaps => total = f64::NAN,
                        _ => total += x.floor(),
                    }
                    b.row_mut(i).set(s, total);
                }
                b.row_mut(bounds.len()).set(s, level);
            }
            let rows = b.clone();
            let mut scratch = HistogramScratch::default();
            histogram_quantile(rows.row(bounds.len()), &bounds, &rows, &mut scratch, b.row_mut(bounds.len() + 1));
            for s in 0..steps {
                let mut present: Vec<(f64, f64)> =
                    (0..bounds.len()).filter_map(|i| Some((bounds[i], rows.row(i).get(s)?))).collect();
                let want = (!present.is_empty()).then(|| bucket_quantile(level, &mut present));
                let got = b.row(bounds.len() + 1).get(s);
                let bits = |v: Option<f64>| v.map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() });
                prop_assert_eq!(bits(got), bits(want), "{:?} {:?} at {}", got, want, s);
            }
        }
    }
}

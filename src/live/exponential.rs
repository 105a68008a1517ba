//! Durations in buckets that grow by a fixed factor: the buckets of a native histogram.
//!
//! # Semantics (Prometheus, specification of native histograms)
//! Of schema 3, bucket `i` holds what lies in `(2^((i-1)/8), 2^(i/8)]` seconds: a bound is 9.05 % above the one before. Whole ms
//! up to 48 days have their buckets, all that is longer is in the last one; 0 is in the zero bucket.
//!
//! # State
//! 256 buckets, whatever is recorded.

use bellwether_model::Histogram;
use bellwether_model::histogram::Buckets;

/// How fine the buckets are.
const SCHEMA: i8 = 3;

/// Bounds a power of two: 2 to the schema.
const A_POWER: i32 = 8;

/// What is no further from 0 is in the zero bucket, s: 2^-128, as Prometheus's own libraries have it.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// The bucket of 1 ms.
const FIRST: i32 = -79;

/// The bucket that ends at 2^22 s.
const LAST: i32 = 22 * A_POWER;

const BUCKETS: usize = (LAST - FIRST + 1) as usize;

/// Durations by bucket.
#[derive(Clone, Debug)]
pub struct Exponential {
    zero: u64,
    counts: [u64; BUCKETS],
}

impl Default for Exponential {
    fn default() -> Self {
        Self { zero: 0, counts: [0; BUCKETS] }
    }
}

/// Upper bound of a bucket, s.
fn upper(index: i32) -> f64 {
    let part = f64::from(index.rem_euclid(A_POWER)) / f64::from(A_POWER);
    2f64.powi(index.div_euclid(A_POWER)) * 2f64.powf(part)
}

/// The bucket of a duration of at least 1 ms.
fn bucket(ms: u64) -> i32 {
    let seconds = ms as f64 / 1_000.0;
    let mut index = (seconds.log2() * f64::from(A_POWER)).ceil() as i32;
    // A logarithm may be off in its last bit, which decides at a bound.
    if upper(index - 1) >= seconds {
        index -= 1;
    } else if upper(index) < seconds {
        index += 1;
    }
    index.clamp(FIRST, LAST)
}

impl Exponential {
    /// Counts a duration, ms.
    pub fn record(&mut self, ms: u64) {
        match ms {
            0 => self.zero += 1,
            _ => self.counts[(bucket(ms) - FIRST) as usize] += 1,
        }
    }

    /// Leaves what was recorded since `earlier`.
    pub fn subtract(&mut self, earlier: &Self) {
        self.zero = self.zero.saturating_sub(earlier.zero);
        self.counts.iter_mut().zip(&earlier.counts).for_each(|(now, then)| *now = now.saturating_sub(*then));
    }

    /// As a native histogram without a sum.
    pub fn histogram(&self) -> Histogram {
        let mut positive = Buckets::default();
        for (index, count) in (FIRST..).zip(&self.counts).filter(|(_, count)| **count > 0) {
            positive.push(index, *count as f64);
        }
        let count = (self.zero + self.counts.iter().sum::<u64>()) as f64;
        let (schema, zero_threshold, zero_count) = (SCHEMA, ZERO_THRESHOLD, self.zero as f64);
        Histogram { schema, zero_threshold, zero_count, count, positive, ..Histogram::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_operators::native::quantile;

    /// Durations of every magnitude, ms; bounds that whole ms can stand on are among them.
    fn durations() -> Vec<u64> {
        let grown = (0..).map(|i| 1.037f64.powi(i) as u64).take_while(|ms| *ms < 1_000 << 22);
        let on_bounds = (0..23).map(|power| 1_000 << power).chain([125, 250, 500, 0, 0]);
        (1..3_000).chain(grown).chain(on_bounds).collect()
    }

    #[test]
    fn every_duration_is_in_its_bucket_and_in_no_other() {
        let all = durations();
        let mut counted = Exponential::default();
        all.iter().for_each(|ms| counted.record(*ms));
        let histogram = counted.histogram();
        let buckets: Vec<_> = histogram.positive_buckets().collect();
        assert!(buckets.len() > 200, "{}", buckets.len());
        for bucket in &buckets {
            let inside = |ms: &&u64| bucket.lower < **ms as f64 / 1_000.0 && **ms as f64 / 1_000.0 <= bucket.upper;
            assert_eq!(bucket.count, all.iter().filter(inside).count() as f64, "({}, {}]", bucket.lower, bucket.upper);
            assert!((bucket.upper / bucket.lower - 2f64.powf(0.125)).abs() < 1e-12);
        }
        let inside: f64 = buckets.iter().map(|bucket| bucket.count).sum();
        assert_eq!((histogram.zero_count, inside + 2.0), (2.0, all.len() as f64));
        assert_eq!((histogram.count, histogram.zero_threshold), (all.len() as f64, 2f64.powi(-128)));
    }

    #[test]
    fn what_is_too_long_is_in_the_last_bucket() {
        let mut counted = Exponential::default();
        [1 << 40, u64::MAX].into_iter().for_each(|ms| counted.record(ms));
        let uppers: Vec<f64> = counted.histogram().positive_buckets().map(|bucket| bucket.upper).collect();
        assert_eq!((uppers, counted.histogram().count), (vec![f64::from(1 << 22)], 2.0));
    }

    #[test]
    fn quantiles_are_off_by_less_than_a_bucket() {
        let mut all = durations();
        all.sort_unstable();
        let mut counted = Exponential::default();
        all.iter().for_each(|ms| counted.record(*ms));
        for q in [0.1, 0.5, 0.9, 0.99, 1.0] {
            let exact = all[((all.len() as f64 * q).ceil() as usize).max(1) - 1] as f64 / 1_000.0;
            let estimate = quantile(q, &counted.histogram());
            assert!((estimate / exact).log2().abs() <= 0.125 + 1e-9, "{q}: {estimate} {exact}");
        }
    }
}

//! Buckets with their bounds.

use super::{Histogram, bound};

/// A bucket with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether the lower bound belongs to it.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to it.
    pub upper_inclusive: bool,
    /// Observations.
    pub count: f64,
}

impl Bucket {
    /// The share of its width up to `v`, which lies inside its finite bounds: linear for custom and zero buckets, on a
    /// logarithmic scale for exponential ones.
    pub fn fraction_below(&self, v: f64, linear: bool) -> f64 {
        if linear {
            return (v - self.lower) / (self.upper - self.lower);
        }
        let [lower, upper, at] = [self.lower, self.upper, v].map(|x| x.abs().log2());
        if v > 0.0 { (at - lower) / (upper - lower) } else { 1.0 - (at - upper) / (lower - upper) }
    }
}

impl Histogram {
    fn bound(&self, index: i32) -> f64 {
        bound::upper(index, self.schema, &self.custom_values)
    }

    fn bucket(&self, index: i32, count: f64, lower: f64, upper: f64) -> Bucket {
        let custom = self.is_custom();
        Bucket {
            lower,
            upper,
            lower_inclusive: if custom { index == 0 } else { lower < 0.0 },
            upper_inclusive: custom || upper > 0.0,
            count,
        }
    }

    /// Positive buckets in ascending order, empty ones of the layout included.
    pub fn positive_buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        self.positive
            .iter()
            .map(|(index, count)| self.bucket(index, count, self.bound(index.saturating_sub(1)), self.bound(index)))
    }

    /// Negative buckets from zero downwards.
    pub fn negative_buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        self.negative
            .iter()
            .map(|(index, count)| self.bucket(index, count, -self.bound(index), -self.bound(index.saturating_sub(1))))
    }

    /// The zero bucket.
    pub fn zero_bucket(&self) -> Bucket {
        let (lower, upper) = (-self.zero_threshold, self.zero_threshold);
        Bucket { lower, upper, lower_inclusive: true, upper_inclusive: true, count: self.zero_count }
    }

    /// All buckets in ascending order: those that reach into the zero bucket end at its threshold; the zero bucket is
    /// there if it is populated.
    pub fn all_buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        let threshold = self.zero_threshold;
        let clip = move |mut b: Bucket| {
            if b.upper < 0.0 && b.upper > -threshold {
                b.upper = -threshold;
            } else if b.lower > 0.0 && b.lower < threshold {
                b.lower = threshold;
            }
            b
        };
        let zero = (self.zero_count > 0.0).then(|| self.zero_bucket());
        self.negative_buckets().rev().map(clip).chain(zero).chain(self.positive_buckets().map(clip))
    }
}

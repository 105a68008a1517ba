//! Durations, counted by size: enough for quantiles, for a classic histogram and for a native one.

use super::exponential::Exponential;
use bellwether_model::Histogram;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Upper bounds, ms: close together up to a quarter of a second, and behind the usual latenesses of 2 and 10 s, on which the
/// delays of decisions stand.
pub const BOUNDS_MS: [u64; 29] = [
    1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 250, 350, 500, 1_000, 1_500, 2_000, 2_200, 2_350, 2_500, 3_000, 5_000,
    10_000, 10_200, 10_350, 10_500, 11_000, 15_000, 60_000,
];

/// What was recorded.
#[derive(Clone, Debug, Default)]
struct Counts {
    by_bound: [u64; BOUNDS_MS.len() + 1],
    exponential: Exponential,
    sum_ms: u64,
}

/// A histogram of durations in ms. Whoever reads it while others record sees all of a duration or nothing.
#[derive(Debug, Default)]
pub struct Latency(Mutex<Counts>);

impl Latency {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a duration, ms; negative ones as 0.
    pub fn record(&self, ms: i64) {
        let ms = u64::try_from(ms).unwrap_or(0);
        let mut counts = self.counts();
        counts.by_bound[BOUNDS_MS.partition_point(|bound| *bound < ms)] += 1;
        counts.exponential.record(ms);
        counts.sum_ms = counts.sum_ms.saturating_add(ms);
    }

    /// What was recorded since `earlier`, which is what there was then: `since(&Latency::default())` of that moment.
    pub fn since(&self, earlier: &Self) -> Self {
        let (mut new, then) = (self.counts().clone(), earlier.counts().clone());
        new.by_bound.iter_mut().zip(then.by_bound).for_each(|(new, then)| *new = new.saturating_sub(then));
        new.exponential.subtract(&then.exponential);
        new.sum_ms = new.sum_ms.saturating_sub(then.sum_ms);
        Self(Mutex::new(new))
    }

    /// (upper bound in ms, durations up to it), and of all: how many and their sum in ms.
    pub fn cumulative(&self) -> (Vec<(u64, u64)>, u64, u64) {
        let counts = self.counts();
        let mut total = 0;
        let mut upto = Vec::with_capacity(BOUNDS_MS.len());
        for (bound, count) in BOUNDS_MS.iter().zip(&counts.by_bound) {
            total += count;
            upto.push((*bound, total));
        }
        total += counts.by_bound[BOUNDS_MS.len()];
        (upto, total, counts.sum_ms)
    }

    /// The same as a native histogram, in seconds.
    pub fn native(&self) -> Histogram {
        let counts = self.counts();
        Histogram { sum: counts.sum_ms as f64 / 1_000.0, ..counts.exponential.histogram() }
    }

    /// The bound below which a share of the durations lies, ms; `None` without any.
    pub fn quantile_ms(&self, q: f64) -> Option<u64> {
        let (upto, total, _) = self.cumulative();
        let rank = (total as f64 * q).ceil().max(1.0) as u64;
        (total > 0).then(|| upto.iter().find(|(_, n)| *n >= rank).map_or(u64::MAX, |(bound, _)| *bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_upper_bounds() {
        let latency = Latency::default();
        assert_eq!(latency.quantile_ms(0.5), None);
        [-5, 3, 3, 40, 700_000].into_iter().for_each(|ms| latency.record(ms));
        assert_eq!([0.2, 0.6, 0.8, 1.0].map(|q| latency.quantile_ms(q)), [Some(1), Some(5), Some(50), Some(u64::MAX)]);
        let earlier = latency.since(&Latency::default());
        latency.record(40);
        let later = latency.since(&earlier);
        assert_eq!((later.quantile_ms(0.01), later.cumulative().1, later.cumulative().2), (Some(50), 1, 40));
        assert_eq!((later.native().count, later.native().sum, later.native().positive.len()), (1.0, 0.04, 1));
        let (upto, total, sum) = earlier.cumulative();
        assert_eq!((upto[0], total, sum), ((1, 1), 5, 700_046));
        let native = earlier.native();
        assert_eq!((native.count, native.zero_count, native.sum), (5.0, 1.0, 700.046));
    }
}

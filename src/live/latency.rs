//! Durations, counted by size: enough for quantiles and for a classic histogram.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds, ms: close together up to a quarter of a second, and behind the usual latenesses of 2 and 10 s, on which the
/// delays of decisions stand.
pub const BOUNDS_MS: [u64; 29] = [
    1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 250, 350, 500, 1_000, 1_500, 2_000, 2_200, 2_350, 2_500, 3_000, 5_000,
    10_000, 10_200, 10_350, 10_500, 11_000, 15_000, 60_000,
];

/// A histogram of durations in ms.
#[derive(Debug, Default)]
pub struct Latency {
    counts: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Latency {
    /// Counts a duration, ms; negative ones as 0.
    pub fn record(&self, ms: i64) {
        let ms = u64::try_from(ms).unwrap_or(0);
        let at = BOUNDS_MS.partition_point(|bound| *bound < ms);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.sum_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// What was recorded since `earlier`, which is what there was then: `since(&Latency::default())` of that moment.
    pub fn since(&self, earlier: &Self) -> Self {
        let new = |now: &AtomicU64, then: &AtomicU64| {
            AtomicU64::new(now.load(Ordering::Relaxed).saturating_sub(then.load(Ordering::Relaxed)))
        };
        let counts = std::array::from_fn(|i| new(&self.counts[i], &earlier.counts[i]));
        Self { counts, sum_ms: new(&self.sum_ms, &earlier.sum_ms) }
    }

    /// (upper bound in ms, durations up to it), and of all: how many and their sum in ms.
    pub fn cumulative(&self) -> (Vec<(u64, u64)>, u64, u64) {
        let mut total = 0;
        let mut upto = Vec::with_capacity(BOUNDS_MS.len());
        for (bound, count) in BOUNDS_MS.iter().zip(&self.counts) {
            total += count.load(Ordering::Relaxed);
            upto.push((*bound, total));
        }
        total += self.counts[BOUNDS_MS.len()].load(Ordering::Relaxed);
        (upto, total, self.sum_ms.load(Ordering::Relaxed))
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
        let (upto, total, sum) = earlier.cumulative();
        assert_eq!((upto[0], total, sum), ((1, 1), 5, 700_046));
    }
}

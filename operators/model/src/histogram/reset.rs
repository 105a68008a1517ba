//! Whether a counter was reset between two histograms.
//!
//! # Semantics (Prometheus model/histogram, `DetectReset`)
//! A hint decides where there is one. Else a count that fell, a populated bucket that is gone, a finer resolution or a
//! narrower zero bucket tell of a reset; a coarser resolution or a wider zero bucket do not by themselves, unless the
//! wider one ends within a bucket that was populated before.

use super::accumulate::Sum;
use super::{Accumulator, Hint, Histogram, bound};

impl Histogram {
    /// Whether the counter was reset after `previous`.
    pub fn detect_reset(&self, previous: &Self) -> bool {
        match self.hint {
            Hint::Reset => return true,
            Hint::NotReset => return false,
            // Gauges are treated as counters where a function for counters is applied to them.
            Hint::Unknown | Hint::Gauge => {}
        }
        if self.count < previous.count || (self.is_custom() && !previous.is_custom()) {
            return true;
        }
        let (mut now, mut before) = (Accumulator::of(self, false), Accumulator::of(previous, false));
        if self.is_custom() {
            now.reconcile_bounds(&mut before);
            return fell(&now.positive, &before.positive);
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        if self.zero_threshold > previous.zero_threshold {
            before.grow_zero(self.zero_threshold);
        }
        if before.zero_threshold != self.zero_threshold || self.zero_count < before.zero.sum {
            return true;
        }
        before.reduce(self.schema);
        // Buckets within the zero bucket are no counters of their own.
        for side in [&mut before.positive, &mut before.negative] {
            side.retain(|(index, _)| bound::exponential(*index, self.schema) > self.zero_threshold);
        }
        fell(&now.positive, &before.positive) || fell(&now.negative, &before.negative)
    }
}

/// Whether any bucket has less than before; one that is gone has nothing.
fn fell(now: &[(i32, Sum)], before: &[(i32, Sum)]) -> bool {
    let mut at = 0;
    before.iter().any(|(index, count)| {
        while now.get(at).is_some_and(|(i, _)| i < index) {
            at += 1;
        }
        let held = now.get(at).filter(|(i, _)| i == index).map(|(_, c)| c.sum);
        held.map_or(count.sum != 0.0, |held| held < count.sum)
    })
}

//! Instant selection: the newest sample of a series at each instant.
//!
//! # Semantics (Prometheus promql/engine.go, `vectorSelectorSingle`)
//! At `t` the newest sample in `(t - offset - lookback, t - offset]`; nothing if that sample is a stale marker.
//! [`timestamp`] gives the sample's time in seconds instead of its value.

use crate::samples::Samples;
use bellwether_model::block::{full_word, words};
use bellwether_model::{RowMut, StepRange, is_stale};

/// The newest value at each step; overwrites `out`. With a mask only its steps are set.
pub fn instant(
    samples: Samples<'_>,
    steps: StepRange,
    offset_ms: i64,
    lookback_ms: i64,
    mask: Option<&[u64]>,
    out: RowMut<'_>,
) {
    select::<false>(samples, steps, offset_ms, lookback_ms, mask, out);
}

/// The newest sample's time at each step, in seconds; overwrites `out`.
pub fn timestamp(
    samples: Samples<'_>,
    steps: StepRange,
    offset_ms: i64,
    lookback_ms: i64,
    mask: Option<&[u64]>,
    out: RowMut<'_>,
) {
    select::<true>(samples, steps, offset_ms, lookback_ms, mask, out);
}

fn select<const STAMP: bool>(
    samples: Samples<'_>,
    steps: StepRange,
    offset_ms: i64,
    lookback_ms: i64,
    mask: Option<&[u64]>,
    mut out: RowMut<'_>,
) {
    out.bits.fill(0);
    let Some(last_ms) = steps.last_ms() else { return };
    let first_end_ms = steps.first_ms.saturating_sub(offset_ms);
    let near = samples.between(first_end_ms.saturating_sub(lookback_ms), last_ms.saturating_sub(offset_ms));
    if near.is_empty() {
        return;
    }
    let walk =
        Walk { near, first_end: first_end_ms - near.base_ms, interval: steps.interval_ms, lookback: lookback_ms };
    let mut from = 0;
    if !STAMP && steps.count > 8 {
        from = walk.copy_even(&mut out);
    }
    walk.rest::<STAMP>(from, steps.count, &mut out);
    if let Some(mask) = mask {
        out.bits.iter_mut().zip(mask).for_each(|(b, m)| *b &= m);
    }
}

struct Walk<'a> {
    near: Samples<'a>,
    /// Where the first step looks, ms after the base.
    first_end: i64,
    interval: i64,
    lookback: i64,
}

impl Walk<'_> {
    /// Of a series whose period is the interval, the steps up to its last sample are a copy; returns how many they are.
    fn copy_even(&self, out: &mut RowMut<'_>) -> usize {
        if self.near.period_ms() != Some(self.interval) {
            return 0;
        }
        let age = self.first_end - i64::from(self.near.stamps[0]);
        // The first step may see nothing yet, or begin past the first sample of a lookback of several periods.
        let skip = age.div_euclid(self.interval);
        if !(0..self.near.len() as i64).contains(&skip) || age.rem_euclid(self.interval) >= self.lookback {
            return 0;
        }
        let values = &self.near.values[skip as usize..];
        let n = values.len().min(out.values.len());
        out.values[..n].copy_from_slice(&values[..n]);
        for w in 0..words(n) {
            out.bits[w] = full_word(n, w);
        }
        if values[..n].iter().fold(false, |any, v| any | is_stale(*v)) {
            (0..n).filter(|i| is_stale(values[*i])).for_each(|i| out.clear(i));
        }
        n
    }

    fn rest<const STAMP: bool>(&self, from: usize, count: usize, out: &mut RowMut<'_>) {
        let (stamps, mut next) = (self.near.stamps, 0);
        for step in from..count {
            let end = self.first_end + self.interval * step as i64;
            next = advance(stamps, next, end);
            let Some(i) = next.checked_sub(1) else { continue };
            let (at, value) = (i64::from(stamps[i]), self.near.values[i]);
            if at > end - self.lookback && !is_stale(value) {
                out.set(step, if STAMP { (self.near.base_ms + at) as f64 / 1000.0 } else { value });
            }
        }
    }
}

/// The first index from `next` on whose stamp is past `end`: near by steps, far by halving.
#[inline(always)]
pub(crate) fn advance(stamps: &[u32], mut next: usize, end: i64) -> usize {
    let near = (next + 8).min(stamps.len());
    while next < near && i64::from(stamps[next]) <= end {
        next += 1;
    }
    if next == near && next < stamps.len() && i64::from(stamps[next]) <= end {
        next += stamps[next..].partition_point(|s| i64::from(*s) <= end);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use bellwether_model::{Block, stale_nan};
    use proptest::prelude::*;

    fn naive(stamps: &[i64], values: &[f64], t: i64, offset: i64, lookback: i64, stamp: bool) -> Option<f64> {
        let end = t - offset;
        let i = stamps.iter().rposition(|s| *s <= end)?;
        let seen = stamps[i] > end - lookback && !is_stale(values[i]);
        seen.then(|| if stamp { stamps[i] as f64 / 1000.0 } else { values[i] })
    }

    proptest! {
        #[test]
        fn equals_the_naive_loop(
            gaps in prop::collection::vec(1u32..4, 0..80),
            even in any::<bool>(),
            stale in any::<u32>(),
            first in -20i64..60,
            interval in prop::sample::select(vec![1i64, 2, 3, 7]),
            count in 0usize..100,
            offset in -10i64..10,
            lookback in 1i64..12,
            mask in any::<Option<[u64; 2]>>(),
            stamp in any::<bool>(),
        ) {
            let base = 5;
            let stamps: Vec<u32> = gaps.iter().scan(0, |t, g| { *t += if even { 2 } else { *g }; Some(*t) }).collect();
            let value = |i: usize| if stale >> (i % 32) & 1 == 1 && stale % 3 == 0 { stale_nan() } else { i as f64 };
            let values: Vec<f64> = (0..stamps.len()).map(value).collect();
            let full: Vec<i64> = stamps.iter().map(|s| base + i64::from(*s)).collect();
            let steps = StepRange { first_ms: first, interval_ms: interval, count };
            let mut b = Block::with_rows(1, count);
            let kernel = if stamp { timestamp } else { instant };
            let mask = mask.as_ref().map(|m| &m[..words(count)]);
            kernel(Samples { base_ms: base, stamps: &stamps, values: &values }, steps, offset, lookback, mask, b.row_mut(0));
            for s in 0..count {
                let want = naive(&full, &values, steps.at(s), offset, lookback, stamp)
                    .filter(|_| mask.is_none_or(|m| bellwether_model::block::has(m, s)));
                prop_assert_eq!(b.row(0).get(s), want);
            }
        }
    }
}

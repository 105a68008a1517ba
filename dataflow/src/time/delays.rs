//! A lateness that follows the delays seen: how much later than their stamps samples come.
//!
//! # Semantics
//! Of the samples of the last ten minutes all but one in a thousand came within the lateness, with a quarter and half a second to
//! spare, in whole seconds and within bounds. Samples that were later than the upper bound do not count: who re-sends an hour
//! must not have everybody wait. Until a minute has been seen it is what it was before.
//!
//! # State
//! Counts by delay, a minute each. They are not kept: a restart goes on with the lateness of the last binding.

use std::collections::VecDeque;

/// Bounds of a lateness that follows the delays seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoLateness {
    /// It is never shorter, ms.
    pub least_ms: i64,
    /// It is never longer, ms.
    pub most_ms: i64,
}

/// Eight buckets from each power of two to the next.
const PART_BITS: u32 = 3;
const BUCKETS: usize = 32 << PART_BITS;

/// A slot of counts, ms, and how many count.
const SLOT_MS: i64 = 60_000;
const SLOTS: usize = 10;

/// One sample in so many may come later than the lateness.
const LATER: u64 = 1_000;

/// Counts of a minute.
#[derive(Clone, Debug)]
struct Slot {
    begin_ms: i64,
    counts: Box<[u64; BUCKETS]>,
}

/// Counts delays and says how long to wait.
#[derive(Clone, Debug)]
pub struct Delays {
    bounds: AutoLateness,
    slots: VecDeque<Slot>,
    lateness_ms: i64,
}

/// The bucket of a delay of at most 2³² ms.
fn bucket(delay_ms: u64) -> usize {
    let delay = delay_ms.min(u64::from(u32::MAX));
    let top = 63 - (delay | 1).leading_zeros();
    match top.checked_sub(PART_BITS) {
        None => delay as usize,
        Some(shift) => (((shift + 1) << PART_BITS) as usize) + ((delay >> shift) as usize - (1 << PART_BITS)),
    }
}

/// The longest delay of a bucket, ms.
fn upto_ms(bucket: usize) -> i64 {
    let part = 1 << PART_BITS;
    match (bucket / part).checked_sub(1) {
        None => bucket as i64,
        Some(shift) => (((part + bucket % part + 1) as i64) << shift) - 1,
    }
}

impl Delays {
    /// Nothing seen yet.
    pub fn new(bounds: AutoLateness, lateness_ms: i64) -> Self {
        let mut me = Self { bounds, slots: VecDeque::new(), lateness_ms: 0 };
        me.resume(lateness_ms);
        me
    }

    /// Goes on with a lateness.
    pub fn resume(&mut self, lateness_ms: i64) {
        self.lateness_ms = self.within(lateness_ms);
    }

    fn within(&self, lateness_ms: i64) -> i64 {
        lateness_ms.clamp(self.bounds.least_ms, self.bounds.most_ms.max(self.bounds.least_ms))
    }

    /// Samples with these stamps came.
    pub fn seen(&mut self, now_ms: i64, stamps_ms: impl IntoIterator<Item = i64>) {
        let is_new = self.slots.back().is_none_or(|slot| now_ms >= slot.begin_ms.saturating_add(SLOT_MS));
        if is_new {
            self.settle();
            self.slots.push_back(Slot { begin_ms: now_ms, counts: Box::new([0; BUCKETS]) });
            if self.slots.len() > SLOTS {
                self.slots.pop_front();
            }
        }
        let Some(slot) = self.slots.back_mut() else { return };
        for stamp_ms in stamps_ms {
            let delay_ms = now_ms.saturating_sub(stamp_ms).max(0);
            if delay_ms <= self.bounds.most_ms {
                slot.counts[bucket(delay_ms.unsigned_abs())] += 1;
            }
        }
    }

    /// A minute is over.
    fn settle(&mut self) {
        let mut counts = [0u64; BUCKETS];
        self.slots.iter().for_each(|s| counts.iter_mut().zip(s.counts.iter()).for_each(|(all, one)| *all += one));
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return;
        }
        let mut later = total;
        let found = counts.iter().position(|count| {
            later -= count;
            later.saturating_mul(LATER) <= total
        });
        let delay_ms = upto_ms(found.unwrap_or(BUCKETS - 1));
        let wanted_ms = delay_ms.saturating_add(delay_ms / 4).saturating_add(500);
        self.lateness_ms = self.within(wanted_ms.saturating_add(999) / 1_000 * 1_000);
    }

    /// How long to wait, ms.
    pub fn lateness_ms(&self) -> i64 {
        self.lateness_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: AutoLateness = AutoLateness { least_ms: 1_000, most_ms: 60_000 };

    #[test]
    fn buckets_follow_each_other() {
        assert_eq!((bucket(0), upto_ms(0), bucket(7), bucket(8), bucket(u64::MAX)), (0, 0, 7, 8, BUCKETS - 17));
        for delay in (0..5_000).chain([1 << 20, (1 << 31) + 5]) {
            let at = bucket(delay);
            assert!(upto_ms(at) >= delay as i64 && (at == 0 || upto_ms(at - 1) < delay as i64), "{delay} in {at}");
        }
    }

    /// A thousand samples a second with these delays, for some seconds.
    fn run(delays: &mut Delays, seconds: std::ops::Range<i64>, delay_ms: impl Fn(i64) -> i64) {
        for s in seconds {
            let now_ms = s * 1_000;
            delays.seen(now_ms, (0..1_000).map(|i| now_ms - delay_ms(i)));
        }
    }

    #[test]
    fn it_follows_all_but_one_in_a_thousand() {
        let mut delays = Delays::new(BOUNDS, 10_000);
        run(&mut delays, 0..60, |i| if i == 0 { 50_000 } else { 2_000 + i });
        assert_eq!(delays.lateness_ms(), 10_000, "not before a minute is over");
        run(&mut delays, 60..61, |_| 0);
        assert_eq!(delays.lateness_ms(), 5_000, "3 s, a quarter, half a second, rounded up");
        // Two in a thousand come later.
        run(&mut delays, 61..125, |i| if i < 2 { 20_000 } else { 100 });
        assert_eq!(delays.lateness_ms(), 27_000);
        // And no more, for ten minutes.
        run(&mut delays, 125..800, |_| 100);
        assert_eq!(delays.lateness_ms(), 1_000);
    }

    #[test]
    fn who_sends_an_hour_again_has_nobody_wait() {
        let mut delays = Delays::new(BOUNDS, 10_000);
        run(&mut delays, 0..130, |i| if i < 900 { 3_600_000 } else { 1_000 });
        assert_eq!(delays.lateness_ms(), 2_000);
        run(&mut delays, 130..800, |_| 59_000);
        assert_eq!(delays.lateness_ms(), 60_000, "the upper bound");
        // A clock that is ahead is not late.
        run(&mut delays, 800..1_500, |_| -5_000);
        assert_eq!(delays.lateness_ms(), 1_000);
        let silent = delays.lateness_ms();
        delays.seen(9_000_000, []);
        delays.seen(9_100_000, []);
        assert_eq!(delays.lateness_ms(), silent);
    }
}

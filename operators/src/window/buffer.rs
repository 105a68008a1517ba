//! One series' retained samples, in time order: 12 bytes a sample.
//!
//! # State
//! Stamps are `u32` milliseconds after a base (a window may reach back 49.7 days; lowering refuses longer ones), values
//! are `f64`. Dropping old samples advances a start index; the vectors are compacted when more than half is dropped, so
//! that dropping is amortised and memory follows what is retained.

/// The longest distance of two retained stamps, ms.
pub const MAX_SPAN_MS: i64 = u32::MAX as i64;

/// Samples are compacted only when at least this many are dropped: below, a move costs more than the memory.
const COMPACT_AT: usize = 16;

/// Room is added in steps of this many samples instead of doubling, because most series retain a short window.
const GROW_BY: usize = 8;

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Stored.
    Stored,
    /// Its stamp was there with the same value: dropped.
    Duplicate,
    /// Its stamp was there with another value: dropped, the first in log order stays.
    Conflict,
}

/// Retained samples of one series.
#[derive(Clone, Debug, Default)]
pub struct SampleBuffer {
    base_ms: i64,
    start: usize,
    stamps: Vec<u32>,
    values: Vec<f64>,
    stale: u32,
}

impl SampleBuffer {
    /// Number of retained samples.
    pub fn len(&self) -> usize {
        self.stamps.len() - self.start
    }

    /// Whether nothing is retained.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a stale marker is among the samples.
    pub fn has_stale(&self) -> bool {
        self.stale > 0
    }

    /// Base of the stamps, ms.
    pub fn base_ms(&self) -> i64 {
        self.base_ms
    }

    /// Stamps, ms after the base, strictly ascending.
    pub fn stamps(&self) -> &[u32] {
        &self.stamps[self.start..]
    }

    /// Values by stamp.
    pub fn values(&self) -> &[f64] {
        &self.values[self.start..]
    }

    /// The newest stamp, ms.
    pub fn last_ms(&self) -> Option<i64> {
        self.stamps().last().map(|s| self.base_ms + i64::from(*s))
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.stamps.capacity() * 4 + self.values.capacity() * 8
    }

    /// Stores a sample in time order; of equal stamps the first stays.
    pub fn push(&mut self, stamp_ms: i64, value: f64) -> Pushed {
        let stale = u32::from(bellwether_model::is_stale(value));
        if self.is_empty() {
            self.clear();
            self.base_ms = stamp_ms;
        }
        let Some(offset) = self.offset_of(stamp_ms) else {
            return Pushed::Conflict;
        };
        match self.stamps().last() {
            Some(last) if offset <= *last => match self.stamps().binary_search(&offset) {
                Ok(i) if self.values()[i].to_bits() == value.to_bits() => return Pushed::Duplicate,
                Ok(_) => return Pushed::Conflict,
                Err(i) => {
                    self.stamps.insert(self.start + i, offset);
                    self.values.insert(self.start + i, value);
                }
            },
            _ => {
                self.grow();
                self.stamps.push(offset);
                self.values.push(value);
            }
        }
        self.stale += stale;
        Pushed::Stored
    }

    /// Appends a run of ascending stamps, all newer than what is there and within reach of the base, as bulk copies.
    /// Returns false, with nothing stored, where the run is not of this kind.
    pub fn append(&mut self, stamps_ms: &[i64], values: &[f64]) -> bool {
        let (Some(first), Some(last)) = (stamps_ms.first(), stamps_ms.last()) else { return true };
        if self.is_empty() {
            self.clear();
            self.base_ms = *first;
        }
        let newest = self.last_ms().unwrap_or(i64::MIN);
        let ascending = stamps_ms.windows(2).all(|w| w[0] < w[1]);
        if *first <= newest || last.saturating_sub(self.base_ms) > MAX_SPAN_MS || !ascending {
            return false;
        }
        if self.stamps.capacity() - self.stamps.len() < stamps_ms.len() {
            self.stamps.reserve_exact(stamps_ms.len().next_multiple_of(GROW_BY));
            self.values.reserve_exact(stamps_ms.len().next_multiple_of(GROW_BY));
        }
        let base = self.base_ms;
        self.stamps.extend(stamps_ms.iter().map(|s| (s - base) as u32));
        self.values.extend_from_slice(values);
        self.stale += values.iter().filter(|v| bellwether_model::is_stale(**v)).count() as u32;
        true
    }

    /// Drops samples older than `before_ms`.
    pub fn prune(&mut self, before_ms: i64) {
        let cut = (before_ms - self.base_ms).clamp(0, MAX_SPAN_MS + 1);
        let gone = self.stamps().partition_point(|s| i64::from(*s) < cut);
        if gone == 0 {
            return;
        }
        if self.stale > 0 {
            let stale = self.values()[..gone].iter().filter(|v| bellwether_model::is_stale(**v)).count();
            self.stale -= stale as u32;
        }
        self.start += gone;
        if self.start >= COMPACT_AT && self.start * 2 > self.stamps.len() {
            self.compact();
        }
    }

    fn clear(&mut self) {
        self.start = 0;
        self.stamps.clear();
        self.values.clear();
    }

    fn compact(&mut self) {
        self.stamps.drain(..self.start);
        self.values.drain(..self.start);
        self.start = 0;
        // After a burst the room would stay for ever: give back what is far above the need.
        let room = (self.stamps.len() * 2).max(2 * COMPACT_AT);
        if self.stamps.capacity() > room * 2 {
            self.stamps.shrink_to(room);
            self.values.shrink_to(room);
        }
    }

    fn grow(&mut self) {
        if self.stamps.len() == self.stamps.capacity() {
            if self.start >= COMPACT_AT {
                self.compact();
            }
            let step = GROW_BY.max(self.stamps.len() / 4).next_multiple_of(GROW_BY);
            self.stamps.reserve_exact(step);
            self.values.reserve_exact(step);
        }
    }

    /// The stamp relative to the base; moves the base where the stamp does not fit.
    fn offset_of(&mut self, stamp_ms: i64) -> Option<u32> {
        let offset = stamp_ms.saturating_sub(self.base_ms);
        if (0..=MAX_SPAN_MS).contains(&offset) {
            return Some(offset as u32);
        }
        if offset > 0 {
            // Far ahead: what a window can no longer reach makes room.
            self.prune(stamp_ms.saturating_sub(MAX_SPAN_MS));
        }
        let first = self.stamps().first().map_or(stamp_ms, |s| self.base_ms + i64::from(*s));
        self.rebase(first.min(stamp_ms)).then(|| (stamp_ms - self.base_ms) as u32)
    }

    fn rebase(&mut self, base_ms: i64) -> bool {
        if self.start > 0 {
            self.compact();
        }
        let shift = self.base_ms - base_ms;
        let newest = self.stamps.last().map_or(0, |s| i64::from(*s)) + shift;
        if newest > MAX_SPAN_MS {
            return false;
        }
        for s in &mut self.stamps {
            *s = (i64::from(*s) + shift) as u32;
        }
        self.base_ms = base_ms;
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn content(b: &SampleBuffer) -> Vec<(i64, f64)> {
        b.stamps().iter().map(|s| b.base_ms() + i64::from(*s)).zip(b.values().iter().copied()).collect()
    }

    proptest! {
        /// Against a map: any order of arrival, any pruning.
        #[test]
        fn buffer_is_a_sorted_map(ops in prop::collection::vec((0i64..500, 0u8..4, any::<bool>()), 1..300)) {
            let (mut b, mut m) = (SampleBuffer::default(), BTreeMap::new());
            for (t, v, prune) in ops {
                if prune && v == 0 {
                    b.prune(t);
                    m.retain(|k, _| *k >= t);
                } else {
                    let had = m.get(&t).copied();
                    let want = match had {
                        None => Pushed::Stored,
                        Some(x) if x == f64::from(v) => Pushed::Duplicate,
                        Some(_) => Pushed::Conflict,
                    };
                    prop_assert_eq!(b.push(t, f64::from(v)), want);
                    m.entry(t).or_insert(f64::from(v));
                }
                prop_assert_eq!(content(&b), m.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn far_stamps_drop_what_no_window_reaches() {
        let mut b = SampleBuffer::default();
        b.push(0, 1.0);
        b.push(MAX_SPAN_MS + 10, 2.0);
        assert_eq!(content(&b), [(MAX_SPAN_MS + 10, 2.0)]);
        assert_eq!(b.push(5, 3.0), Pushed::Conflict, "out of reach of the newest sample");
    }

    #[test]
    fn a_run_is_appended_whole_or_not_at_all() {
        let mut b = SampleBuffer::default();
        assert!(b.append(&[10, 20], &[1.0, 2.0]));
        assert!(!b.append(&[20, 30], &[2.0, 3.0]));
        assert!(!b.append(&[40, 40], &[2.0, 3.0]));
        assert!(b.append(&[30], &[bellwether_model::stale_nan()]));
        assert!(b.has_stale());
        b.prune(31);
        assert!(!b.has_stale() && b.is_empty());
    }
}

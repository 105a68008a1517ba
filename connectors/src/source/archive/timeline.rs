//! Stamps of one series as stretches of equal distances, handed out from the front.
//!
//! # State
//! Scraped series are almost always a few stretches (first stamp, distance, count): 24 bytes each instead of 8 a sample,
//! and a time is found in them by a division instead of a search in memory. Series without rhythm keep their stamps.

use std::ops::Range;

/// Stamps of one series that were not handed out yet.
#[derive(Clone, Debug)]
pub(crate) enum Timeline {
    /// Stretches, by their place in the list.
    Stretches(Range<usize>),
    /// Stamps as they are, by their place in the list.
    Listed(Range<usize>),
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: i64,
    distance: i64,
    count: usize,
}

/// Stamps of many series.
#[derive(Debug, Default)]
pub(crate) struct Timelines {
    stretches: Vec<Stretch>,
    listed: Vec<i64>,
}

/// Stamps a stretch has to stand for to be worth its memory.
const WORTH: usize = 4;

impl Stretch {
    /// How many stamps are at most `upto_ms`.
    fn until(&self, upto_ms: i64) -> usize {
        if self.first > upto_ms {
            return 0;
        }
        // Distances that do not rise stand in damaged files only; they are handed out whole.
        let steps = if self.distance > 0 { upto_ms.saturating_sub(self.first) / self.distance } else { i64::MAX - 1 };
        self.count.min(steps as usize + 1)
    }
}

impl Timelines {
    /// Forgets all series, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.stretches.clear();
        self.listed.clear();
    }

    /// Takes the stamps of a series.
    pub(crate) fn add(&mut self, stamps: &[i64]) -> Timeline {
        let begin = self.stretches.len();
        let mut rest = stamps;
        while let [first, tail @ ..] = rest {
            let distance = tail.first().map_or(0, |t| t.wrapping_sub(*first));
            let count = 1 + rest.windows(2).take_while(|w| w[1].wrapping_sub(w[0]) == distance).count();
            self.stretches.push(Stretch { first: *first, distance, count });
            rest = &rest[count..];
            if (self.stretches.len() - begin) * WORTH > stamps.len() + WORTH {
                self.stretches.truncate(begin);
                self.listed.extend_from_slice(stamps);
                return Timeline::Listed(self.listed.len() - stamps.len()..self.listed.len());
            }
        }
        Timeline::Stretches(begin..self.stretches.len())
    }

    /// How many stamps of a series are at most `upto_ms`.
    pub(crate) fn until(&self, timeline: &Timeline, upto_ms: i64) -> usize {
        match timeline {
            Timeline::Listed(range) => self.listed[range.clone()].partition_point(|t| *t <= upto_ms),
            Timeline::Stretches(range) => {
                let mut total = 0;
                for s in &self.stretches[range.clone()] {
                    let n = s.until(upto_ms);
                    total += n;
                    if n < s.count {
                        break;
                    }
                }
                total
            }
        }
    }

    /// Takes the first `count` stamps of a series off, and appends them to `out`.
    pub(crate) fn take(&mut self, timeline: &mut Timeline, count: usize, out: Option<&mut Vec<i64>>) {
        match timeline {
            Timeline::Listed(range) => {
                let end = (range.start + count).min(range.end);
                if let Some(out) = out {
                    out.extend_from_slice(&self.listed[range.start..end]);
                }
                range.start = end;
            }
            Timeline::Stretches(range) => self.take_stretches(range, count, out),
        }
    }

    fn take_stretches(&mut self, range: &mut Range<usize>, mut count: usize, mut out: Option<&mut Vec<i64>>) {
        while count > 0 && range.start < range.end {
            let s = &mut self.stretches[range.start];
            let n = count.min(s.count);
            if let Some(out) = &mut out {
                let (first, distance) = (s.first, s.distance);
                out.extend((0..n as i64).map(|i| first.wrapping_add(i.wrapping_mul(distance))));
            }
            s.first = s.first.wrapping_add(s.distance.wrapping_mul(n as i64));
            s.count -= n;
            count -= n;
            if s.count == 0 {
                range.start += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stamps_come_out_as_they_went_in(
            gaps in prop::collection::vec(prop_oneof![9 => Just(15i64), 1 => 1i64..100], 0..200),
            cuts in prop::collection::vec(0i64..4000, 0..5),
        ) {
            let stamps: Vec<i64> = gaps.iter().scan(0, |t, g| { *t += g; Some(*t) }).collect();
            let mut all = Timelines::default();
            all.add(&[1, 2, 4, 8]);
            let mut line = all.add(&stamps);
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut out = Vec::new();
            for cut in cuts {
                let n = all.until(&line, cut);
                all.take(&mut line, n, Some(&mut out));
                prop_assert_eq!(out.len(), stamps.partition_point(|t| *t <= cut));
            }
            all.take(&mut line, stamps.len(), Some(&mut out));
            prop_assert_eq!(out, stamps);
        }
    }

    #[test]
    fn stamps_that_do_not_rise_do_no_harm() {
        let mut all = Timelines::default();
        for stamps in [[i64::MIN, i64::MAX, 0, 0], [5, 5, 5, 5], [9, 8, 7, 6]] {
            let mut line = all.add(&stamps);
            let n = all.until(&line, i64::MAX);
            let mut out = Vec::new();
            all.take(&mut line, n, Some(&mut out));
            assert_eq!(out, stamps);
        }
    }
}

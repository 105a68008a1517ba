//! One series' retained samples, in time order: 8 bytes a sample where stamps are evenly apart, else 12.
//!
//! # State
//! Values are `f64`. Stamps of a series that is scraped regularly follow from its first one and its period
//! ([`Cadences`]); others are `u32` milliseconds after a base (a window may reach back 49.7 days; lowering refuses longer
//! ones). A series begins with stamps of its own, and it is looked whether they are even when room runs out.
//!
//! Dropping old samples advances a start index. What was dropped is given to new samples before room is added, and moved
//! out when it is more than half, so that dropping is amortised and memory follows what is retained.

use super::cadence::Cadences;
use crate::samples::Samples;
use bellwether_model::is_stale;

/// The longest distance of two retained stamps, ms.
pub const MAX_SPAN_MS: i64 = u32::MAX as i64;

/// Samples are moved out only when at least this many are dropped: below, a move costs more than the memory.
const COMPACT_AT: usize = 16;

/// Room is added in steps of this many samples instead of doubling, because most series retain a short window.
const GROW_BY: usize = 8;

/// Dropped samples make room if they are at least this part of all: the rest is moved each time.
const REUSE_PART: usize = 8;

/// Fewer stamps say little about a period.
const EVEN_FROM: usize = 8;

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
    /// Base of the stamps, ms; of even samples the stamp of the first value, be it dropped or not.
    base_ms: i64,
    values: Vec<f64>,
    /// By value, ms after the base; empty while samples are even.
    stamps: Vec<u32>,
    /// Values that are dropped, at the begin.
    start: u32,
    stale: u32,
    /// Distance of any two neighbours, ms; 0 where each has a stamp of its own.
    period_ms: u32,
}

impl SampleBuffer {
    /// Number of retained samples.
    pub fn len(&self) -> usize {
        self.values.len() - self.start as usize
    }

    /// Whether nothing is retained.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a stale marker is among the samples.
    pub fn has_stale(&self) -> bool {
        self.stale > 0
    }

    /// What is retained; `cadences` are those that the samples were stored with.
    pub fn samples<'a>(&'a self, cadences: &'a Cadences) -> Samples<'a> {
        let start = self.start as usize;
        let values = &self.values[start..];
        match self.period_ms {
            0 => Samples { base_ms: self.base_ms, stamps: &self.stamps[start..], values },
            period => Samples { base_ms: self.stamp_ms(start), stamps: cadences.stamps(period, values.len()), values },
        }
    }

    /// The newest stamp, ms.
    pub fn last_ms(&self) -> Option<i64> {
        (!self.is_empty()).then(|| self.stamp_ms(self.values.len() - 1))
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.stamps.capacity() * 4 + self.values.capacity() * 8
    }

    /// The stamp of a value, dropped or not, ms.
    fn stamp_ms(&self, at: usize) -> i64 {
        self.base_ms
            + match self.period_ms {
                0 => i64::from(self.stamps[at]),
                period => i64::from(period) * at as i64,
            }
    }

    /// Stores a sample in time order; of equal stamps the first stays.
    pub fn push(&mut self, cadences: &mut Cadences, stamp_ms: i64, value: f64) -> Pushed {
        if self.append(cadences, &[stamp_ms], &[value]) {
            return Pushed::Stored;
        }
        // Not newer than the last one, or out of reach of the base.
        if let Some(again) = self.again(stamp_ms, value) {
            return again;
        }
        self.spell_out();
        let Some(offset) = self.offset_of(stamp_ms) else { return Pushed::Conflict };
        let start = self.start as usize;
        match self.stamps[start..].binary_search(&offset) {
            Ok(i) if self.values[start + i].to_bits() == value.to_bits() => return Pushed::Duplicate,
            Ok(_) => return Pushed::Conflict,
            Err(i) => {
                self.stamps.reserve_exact(GROW_BY);
                self.values.reserve_exact(GROW_BY);
                self.stamps.insert(start + i, offset);
                self.values.insert(start + i, value);
            }
        }
        self.stale += u32::from(is_stale(value));
        Pushed::Stored
    }

    /// Appends a run of ascending stamps, all newer than what is there and within reach of the base, as bulk copies.
    /// Returns false, with nothing stored, where the run is not of this kind.
    pub fn append(&mut self, cadences: &mut Cadences, stamps_ms: &[i64], values: &[f64]) -> bool {
        let (Some(first), Some(last)) = (stamps_ms.first(), stamps_ms.last()) else { return true };
        if self.is_empty() {
            self.begin(cadences, stamps_ms);
        }
        if last.saturating_sub(self.base_ms) > MAX_SPAN_MS {
            return false;
        }
        if !self.goes_on(stamps_ms) {
            let newest = self.last_ms().unwrap_or(i64::MIN);
            if *first <= newest || !stamps_ms.windows(2).all(|w| w[0] < w[1]) {
                return false;
            }
            self.spell_out();
        }
        self.make_room(cadences, values.len());
        if self.period_ms != 0 && !self.goes_on(stamps_ms) {
            self.spell_out();
        }
        self.values.extend_from_slice(values);
        match self.period_ms {
            0 => {
                let base = self.base_ms;
                self.stamps.extend(stamps_ms.iter().map(|s| (s - base) as u32));
            }
            period => cadences.reach(period, self.len()),
        }
        self.stale += values.iter().filter(|v| is_stale(**v)).count() as u32;
        true
    }

    /// Stores a run of ascending stamps wherever they belong; of equal stamps the one that is there stays. Returns how many
    /// stamps were there with the same value, and how many with another.
    pub fn merge(&mut self, cadences: &mut Cadences, stamps_ms: &[i64], values: &[f64]) -> (u64, u64) {
        let mine: Vec<(i64, f64)> = self.samples(cadences).each().collect();
        let mut all: Vec<(i64, f64)> = Vec::with_capacity(mine.len() + stamps_ms.len());
        let (mut old, mut duplicates, mut conflicts) = (mine.into_iter().peekable(), 0, 0);
        for (t, v) in stamps_ms.iter().copied().zip(values.iter().copied()) {
            while let Some(one) = old.next_if(|(at, _)| *at <= t) {
                all.push(one);
            }
            match all.last() {
                Some((at, other)) if *at == t && other.to_bits() == v.to_bits() => duplicates += 1,
                Some((at, _)) if *at == t => conflicts += 1,
                _ => all.push((t, v)),
            }
        }
        all.extend(old);
        let newest_ms = all.last().map_or(i64::MIN, |(t, _)| *t);
        all.retain(|(t, _)| newest_ms.saturating_sub(*t) <= MAX_SPAN_MS);
        let (stamps_ms, values): (Vec<i64>, Vec<f64>) = all.into_iter().unzip();
        *self = Self::default();
        self.append(cadences, &stamps_ms, &values);
        (duplicates, conflicts)
    }

    /// Whether so many more samples need no further memory.
    pub fn has_room(&self, more: usize) -> bool {
        let stamps = self.period_ms != 0 || self.stamps.capacity() - self.stamps.len() >= more;
        stamps && self.values.capacity() - self.values.len() >= more
    }

    /// Drops samples older than `before_ms`.
    pub fn prune(&mut self, before_ms: i64) {
        let start = self.start as usize;
        let cut = before_ms.saturating_sub(self.base_ms);
        let upto = match self.period_ms {
            0 => start + self.stamps[start..].partition_point(|s| i64::from(*s) < cut),
            period => (cut.max(0) as usize).div_ceil(period as usize).clamp(start, self.values.len()),
        };
        if upto == start {
            return;
        }
        if self.stale > 0 {
            self.stale -= self.values[start..upto].iter().filter(|v| is_stale(**v)).count() as u32;
        }
        self.start = upto as u32;
        if upto >= COMPACT_AT && upto * 2 > self.values.len() {
            let had = self.values.len();
            self.compact();
            // After a burst the room would stay for ever: give back what is far above the need.
            if self.values.capacity() > 2 * had.max(COMPACT_AT) {
                self.values.shrink_to(had);
                self.stamps.shrink_to(had);
            }
        }
    }

    /// Forgets everything and begins with a run.
    fn begin(&mut self, cadences: &mut Cadences, stamps_ms: &[i64]) {
        self.start = 0;
        self.stamps.clear();
        self.values.clear();
        self.base_ms = stamps_ms[0];
        self.period_ms = 0;
        if stamps_ms.len() >= EVEN_FROM {
            let period = u32::try_from(stamps_ms[1].saturating_sub(stamps_ms[0])).unwrap_or(0);
            let even = stamps_ms.windows(2).all(|w| w[1].wrapping_sub(w[0]) == i64::from(period));
            if even && cadences.admit(period) {
                self.period_ms = period;
            }
        }
    }

    /// Of even samples: what becomes of another one with a stamp that is there.
    fn again(&self, stamp_ms: i64, value: f64) -> Option<Pushed> {
        let offset = stamp_ms.checked_sub(self.base_ms)?;
        if self.period_ms == 0 || offset % i64::from(self.period_ms) != 0 {
            return None;
        }
        let at = usize::try_from(offset / i64::from(self.period_ms)).ok().filter(|at| *at >= self.start as usize)?;
        let same = self.values.get(at)?.to_bits() == value.to_bits();
        Some(if same { Pushed::Duplicate } else { Pushed::Conflict })
    }

    /// Whether samples are even, and stay so with a run.
    fn goes_on(&self, stamps_ms: &[i64]) -> bool {
        let period = i64::from(self.period_ms);
        period != 0
            && stamps_ms[0] == self.base_ms + period * self.values.len() as i64
            && stamps_ms.windows(2).all(|w| w[1].wrapping_sub(w[0]) == period)
    }

    /// Gives each sample a stamp of its own.
    fn spell_out(&mut self) {
        let period = self.period_ms;
        if period == 0 {
            return;
        }
        self.compact();
        self.period_ms = 0;
        self.stamps.reserve_exact(self.values.capacity());
        self.stamps.extend((0..self.values.len() as u32).map(|i| i * period));
    }

    /// Lets stamps follow from the period, if they do.
    fn settle(&mut self, cadences: &mut Cadences) {
        let stamps = &self.stamps[(self.start as usize).min(self.stamps.len())..];
        let [first, second, ..] = stamps else { return };
        let period = second - first;
        let even = || stamps.windows(2).fold(0, |odd, w| odd | ((w[1] - w[0]) ^ period)) == 0;
        if stamps.len() >= EVEN_FROM && even() && cadences.admit(period) {
            self.base_ms += i64::from(*first) - i64::from(period) * i64::from(self.start);
            self.period_ms = period;
            self.stamps = Vec::new();
            cadences.reach(period, self.len());
        }
    }

    /// Moves dropped samples out.
    fn compact(&mut self) {
        let start = self.start as usize;
        match self.period_ms {
            0 => drop(self.stamps.drain(..start)),
            period => self.base_ms += i64::from(period) * start as i64,
        }
        self.values.drain(..start);
        self.start = 0;
    }

    /// Room for `more` samples.
    fn make_room(&mut self, cadences: &mut Cadences, more: usize) {
        if self.has_room(more) {
            return;
        }
        if self.start as usize * REUSE_PART >= self.values.len() {
            self.compact();
        }
        self.settle(cadences);
        if !self.has_room(more) {
            let step = more.max(self.values.len() / 8).next_multiple_of(GROW_BY);
            self.values.reserve_exact(step);
            if self.period_ms == 0 {
                self.stamps.reserve_exact(step);
            }
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
        let first = if self.is_empty() { stamp_ms } else { self.stamp_ms(self.start as usize) };
        self.rebase(first.min(stamp_ms)).then(|| (stamp_ms - self.base_ms) as u32)
    }

    fn rebase(&mut self, base_ms: i64) -> bool {
        self.compact();
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
mod tests;

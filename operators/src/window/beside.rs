//! What few of a worker's series have beside their floats: native histograms, and start timestamps.
//!
//! # State
//! A list by slot, in order of time, for series that have any: a series of floats takes no byte here, and reading it
//! costs a look at an empty map.

use super::buffer::Pushed;
use super::store::Slot;
use bellwether_model::Histogram;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A histogram and its stamp, ms.
pub type HistogramPoint = (i64, Arc<Histogram>);

/// The stamp of a sample, float or histogram, and when it began to count, ms.
pub type StartPoint = (i64, i64);

/// What is beside the floats of a series, borrowed from where it is stored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// Native histograms, in order of time.
    pub histograms: &'a [HistogramPoint],
    /// Of samples whose start is known, in order of time.
    pub starts: &'a [StartPoint],
}

impl Beside<'_> {
    /// Whether there are only floats.
    pub fn is_empty(&self) -> bool {
        self.histograms.is_empty() && self.starts.is_empty()
    }
}

/// Points of one kind by slot.
#[derive(Debug)]
pub(super) struct Points<T> {
    series: BTreeMap<Slot, Vec<(i64, T)>>,
}

impl<T> Default for Points<T> {
    fn default() -> Self {
        Self { series: BTreeMap::new() }
    }
}

impl<T: PartialEq> Points<T> {
    /// The points of a series.
    pub(super) fn of(&self, slot: Slot) -> &[(i64, T)] {
        if self.series.is_empty() {
            return &[];
        }
        self.series.get(&slot).map_or(&[], Vec::as_slice)
    }

    /// The newest stamp of a series, ms.
    pub(super) fn last_ms(&self, slot: Slot) -> Option<i64> {
        self.of(slot).last().map(|p| p.0)
    }

    /// Whether a series has a point of that stamp.
    pub(super) fn has(&self, slot: Slot, stamp_ms: i64) -> bool {
        self.of(slot).binary_search_by_key(&stamp_ms, |p| p.0).is_ok()
    }

    /// Stores a point in time order; of equal stamps the first stays.
    pub(super) fn push(&mut self, slot: Slot, stamp_ms: i64, point: T) -> Pushed {
        let points = self.series.entry(slot).or_default();
        if points.last().is_none_or(|last| last.0 < stamp_ms) {
            points.push((stamp_ms, point));
            return Pushed::Stored;
        }
        match points.binary_search_by_key(&stamp_ms, |p| p.0) {
            Ok(at) if points[at].1 == point => Pushed::Duplicate,
            Ok(_) => Pushed::Conflict,
            Err(at) => {
                points.insert(at, (stamp_ms, point));
                Pushed::Stored
            }
        }
    }

    /// Gives a series' points to one that has none.
    pub(super) fn hand_over(&mut self, from: Slot, to: Slot) {
        if let Some(points) = self.series.remove(&from) {
            self.series.insert(to, points);
        }
    }

    /// Drops the points of a series that are older than `before_ms`.
    pub(super) fn prune(&mut self, slot: Slot, before_ms: i64) {
        if self.series.is_empty() {
            return;
        }
        let Some(points) = self.series.get_mut(&slot) else { return };
        let gone = points.partition_point(|p| p.0 < before_ms);
        if gone == points.len() {
            self.series.remove(&slot);
        } else if gone > 0 {
            points.drain(..gone);
        }
    }

    /// Forgets a series.
    pub(super) fn remove(&mut self, slot: Slot) {
        if !self.series.is_empty() {
            self.series.remove(&slot);
        }
    }

    /// Bytes on the heap, with those behind each point; what several points share counts for each.
    pub(super) fn heap_bytes(&self, behind: impl Fn(&T) -> usize) -> usize {
        self.series.values().flatten().map(|(_, point)| size_of::<(i64, T)>() + behind(point)).sum()
    }
}

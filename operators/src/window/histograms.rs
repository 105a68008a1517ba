//! Native histograms of a worker's series, beside their floats.
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

/// Histograms by slot.
#[derive(Debug, Default)]
pub(super) struct HistogramStore {
    series: BTreeMap<Slot, Vec<HistogramPoint>>,
}

impl HistogramStore {
    /// The histograms of a series.
    pub(super) fn of(&self, slot: Slot) -> &[HistogramPoint] {
        if self.series.is_empty() {
            return &[];
        }
        self.series.get(&slot).map_or(&[], Vec::as_slice)
    }

    /// The newest stamp of a series, ms.
    pub(super) fn last_ms(&self, slot: Slot) -> Option<i64> {
        self.of(slot).last().map(|p| p.0)
    }

    /// Whether a series has a histogram of that stamp.
    pub(super) fn has(&self, slot: Slot, stamp_ms: i64) -> bool {
        self.of(slot).binary_search_by_key(&stamp_ms, |p| p.0).is_ok()
    }

    /// Stores a histogram in time order; of equal stamps the first stays.
    pub(super) fn push(&mut self, slot: Slot, stamp_ms: i64, histogram: Arc<Histogram>) -> Pushed {
        let points = self.series.entry(slot).or_default();
        if points.last().is_none_or(|last| last.0 < stamp_ms) {
            points.push((stamp_ms, histogram));
            return Pushed::Stored;
        }
        match points.binary_search_by_key(&stamp_ms, |p| p.0) {
            Ok(at) if points[at].1 == histogram => Pushed::Duplicate,
            Ok(_) => Pushed::Conflict,
            Err(at) => {
                points.insert(at, (stamp_ms, histogram));
                Pushed::Stored
            }
        }
    }

    /// Drops the histograms of a series that are older than `before_ms`.
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

    /// Bytes on the heap; a histogram that several series share counts for each.
    pub(super) fn heap_bytes(&self) -> usize {
        self.series.values().flatten().map(|(_, h)| size_of::<HistogramPoint>() + h.bytes()).sum()
    }
}

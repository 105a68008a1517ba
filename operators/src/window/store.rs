//! The samples of a worker's series, by slot: what `window` fills and `evaluate` reads.
//!
//! # Position
//! runs of samples → **store** → leaf nodes. Shared by two operators of one worker as an arrangement's trace is.
//!
//! # State
//! A slot for each series: its labels, where it comes from, its retained samples. Slots are worker-local numbers and
//! never leave the worker. Memory is bounded by the series that have a sample within the retention.
//!
//! # Time
//! Samples enter in log order and stand in time order; a late one enters every later window that covers it. A series
//! without retained samples is retracted from the join; its slot is free one call of [`SeriesStore::prune`] later,
//! when no row refers to it any more.

use super::beside::{Beside, HistogramPoint, Points};
use super::buffer::{Pushed, SampleBuffer};
use super::cadence::Cadences;
use crate::lookup::Lookup;
use crate::samples::Samples;
use bellwether_model::{Histogram, Labels, Run, Runs, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Number of a series on this worker.
pub type Slot = u32;

/// Marks a link entry whose series is not evaluated.
const IGNORED: Slot = Slot::MAX;

/// A run that many samples long which does not go on from what is there is merged whole: one by one, each would move all
/// that are newer.
const MERGE_FROM: usize = 8;

/// What admission did with a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Samples in the batch.
    pub samples: u64,
    /// Samples whose stamp was final already: stored all the same.
    pub late: u64,
    /// Samples dropped because an equal one was there.
    pub duplicates: u64,
    /// Samples dropped because another value was there for the stamp.
    pub conflicts: u64,
    /// Samples of series that a loaded rule records.
    pub ignored: u64,
    /// Series that appeared, by slot.
    pub appeared: Vec<Slot>,
}

impl Admitted {
    fn count(&mut self, pushed: Pushed) {
        match pushed {
            Pushed::Stored => {}
            Pushed::Duplicate => self.duplicates += 1,
            Pushed::Conflict => self.conflicts += 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Ingested.
    Ingested,
    /// Written by a rule; samples of it may come in too.
    Recorded,
    /// Kept for a subquery, or by a pin.
    Produced,
    /// Retracted: free at the next pruning.
    Dying,
    Free,
}

#[derive(Debug)]
struct Series {
    labels: Labels,
    life: Life,
    /// Raised at each reuse of the slot, so that a link's old entry is told from the new owner.
    generation: u32,
    /// How far back the selectors that read it look, ms.
    retain_ms: i64,
    samples: SampleBuffer,
}

impl Series {
    /// Drops what its own readers do not look back to; the newest sample stays, because it tells when the series ends,
    /// unless it is a histogram (of `histogram_ms`), which stands elsewhere. Returns the bound, and whether the newest is
    /// new enough for the deepest selector.
    fn prune(&mut self, before_ms: i64, deepest_ms: i64, histogram_ms: Option<i64>) -> (i64, bool) {
        let newest = self.samples.last_ms().max(histogram_ms).unwrap_or(i64::MIN);
        if newest < before_ms {
            return (i64::MIN, false);
        }
        let own = before_ms.saturating_add(deepest_ms - self.retain_ms.min(deepest_ms)).min(newest);
        self.samples.prune(own);
        (own, true)
    }
}

/// What a source link's series number stands for.
#[derive(Debug, Clone)]
struct LinkEntry {
    labels: Labels,
    slot: Slot,
    generation: u32,
}

/// All series of a worker.
#[derive(Debug, Default)]
pub struct SeriesStore {
    series: Vec<Series>,
    free: Vec<Slot>,
    dying: Vec<Slot>,
    /// Ingested series by labels, and those that rules write.
    by_labels: Lookup,
    cadences: Cadences,
    /// By link, by the link's number of a series.
    links: Vec<Vec<Option<LinkEntry>>>,
    /// How far back the deepest selector looks, ms.
    deepest_ms: i64,
    /// Samples older than this are not read any more, not even by the deepest selector, ms.
    unread_before_ms: Option<i64>,
    ignored_names: BTreeSet<String>,
    histograms: Points<Arc<Histogram>>,
    /// Start timestamps of floats and histograms, ms.
    starts: Points<i64>,
}

impl SeriesStore {
    /// Ingested series of these names are not evaluated, because loaded rules record them. Series that are stored
    /// already stay until their samples have left the retention.
    pub fn ignore_names(&mut self, names: &[String]) {
        let names: BTreeSet<String> = names.iter().cloned().collect();
        if names == self.ignored_names {
            return;
        }
        self.ignored_names = names;
        for entry in self.links.iter_mut().flatten().flatten() {
            // Resolved again at its next sample.
            entry.slot = IGNORED;
            entry.generation = u32::MAX;
        }
    }

    /// Admits a batch of source link `link`, in log order; stamps `<= late_ms` are late.
    pub fn admit(&mut self, link: usize, runs: &Runs, late_ms: i64) -> Admitted {
        let mut done = Admitted { samples: runs.samples() as u64, ..Admitted::default() };
        self.define(link, runs);
        for run in runs.iter() {
            let Some(slot) = self.resolve(link, run.series, &mut done.appeared) else {
                done.ignored += run.stamps.len() as u64;
                continue;
            };
            if run.stamps.first().is_some_and(|s| *s <= late_ms) {
                done.late += run.stamps.iter().filter(|s| **s <= late_ms).count() as u64;
            }
            self.make_room(slot, run.stamps.len());
            self.write(slot, run, &mut done);
        }
        for sample in &runs.histograms {
            let Some(slot) = self.resolve(link, sample.series, &mut done.appeared) else {
                done.ignored += 1;
                continue;
            };
            done.late += u64::from(sample.stamp_ms <= late_ms);
            let pushed = self.push_histogram(slot, sample.stamp_ms, Arc::clone(&sample.histogram));
            if pushed == Pushed::Stored {
                self.push_start(slot, sample.stamp_ms, sample.start_ms);
            }
            done.count(pushed);
        }
        done
    }

    /// Takes a batch that has all that is read of its series, for readers that look further back than those before: what is
    /// there is in the batch, or was too old for them, and then it may be what came second for its stamp.
    pub fn load(&mut self, link: usize, runs: &Runs) -> Admitted {
        self.define(link, runs);
        let mut appeared = Vec::new();
        for number in runs.iter().map(|run| run.series).chain(runs.histograms.iter().map(|h| h.series)) {
            if let Some(slot) = self.resolve(link, number, &mut appeared)
                && self.series[slot as usize].life == Life::Ingested
            {
                self.series[slot as usize].samples = SampleBuffer::default();
                self.histograms.remove(slot);
                self.starts.remove(slot);
            }
        }
        let mut done = self.admit(link, runs, i64::MIN);
        appeared.append(&mut done.appeared);
        Admitted { appeared, ..done }
    }

    /// Learns the labels of a batch's series.
    fn define(&mut self, link: usize, runs: &Runs) {
        if self.links.len() <= link {
            self.links.resize(link + 1, Vec::new());
        }
        let entries = &mut self.links[link];
        for (number, labels) in &runs.defs {
            let at = *number as usize;
            if entries.len() <= at {
                entries.resize(at + 1, None);
            }
            entries[at] = Some(LinkEntry { labels: labels.clone(), slot: IGNORED, generation: u32::MAX });
        }
    }

    /// Stores a run of floats.
    fn write(&mut self, slot: Slot, run: Run<'_>, done: &mut Admitted) {
        let alone = self.histograms.of(slot).is_empty();
        let (samples, cadences) = (&mut self.series[slot as usize].samples, &mut self.cadences);
        if alone && run.starts.is_empty() {
            if samples.append(cadences, run.stamps, run.values) {
                return;
            }
            if run.stamps.len() >= MERGE_FROM && run.stamps.windows(2).all(|w| w[0] < w[1]) {
                let (duplicates, conflicts) = samples.merge(cadences, run.stamps, run.values);
                done.duplicates += duplicates;
                done.conflicts += conflicts;
                return;
            }
        }
        for (i, (stamp, value)) in run.stamps.iter().zip(run.values).enumerate() {
            let taken = !alone && self.histograms.has(slot, *stamp);
            let pushed = if taken { Pushed::Conflict } else { samples.push(cadences, *stamp, *value) };
            let start_ms = run.starts.get(i).copied().unwrap_or(0);
            if pushed == Pushed::Stored && start_ms != 0 {
                self.starts.push(slot, *stamp, start_ms);
            }
            done.count(pushed);
        }
    }

    /// A stamp that a float has is taken.
    fn push_histogram(&mut self, slot: Slot, stamp_ms: i64, histogram: Arc<Histogram>) -> Pushed {
        if !self.samples(slot).between(stamp_ms.saturating_sub(1), stamp_ms).is_empty() {
            return Pushed::Conflict;
        }
        self.histograms.push(slot, stamp_ms, histogram)
    }

    /// Drops what is not read any more before a buffer grows. A series whose readers have not said yet how far back they
    /// look keeps all.
    fn make_room(&mut self, slot: Slot, more: usize) {
        let series = &mut self.series[slot as usize];
        if let Some(before_ms) = self.unread_before_ms
            && series.retain_ms > 0
            && !series.samples.has_room(more)
        {
            series.prune(before_ms, self.deepest_ms, None);
        }
    }

    /// The slot of a link's series number; `None` where the series is not evaluated (or was never defined).
    fn resolve(&mut self, link: usize, number: u32, appeared: &mut Vec<Slot>) -> Option<Slot> {
        let entry = self.links.get(link)?.get(number as usize)?.as_ref()?;
        if entry.slot != IGNORED {
            let series = &self.series[entry.slot as usize];
            if series.generation == entry.generation && matches!(series.life, Life::Ingested | Life::Recorded) {
                return Some(entry.slot);
            }
        } else if entry.generation == 0 {
            return None;
        }
        let labels = entry.labels.clone();
        let found = self.find_or_add(&labels, appeared);
        let generation = found.map_or(0, |s| self.series[s as usize].generation);
        let entry = self.links.get_mut(link)?.get_mut(number as usize)?.as_mut()?;
        entry.slot = found.unwrap_or(IGNORED);
        entry.generation = generation;
        found
    }

    fn find_or_add(&mut self, labels: &Labels, appeared: &mut Vec<Slot>) -> Option<Slot> {
        if self.ignored_names.contains(labels.metric_name()) {
            return None;
        }
        if let Some(slot) = self.by_labels.find(labels, |slot| &self.series[slot as usize].labels) {
            return Some(slot);
        }
        let slot = self.add(labels.clone(), Life::Ingested);
        self.by_labels.insert(labels, slot, |slot| &self.series[slot as usize].labels);
        appeared.push(slot);
        Some(slot)
    }

    fn add(&mut self, labels: Labels, life: Life) -> Slot {
        match self.free.pop() {
            Some(slot) => {
                let series = &mut self.series[slot as usize];
                series.labels = labels;
                series.life = life;
                series.generation += 1;
                slot
            }
            None => {
                let samples = SampleBuffer::default();
                self.series.push(Series { labels, life, generation: 1, retain_ms: 0, samples });
                (self.series.len() - 1) as Slot
            }
        }
    }

    /// Adds a series that a rule writes. If samples of it have come in it takes them over, because a label set is one series
    /// wherever its samples are from: returns the slot that had them, to which no row may refer any more.
    pub fn add_recorded(&mut self, labels: Labels) -> (Slot, Option<Slot>) {
        let slot = self.add(labels.clone(), Life::Recorded);
        if self.ignored_names.contains(labels.metric_name()) {
            return (slot, None);
        }
        let key_of = |slot: Slot| &self.series[slot as usize].labels;
        let ingested = self.by_labels.remove(&labels, key_of);
        self.by_labels.insert(&labels, slot, key_of);
        if let Some(from) = ingested {
            self.series[slot as usize].samples = std::mem::take(&mut self.series[from as usize].samples);
            self.histograms.hand_over(from, slot);
            self.starts.hand_over(from, slot);
        }
        (slot, ingested)
    }

    /// The labels of a series lead to it no more.
    fn forget(&mut self, slot: Slot) {
        let key_of = |slot: Slot| &self.series[slot as usize].labels;
        let labels = key_of(slot);
        if self.by_labels.find(labels, key_of) == Some(slot) {
            self.by_labels.remove(labels, key_of);
        }
    }

    /// Adds a series that a subquery or a pin keeps.
    pub fn add_produced(&mut self, labels: Labels) -> Slot {
        self.add(labels, Life::Produced)
    }

    /// Frees a series that is not an ingested one; no row may refer to it any more.
    pub fn remove_produced(&mut self, slot: Slot) {
        self.forget(slot);
        self.release(slot);
    }

    /// Appends a sample to a produced series.
    pub fn push(&mut self, slot: Slot, stamp_ms: i64, value: f64) {
        self.series[slot as usize].samples.push(&mut self.cadences, stamp_ms, value);
    }

    /// As [`SeriesStore::push`], whatever the value is.
    pub fn push_value(&mut self, slot: Slot, stamp_ms: i64, value: Value) {
        match value {
            Value::Float(v) => self.push(slot, stamp_ms, v),
            Value::Histogram(h) => drop(self.push_histogram(slot, stamp_ms, h)),
        }
    }

    /// When the sample of that stamp began to count, ms; 0 where that is not known.
    pub fn push_start(&mut self, slot: Slot, stamp_ms: i64, start_ms: i64) {
        if start_ms != 0 {
            self.starts.push(slot, stamp_ms, start_ms);
        }
    }

    /// The labels of a series.
    pub fn labels(&self, slot: Slot) -> &Labels {
        &self.series[slot as usize].labels
    }

    /// The retained samples of a series.
    pub fn samples(&self, slot: Slot) -> Samples<'_> {
        self.series[slot as usize].samples.samples(&self.cadences)
    }

    /// Whether a stale marker is among the retained samples of a series.
    pub fn has_stale(&self, slot: Slot) -> bool {
        self.series[slot as usize].samples.has_stale()
    }

    /// The retained histograms of a series, in order of time; their stamps are not among those of its floats.
    pub fn histograms(&self, slot: Slot) -> &[HistogramPoint] {
        self.histograms.of(slot)
    }

    /// What a series retains beside its floats.
    pub fn beside(&self, slot: Slot) -> Beside<'_> {
        Beside { histograms: self.histograms.of(slot), starts: self.starts.of(slot) }
    }

    /// Whether a series retains nothing.
    pub fn is_empty(&self, slot: Slot) -> bool {
        self.samples(slot).is_empty() && self.histograms(slot).is_empty()
    }

    /// All live ingested series, in order of slots.
    pub fn ingested(&self) -> Vec<Slot> {
        let live = self.series.iter().enumerate().filter(|(_, s)| s.life == Life::Ingested);
        live.map(|(i, _)| i as Slot).collect()
    }

    /// Drops the samples of one series that are older than `before_ms`.
    pub fn prune_one(&mut self, slot: Slot, before_ms: i64) {
        self.series[slot as usize].samples.prune(before_ms);
        self.histograms.prune(slot, before_ms);
        self.starts.prune(slot, before_ms);
    }

    /// Forgets how far back series are read; each selector says so again with [`SeriesStore::retain`].
    pub fn reset_retention(&mut self, deepest_ms: i64) {
        self.deepest_ms = deepest_ms;
        self.series.iter_mut().for_each(|s| s.retain_ms = 0);
    }

    /// A selector that looks back `retain_ms` reads the series.
    pub fn retain(&mut self, slot: Slot, retain_ms: i64) {
        let series = &mut self.series[slot as usize];
        series.retain_ms = series.retain_ms.max(retain_ms);
    }

    /// Nobody reads samples older than `before_ms` any more: they may go when there is need for room. `None` where that is
    /// not known.
    pub fn unread_before(&mut self, before_ms: Option<i64>) {
        self.unread_before_ms = before_ms;
    }

    /// Drops ingested samples that nobody reads any more: `before_ms` is the bound for the deepest selector, a series
    /// that only shallower ones read keeps less. Returns the series whose last sample is older than `before_ms`: they
    /// are to be retracted from the join, and their slots are free after the next call.
    pub fn prune(&mut self, before_ms: i64) -> Vec<Slot> {
        for slot in std::mem::take(&mut self.dying) {
            self.release(slot);
        }
        for (slot, series) in self.series.iter_mut().enumerate().filter(|(_, s)| s.life == Life::Ingested) {
            let histogram_ms = self.histograms.last_ms(slot as Slot);
            let (own_ms, lives) = series.prune(before_ms, self.deepest_ms, histogram_ms);
            self.histograms.prune(slot as Slot, own_ms);
            self.starts.prune(slot as Slot, own_ms);
            if !lives {
                series.life = Life::Dying;
                self.dying.push(slot as Slot);
            }
        }
        for slot in self.dying.clone() {
            self.forget(slot);
        }
        self.dying.clone()
    }

    fn release(&mut self, slot: Slot) {
        let series = &mut self.series[slot as usize];
        series.life = Life::Free;
        series.labels = Labels::empty();
        series.retain_ms = 0;
        series.samples = SampleBuffer::default();
        self.histograms.remove(slot);
        self.starts.remove(slot);
        self.free.push(slot);
    }

    /// Bytes on the heap, without the labels' shared text.
    pub fn heap_bytes(&self) -> usize {
        let samples: usize = self.series.iter().map(|s| s.samples.heap_bytes()).sum();
        let beside = self.histograms.heap_bytes(|h| h.bytes()) + self.starts.heap_bytes(|_| 0);
        samples + beside + self.series.capacity() * size_of::<Series>()
    }
}

#[cfg(test)]
mod tests;

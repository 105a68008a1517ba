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

use super::buffer::{Pushed, SampleBuffer};
use bellwether_model::{Labels, Runs};
use std::collections::{BTreeSet, HashMap};

/// Number of a series on this worker.
pub type Slot = u32;

/// Marks a link entry whose series is not evaluated.
const IGNORED: Slot = Slot::MAX;

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

#[derive(Debug, PartialEq, Eq)]
enum Life {
    /// Ingested, with its id.
    Ingested(u128),
    /// Written by a rule or a subquery.
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
    tenant: String,
    series: Vec<Series>,
    free: Vec<Slot>,
    dying: Vec<Slot>,
    by_id: HashMap<u128, Slot>,
    /// By link, by the link's number of a series.
    links: Vec<Vec<Option<LinkEntry>>>,
    /// How far back the deepest selector looks, ms.
    deepest_ms: i64,
    ignored_names: BTreeSet<String>,
}

impl SeriesStore {
    /// An empty store.
    pub fn new(tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), ..Self::default() }
    }

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
        for run in runs.iter() {
            let Some(slot) = self.resolve(link, run.series, &mut done.appeared) else {
                done.ignored += run.stamps.len() as u64;
                continue;
            };
            if run.stamps.first().is_some_and(|s| *s <= late_ms) {
                done.late += run.stamps.iter().filter(|s| **s <= late_ms).count() as u64;
            }
            let samples = &mut self.series[slot as usize].samples;
            if !samples.append(run.stamps, run.values) {
                for (stamp, value) in run.stamps.iter().zip(run.values) {
                    match samples.push(*stamp, *value) {
                        Pushed::Stored => {}
                        Pushed::Duplicate => done.duplicates += 1,
                        Pushed::Conflict => done.conflicts += 1,
                    }
                }
            }
        }
        done
    }

    /// The slot of a link's series number; `None` where the series is not evaluated (or was never defined).
    fn resolve(&mut self, link: usize, number: u32, appeared: &mut Vec<Slot>) -> Option<Slot> {
        let entry = self.links.get(link)?.get(number as usize)?.as_ref()?;
        if entry.slot != IGNORED {
            let series = &self.series[entry.slot as usize];
            if series.generation == entry.generation && matches!(series.life, Life::Ingested(_)) {
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
        let id = labels.hash(&self.tenant);
        if let Some(slot) = self.by_id.get(&id) {
            return Some(*slot);
        }
        let slot = self.add(labels.clone(), Life::Ingested(id));
        self.by_id.insert(id, slot);
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

    /// Adds a series that a rule or a subquery writes.
    pub fn add_produced(&mut self, labels: Labels) -> Slot {
        self.add(labels, Life::Produced)
    }

    /// Frees a series that was added by [`SeriesStore::add_produced`]; no row may refer to it any more.
    pub fn remove_produced(&mut self, slot: Slot) {
        self.release(slot);
    }

    /// Appends a sample to a produced series.
    pub fn push(&mut self, slot: Slot, stamp_ms: i64, value: f64) {
        self.series[slot as usize].samples.push(stamp_ms, value);
    }

    /// The labels of a series.
    pub fn labels(&self, slot: Slot) -> &Labels {
        &self.series[slot as usize].labels
    }

    /// The retained samples of a series.
    pub fn samples(&self, slot: Slot) -> &SampleBuffer {
        &self.series[slot as usize].samples
    }

    /// All live ingested series, in order of slots.
    pub fn ingested(&self) -> Vec<Slot> {
        let live = self.series.iter().enumerate().filter(|(_, s)| matches!(s.life, Life::Ingested(_)));
        live.map(|(i, _)| i as Slot).collect()
    }

    /// Drops the samples of one series that are older than `before_ms`.
    pub fn prune_one(&mut self, slot: Slot, before_ms: i64) {
        self.series[slot as usize].samples.prune(before_ms);
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

    /// Drops ingested samples that nobody reads any more: `before_ms` is the bound for the deepest selector, a series
    /// that only shallower ones read keeps less. Returns the series whose last sample is older than `before_ms`: they
    /// are to be retracted from the join, and their slots are free after the next call.
    pub fn prune(&mut self, before_ms: i64) -> Vec<Slot> {
        for slot in std::mem::take(&mut self.dying) {
            self.release(slot);
        }
        for (slot, series) in self.series.iter_mut().enumerate() {
            let Life::Ingested(id) = series.life else { continue };
            let newest = series.samples.last_ms().unwrap_or(i64::MIN);
            if newest >= before_ms {
                // The newest sample stays: it tells when the series ends.
                let own = before_ms.saturating_add(self.deepest_ms - series.retain_ms.min(self.deepest_ms));
                series.samples.prune(own.min(newest));
            } else {
                series.life = Life::Dying;
                self.by_id.remove(&id);
                self.dying.push(slot as Slot);
            }
        }
        self.dying.clone()
    }

    fn release(&mut self, slot: Slot) {
        let series = &mut self.series[slot as usize];
        series.life = Life::Free;
        series.labels = Labels::empty();
        series.retain_ms = 0;
        series.samples = SampleBuffer::default();
        self.free.push(slot);
    }

    /// Bytes on the heap, without the labels' shared text.
    pub fn heap_bytes(&self) -> usize {
        let samples: usize = self.series.iter().map(|s| s.samples.heap_bytes()).sum();
        samples + self.series.capacity() * size_of::<Series>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(defs: &[(u32, &str)], samples: &[(u32, i64, f64)]) -> Runs {
        let mut r = Runs::default();
        for (n, name) in defs {
            r.defs.push((*n, Labels::from_pairs([("__name__", name)])));
        }
        for (n, t, v) in samples {
            r.push_sample(*n, *t, *v);
        }
        r
    }

    #[test]
    fn one_series_of_two_links_is_one_slot() {
        let mut s = SeriesStore::new("");
        let a = s.admit(0, &batch(&[(0, "up")], &[(0, 10, 1.0)]), i64::MIN);
        let b = s.admit(1, &batch(&[(5, "up")], &[(5, 10, 2.0), (5, 20, 3.0)]), 10);
        assert_eq!((a.appeared.len(), b.appeared.len()), (1, 0));
        assert_eq!((b.conflicts, b.late), (1, 1));
        assert_eq!(s.samples(a.appeared[0]).values(), [1.0, 3.0]);
    }

    #[test]
    fn a_retracted_series_comes_back_in_a_new_slot() {
        let mut s = SeriesStore::new("");
        let first = s.admit(0, &batch(&[(0, "up")], &[(0, 10, 1.0)]), i64::MIN).appeared;
        assert_eq!(s.prune(11), first);
        let again = s.admit(0, &batch(&[], &[(0, 20, 2.0)]), i64::MIN).appeared;
        assert_ne!(again, first, "the old slot may still be referred to");
        assert!(s.prune(12).is_empty());
        let other = s.admit(0, &batch(&[(1, "down")], &[(1, 20, 2.0)]), i64::MIN).appeared;
        assert_eq!(other, first, "free after the next pruning");
        assert_eq!(s.admit(0, &batch(&[], &[(0, 30, 2.0)]), i64::MIN).appeared, Vec::<Slot>::new());
        assert_eq!(s.samples(again[0]).len(), 2);
    }

    #[test]
    fn recorded_names_are_not_stored() {
        let mut s = SeriesStore::new("");
        s.ignore_names(&["job:up:sum".to_owned()]);
        let a = s.admit(0, &batch(&[(0, "job:up:sum")], &[(0, 10, 1.0)]), i64::MIN);
        assert_eq!((a.ignored, a.appeared.len()), (1, 0));
        s.ignore_names(&[]);
        assert_eq!(s.admit(0, &batch(&[], &[(0, 20, 1.0)]), i64::MIN).appeared.len(), 1);
    }
}

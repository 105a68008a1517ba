//! What effects may do: write produced series, publish them to selectors, hand out results.

use super::answers::Answers;
use super::kept::KeptSamples;
use super::output::{EpochOutput, EpochTimes, WrittenSample};
use super::verdict::Board;
use crate::window::{SeriesStore, Slot};
use bellwether_model::{Labels, Value, stale_nan};

/// Hands of an effect while it is applied.
#[derive(Debug)]
pub struct Effects<'a> {
    pub(super) times: EpochTimes,
    pub(super) board: &'a Board,
    /// What templates query, where somebody answers.
    pub(super) answers: Option<&'a Answers>,
    /// Whether somebody follows what active alerts say between their transitions.
    pub(super) follows_alerts: bool,
    pub(super) output: &'a mut EpochOutput,
    /// Samples of produced series older than this are read by nobody, ms.
    pub(super) retain_from_ms: i64,
    /// No instant that is still to be evaluated is older, ms.
    pub(super) after_ms: i64,
    /// The node's number as a producer: programs number them anew, so state does not remember it.
    pub(super) producer: Option<usize>,
    /// The stamps of samples that are handed out, ms; `None` where none is.
    pub(super) hands_out: Option<(i64, i64)>,
    /// Whether the node is a second evaluation: its series have the labels of the first one's, and are others.
    pub(super) again: bool,
    /// Series that were written for the first time, with their labels.
    pub(super) published: Vec<(Slot, Labels)>,
    /// Series that are gone.
    pub(super) withdrawn: Vec<Slot>,
    /// Ingested series of which a rule writes samples too: the published ones stand for them.
    pub(super) absorbed: Vec<Slot>,
}

/// Produced series that came or went.
#[derive(Debug)]
pub struct News {
    pub(super) producer: Option<usize>,
    pub(super) published: Vec<(Slot, Labels)>,
    pub(super) withdrawn: Vec<Slot>,
    pub(super) absorbed: Vec<Slot>,
}

impl Effects<'_> {
    /// Whether somebody wants the node's series: a selector, or whoever takes what is handed out.
    pub fn is_wanted(&self) -> bool {
        self.producer.is_some() || self.hands_out.is_some()
    }

    fn hand_out(&mut self, labels: &Labels, stamp_ms: i64, value: Value) {
        if self.hands_out.is_some_and(|(first, last)| (first..=last).contains(&stamp_ms)) {
            self.output.written.push(WrittenSample { labels: labels.clone(), stamp_ms, value });
        }
    }

    /// What selectors must hear of.
    pub fn news(self) -> News {
        let Self { producer, published, withdrawn, absorbed, .. } = self;
        News { producer, published, withdrawn, absorbed }
    }
}

/// One series that a rule writes, with what Prometheus calls staleness: an element that vanishes gets a marker.
#[derive(Clone, Debug)]
pub struct Produced {
    labels: Labels,
    slot: Option<Slot>,
    /// Whether the last good evaluation had the element.
    pub present: bool,
}

impl Produced {
    /// A series that is not written yet.
    pub fn new(labels: Labels) -> Self {
        Self { labels, slot: None, present: false }
    }

    /// The element is present at stamp `t`.
    pub fn write(&mut self, store: &mut SeriesStore, effects: &mut Effects<'_>, t_ms: i64, value: Value) {
        effects.hand_out(&self.labels, t_ms, value.clone());
        self.present = true;
        if effects.producer.is_some() {
            self.keep(store, effects, t_ms, value);
        }
    }

    /// Keeps a sample for those who read the series.
    fn keep(&mut self, store: &mut SeriesStore, effects: &mut Effects<'_>, t_ms: i64, value: Value) {
        let slot = match self.slot {
            Some(slot) => slot,
            None => {
                let (slot, ingested) = match effects.again {
                    true => (store.add_produced(self.labels.clone()), None),
                    false => store.add_recorded(self.labels.clone()),
                };
                effects.absorbed.extend(ingested);
                effects.published.push((slot, self.labels.clone()));
                *self.slot.insert(slot)
            }
        };
        store.push_value(slot, t_ms, value);
    }

    /// The element is not present at stamp `t`: ends the series if it was.
    pub fn end(&mut self, store: &mut SeriesStore, effects: &mut Effects<'_>, t_ms: i64) {
        if std::mem::take(&mut self.present) {
            effects.hand_out(&self.labels, t_ms, Value::Float(stale_nan()));
            if let Some(slot) = self.slot {
                store.push(slot, t_ms, stale_nan());
            }
        }
    }

    /// Drops what nobody reads any more; frees the slot when nothing is left.
    pub fn prune(&mut self, store: &mut SeriesStore, effects: &mut Effects<'_>) {
        let Some(slot) = self.slot else { return };
        if effects.producer.is_none() {
            // It is only handed out now.
            effects.withdrawn.extend(self.slot.take());
            return;
        }
        store.prune_one(slot, effects.retain_from_ms);
        if !self.present && store.is_empty(slot) {
            self.withdraw(effects);
        }
    }

    /// Gives the series up: nobody reads it any more.
    pub fn withdraw(&mut self, effects: &mut Effects<'_>) {
        effects.withdrawn.extend(self.slot.take());
        self.present = false;
    }

    /// The series.
    pub fn into_labels(self) -> Labels {
        self.labels
    }

    /// Where its samples are.
    pub fn slot(&self) -> Option<Slot> {
        self.slot
    }

    /// Whether there is nothing to keep.
    pub fn is_idle(&self) -> bool {
        self.slot.is_none() && !self.present
    }

    /// Retained samples, for a checkpoint.
    pub fn samples(&self, store: &SeriesStore) -> KeptSamples {
        self.slot.map_or_else(KeptSamples::default, |slot| KeptSamples::of(store, slot))
    }

    /// Takes samples back from a checkpoint.
    pub fn restore(
        &mut self,
        store: &mut SeriesStore,
        effects: &mut Effects<'_>,
        samples: &KeptSamples,
        present: bool,
    ) {
        if effects.producer.is_some() {
            samples.points().for_each(|(t, value)| self.keep(store, effects, t, value));
        }
        self.present = present;
    }
}

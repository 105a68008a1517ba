//! What a checkpoint keeps of the evaluator: small state, written by shard and read back by any number of workers.

use super::alert::{AlertState, Phase};
use super::alert_series::KeptSeries;
use super::output::Unsettled;
use crate::program::Grid;
use crate::window::{Beside, HistogramPoint, SeriesStore, Slot, StartPoint};
use bellwether_model::{Histogram, Labels, NodeId, STALE_NAN_BITS, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Samples of a produced series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptSamples {
    /// (stamp ms, bits of the value).
    pub floats: Vec<(i64, u64)>,
    /// Native histograms.
    pub histograms: Vec<HistogramPoint>,
    /// Start timestamps.
    pub starts: Vec<StartPoint>,
}

impl KeptSamples {
    /// What a series retains.
    pub(super) fn of(store: &SeriesStore, slot: Slot) -> Self {
        let floats = store.samples(slot).each().map(|(t, v)| (t, v.to_bits())).collect();
        let Beside { histograms, starts } = store.beside(slot);
        Self { floats, histograms: histograms.to_vec(), starts: starts.to_vec() }
    }

    /// Those with `after_ms < stamp <= upto_ms` that are no stale markers.
    pub(super) fn within(mut self, after_ms: i64, upto_ms: i64) -> Self {
        let inside = |t: i64| t > after_ms && t <= upto_ms;
        self.floats.retain(|(t, bits)| inside(*t) && *bits != STALE_NAN_BITS);
        self.histograms.retain(|p| inside(p.0));
        self.starts.retain(|p| inside(p.0));
        self
    }

    /// Whether there is no sample.
    pub(super) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty()
    }

    /// Writes them to a produced series.
    pub(super) fn write(&self, store: &mut SeriesStore, slot: Slot) {
        for (t, value) in self.points() {
            store.push_value(slot, t, value);
        }
        for (t, start_ms) in &self.starts {
            store.push_start(slot, *t, *start_ms);
        }
    }

    /// (stamp ms, value), floats before histograms.
    pub(super) fn points(&self) -> impl Iterator<Item = (i64, Value)> + '_ {
        let floats = self.floats.iter().map(|(t, bits)| (*t, Value::Float(f64::from_bits(*bits))));
        floats.chain(self.histograms.iter().map(|(t, h)| (*t, Value::Histogram(Arc::clone(h)))))
    }
}

/// A value; floats by their bits, so that kept state compares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum KeptValue {
    Float(u64),
    Histogram(Arc<Histogram>),
}

impl KeptValue {
    fn of(value: &Value) -> Self {
        match value {
            Value::Float(v) => Self::Float(v.to_bits()),
            Value::Histogram(h) => Self::Histogram(Arc::clone(h)),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Float(bits) => Value::Float(f64::from_bits(*bits)),
            Self::Histogram(h) => Value::Histogram(Arc::clone(h)),
        }
    }
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptAlert {
    /// The rule.
    pub rule_id: u128,
    /// Identity.
    pub labels: Labels,
    firing: Option<bool>,
    active_at_ms: i64,
    fired_at_ms: Option<i64>,
    keep_since_ms: Option<i64>,
    value: KeptValue,
    source: Option<Labels>,
    untold: bool,
    pub(super) series: Option<Box<[KeptSeries; 3]>>,
}

/// One recorded series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRecord {
    /// The rule.
    pub rule_id: u128,
    /// Labels of the recorded series.
    pub labels: Labels,
    /// Samples that a reader may still look at.
    pub samples: KeptSamples,
    /// Whether the last good evaluation had the element.
    pub present: bool,
}

/// One element of a subquery's inner result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRing {
    /// What the ring keeps, wherever it is placed.
    pub of: NodeId,
    /// Labels of the element.
    pub labels: Labels,
    /// Retained results.
    pub samples: KeptSamples,
}

/// Instants at which a subquery's inner expression failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRingErrors {
    /// The ring, as in [`KeptRing`].
    pub of: NodeId,
    /// (instant ms, words).
    pub errors: Vec<(i64, String)>,
}

/// One element of what `@` reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptPinRow {
    /// What the pin keeps, wherever it is placed.
    pub of: NodeId,
    /// Labels of the element.
    pub labels: Labels,
    /// Its value, or the samples of its window.
    pub samples: KeptSamples,
}

/// That what `@` reads was taken, and with what it failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptPin {
    /// The pin, as in [`KeptPinRow`].
    pub of: NodeId,
    /// What its expression failed with.
    pub error: Option<String>,
}

/// One piece of kept state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kept {
    /// Alert.
    Alert(KeptAlert),
    /// Recorded series.
    Record(KeptRecord),
    /// Subquery results.
    Ring(KeptRing),
    /// What `@` reads: every worker knows that it was taken.
    Pin(KeptPin),
    /// Failures of a subquery: every worker has all of them.
    RingErrors(KeptRingErrors),
    /// An element of what `@` reads.
    PinRow(KeptPinRow),
}

impl Kept {
    /// The labels that place it: of an identity, a recorded series, an element. What all workers know goes by its shard.
    pub fn labels(&self) -> Option<&Labels> {
        match self {
            Self::Alert(kept) => Some(&kept.labels),
            Self::Record(kept) => Some(&kept.labels),
            Self::Ring(kept) => Some(&kept.labels),
            Self::PinRow(kept) => Some(&kept.labels),
            Self::Pin(_) | Self::RingErrors(_) => None,
        }
    }
}

/// Kept state of one worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptState {
    /// (shard, state).
    pub entries: Vec<(u16, Kept)>,
    /// The last evaluated instant of each grid, ms; equal on all workers.
    pub done: Vec<(Grid, i64)>,
    /// Oldest stamp that a later evaluation may read, ms: a restart reads the samples from there on again. It lies far
    /// back where instants wait.
    pub reads_from_ms: i64,
    /// What the commit stage keeps (of worker 0 only).
    pub unsettled: Unsettled,
}

impl KeptAlert {
    pub(super) fn pack(
        rule_id: u128,
        labels: &Labels,
        state: &AlertState,
        series: Option<Box<[KeptSeries; 3]>>,
    ) -> Self {
        Self {
            rule_id,
            labels: labels.clone(),
            firing: match state.phase {
                Phase::Inactive => None,
                Phase::Pending => Some(false),
                Phase::Firing => Some(true),
            },
            active_at_ms: state.active_at_ms,
            fired_at_ms: state.fired_at_ms,
            keep_since_ms: state.keep_since_ms,
            value: KeptValue::of(&state.value),
            source: state.source.clone(),
            untold: state.untold,
            series,
        }
    }

    /// (active at, fired at, value) of an alert that is pending or firing.
    pub fn active(&self) -> Option<(i64, Option<i64>, Value)> {
        self.firing.map(|_| (self.active_at_ms, self.fired_at_ms, self.value.value()))
    }

    /// The element's own labels when last seen.
    pub fn source(&self) -> &Labels {
        self.source.as_ref().unwrap_or(&self.labels)
    }

    /// The state without its series.
    pub(super) fn unpack(&self) -> AlertState {
        AlertState {
            phase: match self.firing {
                None => Phase::Inactive,
                Some(false) => Phase::Pending,
                Some(true) => Phase::Firing,
            },
            active_at_ms: self.active_at_ms,
            fired_at_ms: self.fired_at_ms,
            keep_since_ms: self.keep_since_ms,
            value: self.value.value(),
            source: self.source.clone(),
            untold: self.untold,
            series: None,
        }
    }

    /// The same of a rule that was not in force yet: whatever became of the alert, it is pending and nobody was told.
    pub(super) fn untold(&self) -> Self {
        let firing = self.firing.map(|_| false);
        Self { firing, fired_at_ms: None, keep_since_ms: None, untold: true, ..self.clone() }
    }
}

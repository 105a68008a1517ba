//! `sum_over_time` and `avg_over_time` of histograms, and the mean that `avg` shares with it.
//!
//! # Semantics (Prometheus `funcSumOverTime`, `funcAvgOverTime`)
//! Compensated sums. A mean divides the sum, until that would overflow; from there on it is carried incrementally.
//! Exponential and custom buckets together have no result.

use super::range::{Say, Window};
use crate::annotation::{Doing, Issue};
use bellwether_model::Histogram;
use bellwether_model::histogram::{Accumulator, Facts, Hint, Incompatible};
use serde::{Deserialize, Serialize};

/// The sum of a window's histograms.
pub(super) fn sum(w: &Window<'_>, say: Say<'_>) -> Option<Histogram> {
    let first = begin(w, say)?;
    all(w, Accumulator::compensated(first), |sum, h| sum.add(h), say).map(Accumulator::finish)
}

/// The mean of a window's histograms.
pub(super) fn avg(w: &Window<'_>, say: Say<'_>) -> Option<Histogram> {
    let first = begin(w, say)?;
    all(w, Mean::of(first), |mean, h| mean.add(h), say).map(Mean::finish)
}

/// The first histogram of a window without floats.
fn begin<'w>(w: &Window<'w>, say: Say<'_>) -> Option<&'w Histogram> {
    if w.is_mixed() {
        say(Issue::MixedRange);
        return None;
    }
    w.histograms.first().map(|(_, h)| &**h)
}

/// Adds the others to the first.
fn all<T>(
    w: &Window<'_>,
    mut sum: T,
    add: impl Fn(&mut T, &Histogram) -> Result<Facts, Incompatible>,
    say: Say<'_>,
) -> Option<T> {
    let mut facts = Facts::default();
    for (_, h) in &w.histograms[1..] {
        match add(&mut sum, h) {
            Ok(more) => facts = facts.and(more),
            Err(Incompatible) => {
                say(Issue::MixedLayouts);
                return None;
            }
        }
    }
    let seen = |hint: Hint| w.histograms.iter().any(|(_, h)| h.hint == hint);
    if seen(Hint::Reset) && seen(Hint::NotReset) {
        say(Issue::ResetCollision(Doing::Aggregation));
    }
    if facts.bounds_reconciled {
        say(Issue::Reconciled(Doing::Aggregation));
    }
    Some(sum)
}

/// A mean of histograms while it is being computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The sum, or the mean itself where the sum overflows.
    value: Accumulator,
    count: f64,
    incremental: bool,
}

impl Mean {
    /// Of one histogram.
    pub fn of(first: &Histogram) -> Self {
        Self { value: Accumulator::compensated(first), count: 1.0, incremental: false }
    }

    /// Takes a histogram in.
    pub fn add(&mut self, h: &Histogram) -> Result<Facts, Incompatible> {
        self.merge(Self::of(h))
    }

    /// Takes in the mean of what comes after.
    pub fn merge(&mut self, mut later: Self) -> Result<Facts, Incompatible> {
        let count = self.count + later.count;
        if !self.incremental && !later.incremental {
            let mut sum = self.value.clone();
            let facts = sum.merge(later.value.clone())?;
            if !sum.has_overflow() {
                (self.value, self.count) = (sum, count);
                return Ok(facts);
            }
        }
        self.carry();
        later.carry();
        self.value.multiply(self.count / count);
        // A single one is divided, as Prometheus does: rounding is what is left where large values cancel out.
        if later.count == 1.0 {
            later.value.divide(count);
        } else {
            later.value.multiply(later.count / count);
        }
        self.count = count;
        self.value.merge(later.value)
    }

    /// From the sum to the mean.
    fn carry(&mut self) {
        if !std::mem::replace(&mut self.incremental, true) {
            self.value.divide(self.count);
        }
    }

    /// The mean.
    pub fn finish(mut self) -> Histogram {
        self.carry();
        self.value.finish()
    }
}

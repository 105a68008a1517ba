//! What operators come upon in native histograms and start timestamps, and the words for it.
//!
//! # State
//! By issue and step: few, because rows with neither have none.

use super::Note;
use super::text::{for_metric, incompatible_types};
use crate::functions::{AggOp, BinOp};
use crate::template::quote::quote;
use bellwether_model::block::words;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What histograms were combined for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Doing {
    /// `+`, and what a counter had before a reset.
    Addition,
    /// `-`, and what a counter grew by.
    Subtraction,
    /// Sums and means.
    Aggregation,
}

impl Doing {
    fn name(self) -> &'static str {
        match self {
            Self::Addition => "addition",
            Self::Subtraction => "subtraction",
            Self::Aggregation => "aggregation",
        }
    }
}

/// Kind of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A float.
    Float,
    /// A native histogram.
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Histogram => "histogram",
        }
    }
}

/// What an operator came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Issue {
    /// Floats and histograms in a window.
    MixedRange,
    /// Floats and histograms in a group.
    MixedAggregation,
    /// Exponential and custom buckets.
    MixedLayouts,
    /// Classic buckets and a native histogram under one label set.
    MixedClassic,
    /// A gauge where a counter is needed.
    NotCounter,
    /// A counter where a gauge is needed.
    NotGauge,
    /// A function of floats left histograms out.
    IgnoredInRange,
    /// An aggregation of floats left histograms out.
    IgnoredInAggregation(AggOp),
    /// So did a choice of elements, which prefers the least ones or not.
    IgnoredInChoice(bool),
    /// A histogram that was reset and one that was not.
    ResetCollision(Doing),
    /// Custom bounds differed.
    Reconciled(Doing),
    /// A sample began to count before the one before it was taken.
    StartOverlap,
    /// An operator that does not take these.
    Types(Kind, BinOp, Kind),
    /// An operator of exponential and custom buckets.
    Layouts(BinOp),
    /// NaN observations hide the quantile.
    NanQuantile,
    /// NaN observations move the quantile.
    SkewedQuantile,
    /// NaN observations are in no fraction.
    NanFraction,
}

impl Issue {
    /// Prometheus's words; `metric` is the name of the series.
    pub fn note(self, metric: &str) -> Note {
        let of = for_metric(metric);
        let metric = quote(metric);
        match self {
            Self::MixedRange => {
                Note::warning(format!("encountered a mix of histograms and floats for metric name {metric}"))
            }
            Self::MixedAggregation => Note::warning("encountered a mix of histograms and floats for aggregation"),
            Self::MixedLayouts => Note::warning(format!(
                "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {metric}"
            )),
            Self::MixedClassic => Note::warning(format!("vector contains a mix of classic and native histograms{of}")),
            Self::NotCounter => Note::warning(format!("this native histogram metric is not a counter: {metric}")),
            Self::NotGauge => Note::warning(format!("this native histogram metric is not a gauge: {metric}")),
            Self::IgnoredInRange => Note::info(format!(
                "ignored histograms in a range containing both floats and histograms for metric name {metric}"
            )),
            Self::IgnoredInAggregation(op) => Note::info(format!("ignored histogram in {} aggregation", op.name())),
            Self::IgnoredInChoice(least) => {
                let name = if least { "bottomk" } else { "topk" };
                Note::info(format!("ignored histogram in {name} aggregation"))
            }
            Self::ResetCollision(doing) => {
                Note::warning(format!("conflicting counter resets during histogram {}", doing.name()))
            }
            Self::Reconciled(doing) => {
                Note::info(format!("mismatched custom buckets were reconciled during {}", doing.name()))
            }
            Self::StartOverlap => Note::warning(format!(
                "sample has start time that overlaps with previous sample timestamp for metric {metric}"
            )),
            Self::Types(left, op, right) => incompatible_types(left.name(), op.name(), right.name()),
            Self::Layouts(op) => {
                Note::warning(format!("incompatible bucket layout encountered for binary operator {}", op.name()))
            }
            Self::NanQuantile => {
                Note::info(format!("input to histogram_quantile has NaN observations, result is NaN{of}"))
            }
            Self::SkewedQuantile => {
                Note::info(format!("input to histogram_quantile has NaN observations, result is skewed higher{of}"))
            }
            Self::NanFraction => {
                let what = "which are excluded from all fractions";
                Note::info(format!("input to histogram_fraction has NaN observations, {what}{of}"))
            }
        }
    }
}

/// Issues by step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Issues(BTreeMap<Issue, BTreeSet<u32>>);

impl Issues {
    /// Adds one.
    pub fn add(&mut self, step: usize, issue: Issue) {
        self.0.entry(issue).or_default().insert(step as u32);
    }

    /// Takes over those of another.
    pub fn merge(&mut self, other: &Self) {
        for (issue, steps) in &other.0 {
            self.0.entry(*issue).or_default().extend(steps);
        }
    }

    /// Each issue, with the bits of its steps.
    pub fn each(&self, steps: usize) -> impl Iterator<Item = (Issue, Vec<u64>)> + '_ {
        self.0.iter().map(move |(issue, at)| {
            let mut bits = vec![0; words(steps)];
            at.iter().for_each(|step| bits[*step as usize / 64] |= 1 << (step % 64));
            (*issue, bits)
        })
    }
}

//! Aggregation across elements as mergeable partials over step rows: `sum`, `avg`, `min`, `max`, `count`, `group`,
//! `stddev`, `stdvar`, `quantile`; and [`TopK`].
//!
//! # Position
//! rows of a leaf's elements → [`Partial::add`] → [`Partial::merge`] along a fixed tree → [`Partial::finish`] → the
//! group's row
//!
//! # Semantics (Prometheus promql/engine.go, `aggregation`)
//! Within a leaf values are taken in Prometheus's way and in the order of the calls; a step is absent until a row has a
//! value there. Merging with an absent step copies, so it changes no bit.
//!
//! # State
//! By step; nothing is allocated after the first row of a step count, except by `quantile`, which keeps the rows.

mod extreme;
mod histograms;
mod lanes;
mod mean;
mod moments;
mod op;
mod sum;
mod topk;
mod values;

pub use op::AggOp;
pub use topk::{Choice, TopK, limit_fault};

use crate::annotation::Issues;
use bellwether_model::block::words;
use bellwether_model::{Row, RowMut};
use extreme::Extreme;
use histograms::Histograms;
use lanes::{Count, Lanes};
use mean::Mean;
use moments::Moments;
use serde::{Deserialize, Serialize};
use sum::Sum;
use values::Values;

/// A partial aggregate of one group, by step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partial {
    bits: Vec<u64>,
    state: State,
    /// Sums and means of native histograms, where there are any.
    histograms: Option<Box<Histograms>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Sum(Sum),
    Avg(Mean),
    Min(Extreme<false>),
    Max(Extreme<true>),
    Count(Count),
    Group,
    Deviation(Moments, bool),
    Quantile(Values),
}

impl State {
    fn new(op: AggOp) -> Self {
        match op {
            AggOp::Sum => Self::Sum(Sum::default()),
            AggOp::Avg => Self::Avg(Mean::default()),
            AggOp::Min => Self::Min(Extreme::default()),
            AggOp::Max => Self::Max(Extreme::default()),
            AggOp::Count => Self::Count(Count::default()),
            AggOp::Group => Self::Group,
            AggOp::Stddev => Self::Deviation(Moments::default(), true),
            AggOp::Stdvar => Self::Deviation(Moments::default(), false),
            AggOp::Quantile => Self::Quantile(Values::default()),
        }
    }

    fn op(&self) -> AggOp {
        match self {
            Self::Sum(_) => AggOp::Sum,
            Self::Avg(_) => AggOp::Avg,
            Self::Min(_) => AggOp::Min,
            Self::Max(_) => AggOp::Max,
            Self::Count(_) => AggOp::Count,
            Self::Group => AggOp::Group,
            Self::Deviation(_, true) => AggOp::Stddev,
            Self::Deviation(_, false) => AggOp::Stdvar,
            Self::Quantile(_) => AggOp::Quantile,
        }
    }
}

impl Partial {
    /// Of no element.
    pub fn new(op: AggOp, steps: usize) -> Self {
        let mut partial = Self { bits: Vec::new(), state: State::new(op), histograms: None };
        partial.reset(op, steps);
        partial
    }

    /// Forgets all elements; keeps the memory where the operator stays.
    pub fn reset(&mut self, op: AggOp, steps: usize) {
        if self.state.op() != op {
            self.state = State::new(op);
        }
        self.bits.clear();
        self.bits.resize(words(steps), 0);
        self.histograms = None;
        match &mut self.state {
            State::Sum(s) => s.resize(steps),
            State::Avg(s) => s.resize(steps),
            State::Min(s) => s.resize(steps),
            State::Max(s) => s.resize(steps),
            State::Count(s) => s.resize(steps),
            State::Group => {}
            State::Deviation(s, _) => s.resize(steps),
            State::Quantile(s) => s.reset(steps),
        }
    }

    /// Whether no step has a value.
    pub fn is_absent(&self) -> bool {
        self.histograms.is_none() && self.bits.iter().all(|w| *w == 0)
    }

    /// Takes an element in.
    pub fn add(&mut self, row: Row<'_>) {
        if row.histograms.is_empty() {
            return self.add_floats(row);
        }
        match &self.state {
            // These look at presence only.
            State::Count(_) | State::Group => {
                let mut present = vec![0; self.bits.len()];
                row.presence(&mut present);
                self.add_floats(Row::floats(row.values, &present));
            }
            state => {
                let op = state.op();
                self.histograms.get_or_insert_with(|| Box::new(Histograms::new(op))).add(row.histograms);
                self.add_floats(row);
            }
        }
    }

    /// What came up in native histograms.
    pub fn issues(&self) -> Option<Issues> {
        self.histograms.as_ref().map(|h| h.issues(&self.bits))
    }

    fn add_floats(&mut self, row: Row<'_>) {
        let bits = &mut self.bits;
        match &mut self.state {
            State::Sum(s) => lanes::add(s, bits, row),
            State::Avg(s) => lanes::add(s, bits, row),
            State::Min(s) => lanes::add(s, bits, row),
            State::Max(s) => lanes::add(s, bits, row),
            State::Count(s) => lanes::add(s, bits, row),
            State::Group => bits.iter_mut().zip(row.bits).for_each(|(b, r)| *b |= r),
            State::Deviation(s, _) => lanes::add(s, bits, row),
            State::Quantile(s) => {
                bits.iter_mut().zip(row.bits).for_each(|(b, r)| *b |= r);
                s.push(row);
            }
        }
    }

    /// Takes in what comes after it in the order of the tree; both are of one operator and as many steps.
    pub fn merge(&mut self, later: &Self) {
        match (&mut self.histograms, &later.histograms) {
            (Some(ours), Some(theirs)) => ours.merge(theirs),
            (ours @ None, Some(theirs)) => *ours = Some(theirs.clone()),
            _ => {}
        }
        let (bits, other) = (&mut self.bits, later.bits.as_slice());
        match (&mut self.state, &later.state) {
            (State::Sum(a), State::Sum(b)) => lanes::merge(a, bits, b, other),
            (State::Avg(a), State::Avg(b)) => lanes::merge(a, bits, b, other),
            (State::Min(a), State::Min(b)) => lanes::merge(a, bits, b, other),
            (State::Max(a), State::Max(b)) => lanes::merge(a, bits, b, other),
            (State::Count(a), State::Count(b)) => lanes::merge(a, bits, b, other),
            (State::Group, State::Group) => bits.iter_mut().zip(other).for_each(|(b, r)| *b |= r),
            (State::Deviation(a, _), State::Deviation(b, _)) => lanes::merge(a, bits, b, other),
            (State::Quantile(a), State::Quantile(b)) => {
                bits.iter_mut().zip(other).for_each(|(b, r)| *b |= r);
                a.append(b);
            }
            _ => debug_assert!(false, "partials of different operators"),
        }
    }

    /// Writes the result; `param` is the quantile by step. Overwrites `out`.
    pub fn finish(&self, param: Option<Row<'_>>, mut out: RowMut<'_>) {
        out.bits.copy_from_slice(&self.bits);
        match &self.state {
            State::Sum(s) => s.finish(out.values),
            State::Avg(s) => s.finish(out.values),
            State::Min(s) => out.values.copy_from_slice(&s.best),
            State::Max(s) => out.values.copy_from_slice(&s.best),
            State::Count(s) => out.values.copy_from_slice(&s.count),
            State::Group => out.values.fill(1.0),
            State::Deviation(s, root) => s.finish(*root, out.values),
            State::Quantile(s) => match param {
                Some(q) => {
                    out.bits.iter_mut().zip(q.bits).for_each(|(b, q)| *b &= q);
                    s.finish(q, &mut out);
                }
                None => out.bits.fill(0),
            },
        }
        if let Some(histograms) = &self.histograms {
            histograms.finish(&mut out);
        }
    }
}

#[cfg(test)]
mod tests;

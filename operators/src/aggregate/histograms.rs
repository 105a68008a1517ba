//! What aggregations make of native histograms, by step.
//!
//! # Semantics (Prometheus `aggregation`)
//! `sum` and `avg`: floats and histograms together have no result, nor have exponential and custom buckets. Sums are
//! compensated. Other aggregations of values leave histograms out and say so.

use super::AggOp;
use crate::annotation::{Doing, Issue, Issues};
use crate::native::Mean;
use bellwether_model::block::has;
use bellwether_model::column::Entry;
use bellwether_model::histogram::{Accumulator, Facts, Hint, Incompatible};
use bellwether_model::{Histogram, RowMut};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Histograms of one group at one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Total {
    Sum(Accumulator),
    Mean(Mean),
    /// Exponential and custom buckets met.
    Incompatible,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cell {
    total: Total,
    /// Whether a histogram was reset, and whether one was not.
    hints: (bool, bool),
    reconciled: bool,
}

/// Histograms of one group, by step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Histograms {
    op: AggOp,
    cells: BTreeMap<u32, Cell>,
    issues: Issues,
}

impl Histograms {
    pub(super) fn new(op: AggOp) -> Self {
        Self { op, cells: BTreeMap::new(), issues: Issues::default() }
    }

    fn cell(&self, h: &Histogram) -> Cell {
        let mean = self.op == AggOp::Avg;
        let total = if mean { Total::Mean(Mean::of(h)) } else { Total::Sum(Accumulator::compensated(h)) };
        Cell { total, hints: (h.hint == Hint::Reset, h.hint == Hint::NotReset), reconciled: false }
    }

    pub(super) fn add(&mut self, entries: &[Entry]) {
        for (step, h) in entries {
            if matches!(self.op, AggOp::Sum | AggOp::Avg) {
                let cell = self.cell(h);
                self.put(*step, cell);
            } else {
                self.issues.add(*step as usize, Issue::IgnoredInAggregation(self.op));
            }
        }
    }

    pub(super) fn merge(&mut self, later: &Self) {
        self.issues.merge(&later.issues);
        for (step, cell) in &later.cells {
            self.put(*step, cell.clone());
        }
    }

    fn put(&mut self, step: u32, cell: Cell) {
        let Some(ours) = self.cells.get_mut(&step) else {
            self.cells.insert(step, cell);
            return;
        };
        let added: Result<Facts, Incompatible> = match (&mut ours.total, cell.total) {
            (Total::Sum(a), Total::Sum(b)) => a.merge(b),
            (Total::Mean(a), Total::Mean(b)) => a.merge(b),
            _ => Err(Incompatible),
        };
        ours.hints = (ours.hints.0 | cell.hints.0, ours.hints.1 | cell.hints.1);
        ours.reconciled |= cell.reconciled;
        match added {
            Ok(facts) => ours.reconciled |= facts.bounds_reconciled,
            Err(Incompatible) => ours.total = Total::Incompatible,
        }
    }

    /// Writes the results; a step that has floats as well is cleared.
    pub(super) fn finish(&self, out: &mut RowMut<'_>) {
        for (step, cell) in &self.cells {
            let step = *step as usize;
            if has(out.bits, step) {
                out.clear(step);
                continue;
            }
            let mut h = match &cell.total {
                Total::Sum(sum) => sum.clone().finish(),
                Total::Mean(mean) => mean.clone().finish(),
                Total::Incompatible => continue,
            };
            h.compact();
            out.histograms.set(step, Arc::new(h));
        }
    }

    /// What came up; `floats` are the steps with floats.
    pub(super) fn issues(&self, floats: &[u64]) -> Issues {
        let mut issues = self.issues.clone();
        for (step, cell) in &self.cells {
            let step = *step as usize;
            if cell.reconciled {
                issues.add(step, Issue::Reconciled(Doing::Aggregation));
            }
            if cell.total == Total::Incompatible {
                issues.add(step, Issue::MixedLayouts);
            }
            if has(floats, step) {
                issues.add(step, Issue::MixedAggregation);
            } else if cell.hints == (true, true) && cell.total != Total::Incompatible {
                issues.add(step, Issue::ResetCollision(Doing::Aggregation));
            }
        }
        issues
    }
}

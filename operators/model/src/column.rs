//! Histograms of a block, beside its floats: a column that is empty, and free, where there are none.
//!
//! # Semantics
//! At one step an element is a float, a histogram, or absent, never two of these. Kernels that know nothing of histograms
//! see such a step as absent, as most of Prometheus's functions do.

use crate::histogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A value of a series or an element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

impl Value {
    /// The float that Prometheus shows where it shows only floats: 0 for a histogram.
    pub fn float(&self) -> f64 {
        match self {
            Self::Float(v) => *v,
            Self::Histogram(_) => 0.0,
        }
    }
}

/// A histogram at a step.
pub type Entry = (u32, Arc<Histogram>);

/// Histograms by row, in order of steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramColumn {
    rows: BTreeMap<u32, Vec<Entry>>,
}

/// One row of a [`HistogramColumn`], for writing.
#[derive(Debug)]
pub struct HistogramsMut<'a> {
    column: &'a mut HistogramColumn,
    row: u32,
}

impl HistogramColumn {
    /// Whether there is no histogram in any row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Forgets the rows from `rows` on.
    pub fn truncate(&mut self, rows: usize) {
        if !self.rows.is_empty() {
            drop(self.rows.split_off(&(rows as u32)));
        }
    }

    /// Histograms of a row.
    pub fn row(&self, row: usize) -> &[Entry] {
        self.rows.get(&(row as u32)).map_or(&[], Vec::as_slice)
    }

    /// A row, for writing.
    pub fn row_mut(&mut self, row: usize) -> HistogramsMut<'_> {
        HistogramsMut { column: self, row: row as u32 }
    }
}

impl HistogramsMut<'_> {
    /// The same row for reading.
    pub fn as_slice(&self) -> &[Entry] {
        self.column.row(self.row as usize)
    }

    /// The same row, borrowed for less long.
    pub fn reborrow(&mut self) -> HistogramsMut<'_> {
        HistogramsMut { column: self.column, row: self.row }
    }

    /// Sets the histogram at a step.
    pub fn set(&mut self, step: usize, histogram: Arc<Histogram>) {
        let entries = self.column.rows.entry(self.row).or_default();
        let step = step as u32;
        match entries.last() {
            Some((last, _)) if *last >= step => match entries.binary_search_by_key(&step, |e| e.0) {
                Ok(at) => entries[at].1 = histogram,
                Err(at) => entries.insert(at, (step, histogram)),
            },
            _ => entries.push((step, histogram)),
        }
    }

    /// Keeps the histograms for which `keep` is true of the step.
    pub fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        if self.column.rows.is_empty() {
            return;
        }
        let Some(entries) = self.column.rows.get_mut(&self.row) else { return };
        entries.retain(|(step, _)| keep(*step as usize));
        if entries.is_empty() {
            self.column.rows.remove(&self.row);
        }
    }

    /// Changes each histogram, or drops it.
    pub fn update(&mut self, mut f: impl FnMut(usize, &Arc<Histogram>) -> Option<Arc<Histogram>>) {
        let Some(entries) = self.column.rows.remove(&self.row) else { return };
        let next = |(step, h): Entry| f(step as usize, &h).map(|h| (step, h));
        let entries: Vec<Entry> = entries.into_iter().filter_map(next).collect();
        self.replace(&entries);
    }

    /// Takes over the histograms of another row.
    pub fn replace(&mut self, entries: &[Entry]) {
        if !entries.is_empty() {
            self.column.rows.insert(self.row, entries.to_vec());
        } else if !self.column.rows.is_empty() {
            self.column.rows.remove(&self.row);
        }
    }
}

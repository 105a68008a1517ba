//! Looks for two elements with one label set at one step.
//!
//! Elements that share a label set are found when they are first seen; only those few are compared by step.

use super::elements::{Change, Changes, Cursor};
use super::packet::VerdictPart;
use super::verdict::SAME_LABELSET;
use bellwether_model::block::words;
use bellwether_model::{Block, Labels};
use std::collections::{BTreeMap, HashMap};

/// Rows by label set.
#[derive(Debug, Default)]
pub struct Unique {
    /// How far the rows were followed.
    pub cursor: Cursor,
    by_labels: HashMap<Labels, Vec<u32>>,
    of_row: HashMap<u32, Labels>,
    /// Label sets with more than one row.
    shared: BTreeMap<Labels, Vec<u32>>,
}

impl Unique {
    /// Follows rows.
    pub fn follow(&mut self, changes: Changes, labels: impl Fn(u32) -> Option<Labels>) {
        if changes.restart {
            self.by_labels.clear();
            self.of_row.clear();
            self.shared.clear();
        }
        for change in changes.list {
            match change {
                Change::Added(row) => {
                    self.take(row);
                    if let Some(l) = labels(row) {
                        self.by_labels.entry(l.clone()).or_default().push(row);
                        self.note(&l);
                        self.of_row.insert(row, l);
                    }
                }
                Change::Removed(row) => self.take(row),
            }
        }
    }

    fn take(&mut self, row: u32) {
        let Some(l) = self.of_row.remove(&row) else { return };
        if let Some(rows) = self.by_labels.get_mut(&l) {
            rows.retain(|r| *r != row);
            if rows.is_empty() {
                self.by_labels.remove(&l);
            }
        }
        self.note(&l);
    }

    fn note(&mut self, l: &Labels) {
        match self.by_labels.get(l) {
            Some(rows) if rows.len() > 1 => drop(self.shared.insert(l.clone(), rows.clone())),
            _ => drop(self.shared.remove(l)),
        }
    }

    /// The steps at which some label set is present twice.
    pub fn check(&self, block: &Block) -> VerdictPart {
        let mut failed = vec![0u64; words(block.steps())];
        let mut present = failed.clone();
        for rows in self.shared.values() {
            let mut seen = vec![0u64; failed.len()];
            for row in rows {
                present.fill(0);
                block.row(*row as usize).presence(&mut present);
                for (w, bits) in present.iter().enumerate() {
                    failed[w] |= seen[w] & bits;
                    seen[w] |= bits;
                }
            }
        }
        VerdictPart::failed(failed, || SAME_LABELSET.to_owned())
    }
}

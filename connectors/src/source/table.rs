//! Label sets numbered in the order in which they appear.

use bellwether_model::Labels;
use std::collections::HashMap;

/// Label sets with their numbers.
#[derive(Default)]
pub(crate) struct SeriesTable {
    numbers: HashMap<Labels, u32>,
    labels: Vec<Labels>,
}

impl SeriesTable {
    /// The number of a label set, a new one if it was not seen before; `None` if numbers have run out.
    pub(crate) fn number(&mut self, labels: Labels) -> Option<u32> {
        if let Some(n) = self.numbers.get(&labels) {
            return Some(*n);
        }
        // The last number means "dropped" to the sort.
        let n = u32::try_from(self.labels.len()).ok().filter(|n| *n < super::group::DROPPED)?;
        self.labels.push(labels.clone());
        self.numbers.insert(labels, n);
        Some(n)
    }

    /// All label sets by number.
    pub(crate) fn labels(&self) -> &[Labels] {
        &self.labels
    }
}

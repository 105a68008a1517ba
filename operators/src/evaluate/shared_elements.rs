//! Elements that several sources may give under one label set: one row, which goes when its last source does.

use super::elements::Elements;
use bellwether_model::Labels;
use std::collections::HashMap;

/// Elements, one row a label set.
#[derive(Debug, Default)]
pub struct SharedElements {
    /// The rows.
    pub elements: Elements,
    by_labels: HashMap<Labels, u32>,
    /// Number of sources by row.
    uses: Vec<u32>,
}

impl SharedElements {
    /// The row of a label set, for one more source.
    pub fn acquire(&mut self, labels: &Labels) -> u32 {
        if let Some(row) = self.by_labels.get(labels) {
            self.uses[*row as usize] += 1;
            return *row;
        }
        let row = self.elements.add(labels.clone());
        if self.uses.len() <= row as usize {
            self.uses.resize(row as usize + 1, 0);
        }
        self.uses[row as usize] = 1;
        self.by_labels.insert(labels.clone(), row);
        row
    }

    /// One source of a row is gone.
    pub fn release(&mut self, row: u32) {
        let Some(labels) = self.elements.get(row) else { return };
        let uses = &mut self.uses[row as usize];
        *uses -= 1;
        if *uses == 0 {
            self.by_labels.remove(labels);
            self.elements.remove(row);
        }
    }

    /// Whether a row has several sources.
    pub fn is_shared(&self, row: u32) -> bool {
        self.uses.get(row as usize).is_some_and(|uses| *uses > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stays_until_its_last_source_is_gone() {
        let mut s = SharedElements::default();
        let l = Labels::from_pairs([("a", "1")]);
        let row = s.acquire(&l);
        assert_eq!(s.acquire(&l), row);
        assert!(s.is_shared(row));
        s.release(row);
        assert!(s.elements.get(row).is_some() && !s.is_shared(row));
        s.release(row);
        assert!(s.elements.get(row).is_none());
        s.release(row);
        assert_eq!(s.acquire(&l), row, "a free row is used again");
    }
}

//! Elements that several sources may give under one label set: one row, which goes when its last source does.

use super::elements::Elements;
use bellwether_model::Labels;
use std::collections::HashMap;

/// Elements, one row a label set.
#[derive(Debug, Default)]
pub struct SharedElements {
    /// The rows.
    pub elements: Elements,
    by_labels: HashMap<Labels, (u32, u32)>,
}

impl SharedElements {
    /// The row of a label set, for one more source.
    pub fn acquire(&mut self, labels: &Labels) -> u32 {
        if let Some((row, uses)) = self.by_labels.get_mut(labels) {
            *uses += 1;
            return *row;
        }
        let row = self.elements.add(labels.clone());
        self.by_labels.insert(labels.clone(), (row, 1));
        row
    }

    /// One source of a row is gone.
    pub fn release(&mut self, row: u32) {
        let Some(labels) = self.elements.get(row).cloned() else { return };
        if let Some((_, uses)) = self.by_labels.get_mut(&labels) {
            *uses -= 1;
            if *uses == 0 {
                self.by_labels.remove(&labels);
                self.elements.remove(row);
            }
        }
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
        s.release(row);
        assert!(s.elements.get(row).is_some());
        s.release(row);
        assert!(s.elements.get(row).is_none());
        s.release(row);
        assert_eq!(s.acquire(&l), row, "a free row is used again");
    }
}

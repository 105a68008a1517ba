//! Elements that arrive from other workers: each sender's numbers mapped to rows of the receiver.
//!
//! One label set is one row here, whatever number of senders announce it: the row goes when the last of them withdraws.

use super::elements::Elements;
use bellwether_model::Labels;
use std::collections::HashMap;

/// Rows by sender.
#[derive(Debug, Default)]
pub struct Senders {
    by_sender: HashMap<u32, HashMap<u32, u32>>,
    by_labels: HashMap<Labels, u32>,
    announced: Vec<(u32, Labels)>,
}

impl Senders {
    /// Takes announcements and withdrawals of one sender.
    pub fn define(&mut self, from: u32, defs: &[(u32, Labels)], removed: &[u32], elements: &mut Elements) {
        let rows = self.by_sender.entry(from).or_default();
        let gone: Vec<u32> = removed.iter().filter_map(|r| rows.remove(r)).collect();
        for row in gone {
            self.withdraw(row, elements);
        }
        for (number, labels) in defs {
            let row = match self.by_labels.get(labels) {
                Some(row) => *row,
                None => {
                    let row = elements.add(labels.clone());
                    self.by_labels.insert(labels.clone(), row);
                    row
                }
            };
            let at = row as usize;
            if self.announced.len() <= at {
                self.announced.resize(at + 1, (0, Labels::empty()));
            }
            let count = self.announced[at].0 + 1;
            self.announced[at] = (count, labels.clone());
            let before = self.by_sender.entry(from).or_default().insert(*number, row);
            if let Some(before) = before {
                self.withdraw(before, elements);
            }
        }
    }

    fn withdraw(&mut self, row: u32, elements: &mut Elements) {
        let entry = &mut self.announced[row as usize];
        entry.0 -= 1;
        if entry.0 == 0 {
            self.by_labels.remove(&entry.1);
            entry.1 = Labels::empty();
            elements.remove(row);
        }
    }

    /// The row of a sender's number.
    pub fn row(&self, from: u32, number: u32) -> Option<u32> {
        self.by_sender.get(&from)?.get(&number).copied()
    }
}

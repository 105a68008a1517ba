//! Elements that arrive from other workers: each sender's numbers mapped to rows of the receiver.
//!
//! One label set is one row here, whatever number of senders announce it: the row goes when the last of them withdraws.

use super::shared_elements::SharedElements;
use bellwether_model::Labels;
use std::collections::HashMap;

/// Rows by sender.
#[derive(Debug, Default)]
pub struct Senders {
    by_sender: HashMap<u32, HashMap<u32, u32>>,
}

impl Senders {
    /// Takes announcements and withdrawals of one sender.
    pub fn define(&mut self, from: u32, defs: &[(u32, Labels)], removed: &[u32], rows: &mut SharedElements) {
        let known = self.by_sender.entry(from).or_default();
        for row in removed.iter().filter_map(|number| known.remove(number)) {
            rows.release(row);
        }
        for (number, labels) in defs {
            if let Some(before) = known.insert(*number, rows.acquire(labels)) {
                rows.release(before);
            }
        }
    }

    /// The row of a sender's number.
    pub fn row(&self, from: u32, number: u32) -> Option<u32> {
        self.by_sender.get(&from)?.get(&number).copied()
    }
}

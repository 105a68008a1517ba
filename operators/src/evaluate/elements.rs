//! The elements of a node: rows with labels, and the log of their coming and going.
//!
//! # State
//! Rows are stable numbers; a row that is gone is used again. Readers follow the log by a cursor, so that a reader that
//! was not evaluated for some epochs (its grid had no instant) misses nothing.

use bellwether_model::Labels;
use std::cell::Cell;

/// A row came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The row has an element from now on.
    Added(u32),
    /// The row's element is gone.
    Removed(u32),
}

/// How far a reader has followed an [`Elements`] log; a new cursor begins with all live rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(Option<u64>);

/// What a reader has to catch up with.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The reader must forget what it knew: it is new, or too far behind.
    pub restart: bool,
    /// In order.
    pub list: Vec<Change>,
}

/// Rows with labels.
#[derive(Debug, Default)]
pub struct Elements {
    labels: Vec<Option<Labels>>,
    free: Vec<u32>,
    log: Vec<Change>,
    /// Number of log entries that were trimmed.
    trimmed: u64,
    /// Whether anybody has a cursor: before, nobody will read the log.
    is_read: Cell<bool>,
}

impl Elements {
    /// Adds an element and returns its row.
    pub fn add(&mut self, labels: Labels) -> u32 {
        let row = match self.free.pop() {
            Some(row) => {
                self.labels[row as usize] = Some(labels);
                row
            }
            None => {
                self.labels.push(Some(labels));
                (self.labels.len() - 1) as u32
            }
        };
        self.note(Change::Added(row));
        row
    }

    /// Removes an element.
    pub fn remove(&mut self, row: u32) {
        if self.labels[row as usize].take().is_some() {
            self.free.push(row);
            self.note(Change::Removed(row));
        }
    }

    fn note(&mut self, change: Change) {
        if self.is_read.get() {
            self.log.push(change);
        }
    }

    /// Rows, free ones included: the number of rows of a block.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// Rows that have an element.
    pub fn len(&self) -> usize {
        self.labels.len() - self.free.len()
    }

    /// Labels of a row, if it has an element.
    pub fn get(&self, row: u32) -> Option<&Labels> {
        self.labels.get(row as usize)?.as_ref()
    }

    /// Rows that have an element, in order.
    pub fn live(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.labels.len() as u32).filter(|r| self.labels[*r as usize].is_some())
    }

    /// What happened since the cursor, which moves to the end.
    pub fn changes(&self, cursor: &mut Cursor) -> Changes {
        self.is_read.set(true);
        let end = self.trimmed + self.log.len() as u64;
        match cursor.0.replace(end) {
            Some(at) if at >= self.trimmed => {
                Changes { restart: false, list: self.log[(at - self.trimmed) as usize..].to_vec() }
            }
            _ => Changes { restart: true, list: self.live().map(Change::Added).collect() },
        }
    }

    /// Forgets a log that has grown beyond the cost of a restart; readers that are behind begin again.
    pub fn trim(&mut self) {
        if self.log.len() > self.labels.len() + 1024 {
            self.trimmed += self.log.len() as u64;
            self.log = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_sees_each_change_once() {
        let mut e = Elements::default();
        let l = |n: &str| Labels::from_pairs([("a", n)]);
        let (x, _) = (e.add(l("x")), e.add(l("y")));
        let mut c = Cursor::default();
        let all = Changes { restart: true, list: vec![Change::Added(0), Change::Added(1)] };
        assert_eq!(e.changes(&mut c), all);
        e.remove(x);
        assert_eq!(e.add(l("z")), x, "a free row is used again");
        assert_eq!(e.changes(&mut c).list, [Change::Removed(0), Change::Added(0)]);
        assert_eq!(e.changes(&mut c), Changes::default());
        for _ in 0..2000 {
            e.remove(x);
            e.add(l("z"));
        }
        e.trim();
        assert_eq!(
            e.changes(&mut c),
            Changes { restart: true, list: all.list },
            "too far behind: again from the start"
        );
    }
}

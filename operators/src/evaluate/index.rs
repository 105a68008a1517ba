//! Where things are, so that a candidate, a produced series or an idle epoch costs the same whatever the number of rules.
//!
//! # State
//! Made anew for each program: its size is that of the selector table. What selectors' rows have changed since the last
//! epoch's end is kept with it.

use crate::program::Program;
use std::collections::{BTreeSet, HashMap};

/// Indexes over a program, and figures that each epoch needs.
#[derive(Debug, Default)]
pub struct Index {
    by_selector: HashMap<u128, usize>,
    by_producer: HashMap<usize, Vec<usize>>,
    touched: BTreeSet<usize>,
    /// [`Program::query_offset_ms`]
    pub query_offset_ms: i64,
    /// How far back the deepest selector reads, ms.
    pub deepest_ms: i64,
    /// How far ahead of an instant anything reads, ms.
    pub ahead_ms: i64,
}

impl Index {
    /// The index of a program.
    pub fn new(program: &Program) -> Self {
        let mut index = Self {
            query_offset_ms: program.query_offset_ms(),
            deepest_ms: program.selectors.iter().map(|s| s.retain_ms).max().unwrap_or(0),
            ahead_ms: program.ahead_ms(),
            ..Self::default()
        };
        for (at, selector) in program.selectors.iter().enumerate() {
            index.by_selector.insert(selector.id, at);
            for read in &selector.producers {
                let readers = index.by_producer.entry(read.producer).or_default();
                // A selector that reads a producer twice is one reader.
                if readers.last() != Some(&at) {
                    readers.push(at);
                }
            }
        }
        index
    }

    /// The number of a selector.
    pub fn selector(&self, id: u128) -> Option<usize> {
        self.by_selector.get(&id).copied()
    }

    /// Selectors that may read a producer.
    pub fn readers(&self, producer: usize) -> &[usize] {
        self.by_producer.get(&producer).map_or(&[], Vec::as_slice)
    }

    /// The rows of a selector have changed.
    pub fn touch(&mut self, selector: usize) {
        self.touched.insert(selector);
    }

    /// Selectors whose rows have changed.
    pub fn take_touched(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.touched)
    }
}

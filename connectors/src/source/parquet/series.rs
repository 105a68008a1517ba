//! Label keys in, series numbers out: one number a row without hashing a string.
//!
//! # Semantics
//! The keys of a row's label columns are packed into one 64-bit word, the word is looked up. Rows of a scrape come in
//! the same order each time, so the successor of each combination is remembered and tried first: the usual row costs one
//! comparison. If the columns need more than 64 bits, they are packed in stages, each stage's dense number taking 32
//! bits of the next.
//!
//! # State
//! One entry a distinct combination of keys; forgotten when a column needs another bit.

use super::values::Values;
use crate::source::group::DROPPED;
use crate::source::table::SeriesTable;
use crate::source::{Keep, SourceError};
use bellwether_model::LabelsBuilder;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A multiplicative hash of one word: combinations are dense small numbers, not hostile input.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_u64(u64::from(*b));
        }
    }
    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// Numbers for words: dense, in order of first appearance.
#[derive(Default)]
struct Dense {
    numbers: HashMap<u64, u32, BuildHasherDefault<Mix>>,
    /// By number (and one for "before the first row"): the word that followed it last time, and that word's number.
    successors: Vec<(u64, u32)>,
    last: usize,
}

const UNKNOWN: u32 = u32::MAX;

impl Dense {
    fn clear(&mut self) {
        self.numbers.clear();
        self.successors.clear();
        self.last = 0;
    }

    fn number(&mut self, words: &[u64], out: &mut Vec<u32>, mut on_new: impl FnMut(usize)) {
        if self.successors.is_empty() {
            self.successors.push((0, UNKNOWN));
        }
        for (row, word) in words.iter().enumerate() {
            let (next_word, next) = self.successors[self.last];
            let number = if next_word == *word && next != UNKNOWN {
                next
            } else {
                let fresh = self.numbers.len() as u32;
                let number = *self.numbers.entry(*word).or_insert(fresh);
                if number == fresh {
                    self.successors.push((0, UNKNOWN));
                    on_new(row);
                }
                self.successors[self.last] = (*word, number);
                number
            };
            self.last = number as usize + 1;
            out.push(number);
        }
    }
}

/// Turns rows of keys into series numbers.
pub(crate) struct SeriesNumbers {
    bits: Vec<u32>,
    stages: Vec<(std::ops::Range<usize>, Dense)>,
    /// Series number by combination.
    series: Vec<u32>,
    words: Vec<u64>,
    dense: Vec<u32>,
    keep: Option<Keep>,
}

fn bits_for(count: usize) -> u32 {
    usize::BITS - count.leading_zeros()
}

impl SeriesNumbers {
    /// For any columns; `keep` says which series are wanted.
    pub(crate) fn new(keep: Option<Keep>) -> Self {
        Self { bits: Vec::new(), stages: Vec::new(), series: Vec::new(), words: Vec::new(), dense: Vec::new(), keep }
    }

    /// Forgets all combinations, because the columns are others now.
    pub(crate) fn reset(&mut self) {
        self.bits.clear();
        self.stages.clear();
        self.series.clear();
    }

    fn fit(&mut self, columns: &[Values]) {
        let fits = self.bits.len() == columns.len()
            && columns.iter().zip(&self.bits).all(|(c, bits)| bits_for(c.count()) <= *bits);
        if fits && !self.stages.is_empty() {
            return;
        }
        self.bits = columns.iter().map(|c| bits_for(c.count())).collect();
        self.series.clear();
        self.stages.clear();
        let (mut from, mut used) = (0, 0);
        for (i, bits) in self.bits.iter().enumerate() {
            if used + bits > 64 {
                self.stages.push((from..i, Dense::default()));
                (from, used) = (i, 32);
            }
            used += bits;
        }
        self.stages.push((from..columns.len(), Dense::default()));
        self.stages.iter_mut().for_each(|(_, d)| d.clear());
    }

    /// Appends the series number of each row to `out`. `keys` holds one vector of row keys a column.
    pub(crate) fn number(
        &mut self,
        rows: usize,
        keys: &[Vec<u32>],
        columns: &[Values],
        table: &mut SeriesTable,
        out: &mut Vec<u32>,
    ) -> Result<(), SourceError> {
        self.fit(columns);
        let mut fresh = Vec::new();
        let last = self.stages.len() - 1;
        for (i, (range, dense)) in self.stages.iter_mut().enumerate() {
            self.words.clear();
            match i {
                0 => self.words.resize(rows, 0),
                _ => self.words.extend(self.dense.iter().map(|d| u64::from(*d))),
            }
            for c in range.clone() {
                let bits = self.bits[c];
                if bits > 0 {
                    self.words.iter_mut().zip(&keys[c]).for_each(|(w, k)| *w = *w << bits | u64::from(*k));
                }
            }
            self.dense.clear();
            dense.number(&self.words, &mut self.dense, |row| {
                if i == last {
                    fresh.push(row);
                }
            });
        }
        for row in fresh {
            let number = self.series_of(row, keys, columns, table)?;
            self.series.push(number);
        }
        out.extend(self.dense.iter().map(|d| self.series[*d as usize]));
        Ok(())
    }

    fn series_of(
        &self,
        row: usize,
        keys: &[Vec<u32>],
        columns: &[Values],
        table: &mut SeriesTable,
    ) -> Result<u32, SourceError> {
        let mut labels = LabelsBuilder::default();
        for (column, keys) in columns.iter().zip(keys) {
            column.apply(keys[row], &mut labels);
        }
        let labels = labels.build();
        if self.keep.as_ref().is_some_and(|keep| !keep(&labels)) {
            return Ok(DROPPED);
        }
        table
            .number(labels)
            .ok_or_else(|| SourceError::invalid("the input", "it has more than 4 billion series", "split it"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::columns::LabelColumn;
    use super::*;

    /// Forty columns of four bits need 160 bits: three stages.
    #[test]
    fn many_columns_are_packed_in_stages() {
        let mut columns: Vec<Values> =
            (0..40).map(|c| Values::new(LabelColumn::Text { leaf: c, label: format!("l{c}") })).collect();
        let rows: Vec<usize> = (0..30).chain(0..30).collect();
        let keys: Vec<Vec<u32>> = columns
            .iter_mut()
            .enumerate()
            .map(|(c, v)| rows.iter().map(|r| v.key(format!("{}", (r + c) % 15).as_bytes()).unwrap()).collect())
            .collect();
        let mut numbers = SeriesNumbers::new(None);
        let (mut table, mut out) = (SeriesTable::default(), Vec::new());
        numbers.number(rows.len(), &keys, &columns, &mut table, &mut out).unwrap();
        assert!(numbers.stages.len() > 1);
        let want: Vec<u32> = rows.iter().map(|r| (r % 15) as u32).collect();
        assert_eq!(out, want);
        assert_eq!(table.labels()[3].get("l39"), "12");
    }

    #[test]
    fn numbers_survive_a_wider_column() {
        let mut column = [Values::new(LabelColumn::Text { leaf: 0, label: "a".into() })];
        let mut numbers = SeriesNumbers::new(Some(std::sync::Arc::new(|l| l.get("a") != "2")));
        let (mut table, mut out) = (SeriesTable::default(), Vec::new());
        for text in ["1", "2", "3", "1", "2", "3"] {
            let keys = [vec![column[0].key(text.as_bytes()).unwrap()]];
            numbers.number(1, &keys, &column, &mut table, &mut out).unwrap();
        }
        assert_eq!(out, [0, DROPPED, 1, 0, DROPPED, 1]);
    }
}

//! Step blocks: elements × steps of `f64` with a presence mask.
//!
//! Rows are elements, contiguous over steps, so that aggregation adds rows to rows. Presence is a bitmask, never a
//! NaN: NaN is a value. The value under a cleared bit is unspecified; nothing may read it. Native histograms will be a
//! column of their own beside `values`, so no consumer may assume that a value is always 8 bytes: rows are reached
//! through [`Row`] and [`RowMut`] only.

use serde::{Deserialize, Serialize};

/// Mask words that `steps` steps need.
pub const fn words(steps: usize) -> usize {
    steps.div_ceil(64)
}

/// The mask word `word` with all its valid bits set.
pub const fn full_word(steps: usize, word: usize) -> u64 {
    let left = steps - word * 64;
    if left >= 64 { u64::MAX } else { (1u64 << left) - 1 }
}

/// Elements × steps of values with presence bits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Block {
    steps: usize,
    rows: usize,
    values: Vec<f64>,
    bits: Vec<u64>,
}

/// One element of a block.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Values by step.
    pub values: &'a [f64],
    /// Presence by step, 64 steps a word; bits past the last step are 0.
    pub bits: &'a [u64],
}

/// One element of a block, for writing.
#[derive(Debug)]
pub struct RowMut<'a> {
    /// Values by step.
    pub values: &'a mut [f64],
    /// Presence by step; bits past the last step stay 0.
    pub bits: &'a mut [u64],
}

impl<'a> Row<'a> {
    /// Whether no step has a value.
    pub fn is_absent(&self) -> bool {
        self.bits.iter().all(|w| *w == 0)
    }

    /// The value at a step.
    pub fn get(&self, step: usize) -> Option<f64> {
        has(self.bits, step).then(|| self.values[step])
    }

    /// The steps with a value, in order, with it.
    pub fn present(self) -> impl Iterator<Item = (usize, f64)> + 'a {
        ones(self.bits).map(move |s| (s, self.values[s]))
    }
}

impl RowMut<'_> {
    /// Sets the value at a step.
    pub fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        self.bits[step / 64] |= 1 << (step % 64);
    }

    /// Clears a step.
    pub fn clear(&mut self, step: usize) {
        self.bits[step / 64] &= !(1 << (step % 64));
    }

    /// The same row for reading.
    pub fn as_row(&self) -> Row<'_> {
        Row { values: self.values, bits: self.bits }
    }

    /// Copies a row of the same number of steps.
    pub fn copy_from(&mut self, row: Row<'_>) {
        self.values.copy_from_slice(row.values);
        self.bits.copy_from_slice(row.bits);
    }
}

/// Whether a step's bit is set.
pub fn has(bits: &[u64], step: usize) -> bool {
    bits[step / 64] >> (step % 64) & 1 == 1
}

/// The steps whose bit is set, in order.
pub fn ones(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(w, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros();
            (left != 0).then(|| {
                left &= left - 1;
                w * 64 + bit as usize
            })
        })
    })
}

/// The bits of `steps` steps, all set.
pub fn all(steps: usize) -> Vec<u64> {
    (0..words(steps)).map(|w| full_word(steps, w)).collect()
}

impl Block {
    /// A block without rows.
    pub fn new(steps: usize) -> Self {
        Self { steps, ..Self::default() }
    }

    /// A block of `rows` absent rows.
    pub fn with_rows(rows: usize, steps: usize) -> Self {
        let mut b = Self::new(steps);
        b.resize(rows);
        b
    }

    /// Forgets all rows and sets the number of steps; keeps the memory.
    pub fn reset(&mut self, rows: usize, steps: usize) {
        self.steps = steps;
        self.rows = 0;
        self.bits.clear();
        // Values under cleared bits are unspecified, so they are not written again.
        self.resize(rows);
    }

    /// Adds absent rows, or drops the last ones.
    pub fn resize(&mut self, rows: usize) {
        self.rows = rows;
        self.values.resize(rows * self.steps, 0.0);
        self.bits.resize(rows * words(self.steps), 0);
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> Row<'_> {
        let (s, w) = (self.steps, words(self.steps));
        Row { values: &self.values[i * s..(i + 1) * s], bits: &self.bits[i * w..(i + 1) * w] }
    }

    /// Row `i`, for writing.
    pub fn row_mut(&mut self, i: usize) -> RowMut<'_> {
        let (s, w) = (self.steps, words(self.steps));
        RowMut { values: &mut self.values[i * s..(i + 1) * s], bits: &mut self.bits[i * w..(i + 1) * w] }
    }

    /// Appends a row and returns its index.
    pub fn push_row(&mut self, row: Row<'_>) -> usize {
        self.values.extend_from_slice(row.values);
        self.bits.extend_from_slice(row.bits);
        self.rows += 1;
        self.rows - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_apart() {
        let mut b = Block::with_rows(2, 70);
        b.row_mut(0).set(69, 1.5);
        b.row_mut(1).set(0, f64::NAN);
        assert_eq!(b.row(0).present().collect::<Vec<_>>(), [(69, 1.5)]);
        assert!(b.row(1).get(0).is_some_and(f64::is_nan));
        b.reset(2, 3);
        assert!(b.row(0).is_absent() && b.row(1).is_absent());
        assert_eq!(all(70), [u64::MAX, 63]);
    }
}

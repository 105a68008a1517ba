//! Step blocks: elements × steps of `f64` with a presence mask.
//!
//! Rows are elements, contiguous over steps, so that aggregation adds rows to rows. Presence is a bitmask, never a
//! NaN: NaN is a value. The value under a cleared bit is unspecified; nothing may read it.
//!
//! Native histograms are a column of their own ([`HistogramColumn`]); the bits are those of the floats. Whoever asks
//! whether an element is there, and not for its float, asks for both: [`Row::is_absent`], [`Row::presence`].

use crate::column::{Entry, HistogramColumn, HistogramsMut, Value};
use crate::histogram::Histogram;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    histograms: HistogramColumn,
}

/// One element of a block.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Values by step.
    pub values: &'a [f64],
    /// Presence of floats by step, 64 steps a word; bits past the last step are 0.
    pub bits: &'a [u64],
    /// Histograms, at steps without a float, in order of steps.
    pub histograms: &'a [Entry],
}

/// One element of a block, for writing.
#[derive(Debug)]
pub struct RowMut<'a> {
    /// Values by step.
    pub values: &'a mut [f64],
    /// Presence of floats by step; bits past the last step stay 0.
    pub bits: &'a mut [u64],
    /// Histograms, at steps without a float.
    pub histograms: HistogramsMut<'a>,
}

impl<'a> Row<'a> {
    /// A row of floats.
    pub fn floats(values: &'a [f64], bits: &'a [u64]) -> Self {
        Self { values, bits, histograms: &[] }
    }

    /// Whether no step has a value, be it a float or a histogram.
    pub fn is_absent(&self) -> bool {
        self.histograms.is_empty() && self.bits.iter().all(|w| *w == 0)
    }

    /// The float at a step.
    pub fn get(&self, step: usize) -> Option<f64> {
        has(self.bits, step).then(|| self.values[step])
    }

    /// The histogram at a step.
    pub fn histogram(&self, step: usize) -> Option<&'a Arc<Histogram>> {
        let at = self.histograms.binary_search_by_key(&(step as u32), |e| e.0).ok()?;
        self.histograms.get(at).map(|e| &e.1)
    }

    /// The value at a step.
    pub fn value(&self, step: usize) -> Option<Value> {
        self.get(step).map(Value::Float).or_else(|| self.histogram(step).cloned().map(Value::Histogram))
    }

    /// The steps with a float, in order, with it.
    pub fn present(self) -> impl Iterator<Item = (usize, f64)> + 'a {
        ones(self.bits).map(move |s| (s, self.values[s]))
    }

    /// The steps with a float or a histogram, in order, with it.
    pub fn points(self) -> impl Iterator<Item = (usize, Value)> + 'a {
        let mut floats = self.present().peekable();
        let mut histograms = self.histograms.iter().peekable();
        std::iter::from_fn(move || {
            let float_first = match (floats.peek(), histograms.peek()) {
                (Some((f, _)), Some((h, _))) => *f < *h as usize,
                (float, _) => float.is_some(),
            };
            if float_first {
                return floats.next().map(|(step, v)| (step, Value::Float(v)));
            }
            histograms.next().map(|(step, h)| (*step as usize, Value::Histogram(Arc::clone(h))))
        })
    }

    /// Sets the bits of the steps with a float or a histogram.
    pub fn presence(&self, any: &mut [u64]) {
        any.iter_mut().zip(self.bits).for_each(|(a, b)| *a |= b);
        for (step, _) in self.histograms {
            any[*step as usize / 64] |= 1 << (step % 64);
        }
    }
}

impl RowMut<'_> {
    /// Sets the value at a step.
    pub fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        self.bits[step / 64] |= 1 << (step % 64);
    }

    /// Sets the value at a step that has none.
    pub fn put(&mut self, step: usize, value: Value) {
        match value {
            Value::Float(v) => self.set(step, v),
            Value::Histogram(h) => self.histograms.set(step, h),
        }
    }

    /// Clears the float at a step.
    pub fn clear(&mut self, step: usize) {
        self.bits[step / 64] &= !(1 << (step % 64));
    }

    /// Keeps the steps of a mask.
    pub fn mask(&mut self, mask: &[u64]) {
        self.bits.iter_mut().zip(mask).for_each(|(b, m)| *b &= m);
        self.histograms.retain(|step| has(mask, step));
    }

    /// The same row for reading.
    pub fn as_row(&self) -> Row<'_> {
        Row { values: self.values, bits: self.bits, histograms: self.histograms.as_slice() }
    }

    /// The same row, borrowed for less long.
    pub fn reborrow(&mut self) -> RowMut<'_> {
        RowMut { values: self.values, bits: self.bits, histograms: self.histograms.reborrow() }
    }

    /// Copies a row of the same number of steps.
    pub fn copy_from(&mut self, row: Row<'_>) {
        self.values.copy_from_slice(row.values);
        self.bits.copy_from_slice(row.bits);
        self.histograms.replace(row.histograms);
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
        self.histograms.clear();
        // Values under cleared bits are unspecified, so they are not written again.
        self.resize(rows);
    }

    /// Adds absent rows, or drops the last ones.
    pub fn resize(&mut self, rows: usize) {
        self.rows = rows;
        self.values.resize(rows * self.steps, 0.0);
        self.bits.resize(rows * words(self.steps), 0);
        self.histograms.truncate(rows);
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
        let histograms = self.histograms.row(i);
        Row { values: &self.values[i * s..(i + 1) * s], bits: &self.bits[i * w..(i + 1) * w], histograms }
    }

    /// Row `i`, for writing.
    pub fn row_mut(&mut self, i: usize) -> RowMut<'_> {
        let (s, w) = (self.steps, words(self.steps));
        let histograms = self.histograms.row_mut(i);
        RowMut { values: &mut self.values[i * s..(i + 1) * s], bits: &mut self.bits[i * w..(i + 1) * w], histograms }
    }

    /// Appends a row and returns its index.
    pub fn push_row(&mut self, row: Row<'_>) -> usize {
        self.values.extend_from_slice(row.values);
        self.bits.extend_from_slice(row.bits);
        self.histograms.row_mut(self.rows).replace(row.histograms);
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

    #[test]
    fn histograms_stand_beside_floats() {
        let h = |count| Arc::new(Histogram { count, ..Histogram::default() });
        let mut b = Block::with_rows(2, 70);
        b.row_mut(1).set(3, 1.5);
        b.row_mut(1).put(66, Value::Histogram(h(2.0)));
        b.row_mut(1).put(2, Value::Histogram(h(1.0)));
        let points: Vec<usize> = b.row(1).points().map(|(step, _)| step).collect();
        assert_eq!(points, [2, 3, 66]);
        assert_eq!((b.row(1).get(2), b.row(1).histogram(2)), (None, Some(&h(1.0))));
        let mut any = [0; 2];
        b.row(1).presence(&mut any);
        assert_eq!(any, [0b1100, 0b100]);
        assert!(b.row(0).is_absent());
        let mut copy = Block::with_rows(1, 70);
        copy.row_mut(0).copy_from(b.row(1));
        assert_eq!(copy.push_row(b.row(1)), 1);
        copy.row_mut(0).mask(&[0b1000, 0]);
        assert_eq!(copy.row(0).points().map(|(step, _)| step).collect::<Vec<_>>(), [3]);
        assert_eq!(copy.row(1).value(66), Some(Value::Histogram(h(2.0))));
        copy.reset(2, 70);
        assert!(copy.row(1).is_absent());
    }
}

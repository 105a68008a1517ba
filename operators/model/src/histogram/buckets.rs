//! The populated side of a histogram: buckets by index.

/// Buckets in ascending order of their indices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets {
    indices: Vec<i32>,
    counts: Vec<f64>,
}

/// The index, in a schema coarser by `shift`, of the bucket that holds bucket `index`.
pub(super) fn coarser(index: i32, shift: u32) -> i32 {
    // One less, because a bucket's index is that of its upper bound.
    ((i64::from(index) - 1) >> shift) as i32 + 1
}

impl Buckets {
    /// `counts` in neighbouring buckets from index `first` on.
    pub fn from_run(first: i32, counts: &[f64]) -> Self {
        let mut all = Self::default();
        for (i, count) in counts.iter().enumerate() {
            all.push(first.saturating_add(i as i32), *count);
        }
        all
    }

    /// Appends a bucket past the last one; returns whether it is past it.
    pub fn push(&mut self, index: i32, count: f64) -> bool {
        let past = self.indices.last().is_none_or(|last| *last < index);
        if past {
            self.indices.push(index);
            self.counts.push(count);
        }
        past
    }

    /// Number of buckets of the layout, empty ones included.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether the layout has no bucket.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Counts in order of indices.
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    pub(super) fn counts_mut(&mut self) -> &mut [f64] {
        &mut self.counts
    }

    /// Indices, ascending.
    pub fn indices(&self) -> &[i32] {
        &self.indices
    }

    /// (index, count) in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, f64)> + ExactSizeIterator + '_ {
        self.indices.iter().copied().zip(self.counts.iter().copied())
    }

    /// Whether layouts and counts are the same, counts by their bits.
    pub fn same(&self, other: &Self) -> bool {
        self.indices == other.indices && self.counts.iter().zip(&other.counts).all(|(a, b)| a.to_bits() == b.to_bits())
    }

    /// Drops empty buckets.
    pub fn compact(&mut self) {
        if self.counts.iter().all(|c| *c != 0.0) {
            return;
        }
        let mut kept = 0;
        for i in 0..self.counts.len() {
            if self.counts[i] != 0.0 {
                self.counts[kept] = self.counts[i];
                self.indices[kept] = self.indices[i];
                kept += 1;
            }
        }
        self.counts.truncate(kept);
        self.indices.truncate(kept);
    }

    /// Merges buckets down to a schema coarser by `shift`.
    pub(super) fn reduce(&mut self, shift: u32) {
        let mut merged = Self::default();
        for (index, count) in self.iter() {
            let index = coarser(index, shift);
            if !merged.push(index, count)
                && let Some(last) = merged.counts.last_mut()
            {
                *last += count;
            }
        }
        *self = merged;
    }
}

impl FromIterator<(i32, f64)> for Buckets {
    /// From buckets in ascending order; one that is not past the last is dropped.
    fn from_iter<I: IntoIterator<Item = (i32, f64)>>(buckets: I) -> Self {
        let mut all = Self::default();
        for (index, count) in buckets {
            all.push(index, count);
        }
        all
    }
}

//! The walk over presence words that aggregations share: full words run over lanes, others step by step.

use bellwether_model::Row;
use bellwether_model::block::{full_word, ones};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// State by step of one aggregation. Lanes whose presence bit is clear hold nothing.
pub(super) trait Lanes {
    /// Makes room; what is there counts as absent.
    fn resize(&mut self, steps: usize);
    /// The first value of consecutive absent steps.
    fn first(&mut self, at: Range<usize>, values: &[f64]);
    /// A further value of consecutive present steps.
    fn next(&mut self, at: Range<usize>, values: &[f64]);
    /// Copies absent steps from another state.
    fn copy(&mut self, at: Range<usize>, later: &Self);
    /// Joins present steps with another state's.
    fn join(&mut self, at: Range<usize>, later: &Self);
}

/// What one word of steps is to another.
enum Overlap {
    /// All of ours are absent where theirs are present, and theirs are all.
    AllNew,
    /// Both have all.
    AllBoth,
    /// Anything else.
    Mixed,
}

fn overlap(ours: u64, theirs: u64, full: u64) -> Overlap {
    match () {
        () if theirs != full => Overlap::Mixed,
        () if ours == 0 => Overlap::AllNew,
        () if ours == full => Overlap::AllBoth,
        () => Overlap::Mixed,
    }
}

pub(super) fn add<L: Lanes>(state: &mut L, bits: &mut [u64], row: Row<'_>) {
    let steps = row.values.len();
    for (w, (ours, theirs)) in bits.iter_mut().zip(row.bits).enumerate() {
        let at = w * 64..steps.min(w * 64 + 64);
        match overlap(*ours, *theirs, full_word(steps, w)) {
            Overlap::AllNew => state.first(at.clone(), &row.values[at]),
            Overlap::AllBoth => state.next(at.clone(), &row.values[at]),
            Overlap::Mixed => {
                for i in ones(&[*theirs]) {
                    let at = w * 64 + i..w * 64 + i + 1;
                    let value = &row.values[at.clone()];
                    if *ours >> i & 1 == 1 { state.next(at, value) } else { state.first(at, value) }
                }
            }
        }
        *ours |= theirs;
    }
}

pub(super) fn merge<L: Lanes>(state: &mut L, bits: &mut [u64], later: &L, later_bits: &[u64]) {
    for (w, (ours, theirs)) in bits.iter_mut().zip(later_bits).enumerate() {
        // Of a last word the width is not known here, so it is full only if it is whole.
        let at = w * 64..w * 64 + 64;
        match overlap(*ours, *theirs, u64::MAX) {
            Overlap::AllNew => state.copy(at, later),
            Overlap::AllBoth => state.join(at, later),
            Overlap::Mixed => {
                for run in runs(*theirs & !*ours) {
                    state.copy(w * 64 + run.start..w * 64 + run.end, later);
                }
                for run in runs(*theirs & *ours) {
                    state.join(w * 64 + run.start..w * 64 + run.end, later);
                }
            }
        }
        *ours |= theirs;
    }
}

/// Runs of set bits.
fn runs(mut bits: u64) -> impl Iterator<Item = Range<usize>> {
    std::iter::from_fn(move || {
        (bits != 0).then(|| {
            let start = bits.trailing_zeros();
            let len = (bits >> start).trailing_ones();
            bits &= if start + len == 64 { 0 } else { u64::MAX << (start + len) };
            start as usize..(start + len) as usize
        })
    })
}

/// `count`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Count {
    pub(super) count: Vec<f64>,
}

impl Lanes for Count {
    fn resize(&mut self, steps: usize) {
        self.count.resize(steps, 0.0);
    }
    fn first(&mut self, at: Range<usize>, _: &[f64]) {
        self.count[at].fill(1.0);
    }
    fn next(&mut self, at: Range<usize>, _: &[f64]) {
        self.count[at].iter_mut().for_each(|c| *c += 1.0);
    }
    fn copy(&mut self, at: Range<usize>, later: &Self) {
        self.count[at.clone()].copy_from_slice(&later.count[at]);
    }
    fn join(&mut self, at: Range<usize>, later: &Self) {
        self.count[at.clone()].iter_mut().zip(&later.count[at]).for_each(|(a, b)| *a += b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_the_bits() {
        for bits in [0, 1, u64::MAX, 0b1011, 1 << 63, !1, 0xF0F0_0000_0000_000F] {
            let back = runs(bits).flatten().fold(0u64, |b, i| b | 1 << i);
            assert_eq!(back, bits);
        }
    }
}

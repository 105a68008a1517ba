//! `changes` and `resets`: how often neighbours in a window differ, or fall.
//!
//! # Semantics (Prometheus `funcChanges`, `funcResets`)
//! A window of one sample gives 0. NaN after NaN is no change; a reset is `current < previous`, false for NaN.
//! Counts are integers, so a sliding count is exact and depends on the window only.

use crate::range::Windows;
use bellwether_model::RowMut;

/// Number of changes of value.
pub fn changes(w: &Windows<'_>, out: &mut RowMut<'_>) {
    count_pairs(w, out, |a, b| a != b && !(a.is_nan() && b.is_nan()));
}

/// Number of counter resets.
pub fn resets(w: &Windows<'_>, out: &mut RowMut<'_>) {
    count_pairs(w, out, |a, b| b < a);
}

#[inline(always)]
fn count_pairs(w: &Windows<'_>, out: &mut RowMut<'_>, hit: impl Fn(f64, f64) -> bool) {
    // A pair is known by its second sample; those in `gone + 1..next` are counted.
    let (mut gone, mut next, mut count) = (0usize, 1usize, 0u32);
    let pair = |i: usize| u32::from(hit(w.values[i - 1], w.values[i]));
    w.each(1, out, |_, window| {
        if next < window.start + 1 {
            (gone, next, count) = (window.start, window.start + 1, 0);
        }
        while next < window.end {
            count += pair(next);
            next += 1;
        }
        while gone < window.start {
            gone += 1;
            count -= pair(gone);
        }
        Some(f64::from(count))
    });
}

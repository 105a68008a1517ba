//! Long windows in constant time a step: two halves that meet at a multiple of the range in absolute time.
//!
//! # Semantics
//! Absolute time is cut into tiles `(k × range, (k + 1) × range]`. A window `(e - range, e]` is a suffix of one tile and
//! a prefix of the next (or exactly one tile, which counts as a prefix); of a window whose newest samples are hidden, the part
//! before them counts as the window. The suffix is folded backwards from the
//! boundary to the window's first sample, the prefix forwards from the boundary to its last, then they are merged. Both
//! are pure functions of the samples in the window; one backward pass gives all suffixes of a tile, one forward pass all
//! prefixes, so a block costs two additions a sample and one merge a step.

use super::{LANES, SHORT, Slide, Windows};
use bellwether_model::RowMut;
use std::ops::Range;

/// What is known of a run of consecutive samples.
pub trait Fold: Copy {
    /// Of one sample, `x_ms` after the boundary (negative before it).
    fn of(x_ms: i64, value: f64) -> Self;
    /// Extended by an older sample.
    #[must_use]
    fn older(self, x_ms: i64, value: f64) -> Self;
    /// Extended by a newer sample; the same for all but what asks which of two samples was first.
    #[must_use]
    fn newer(self, x_ms: i64, value: f64) -> Self {
        self.older(x_ms, value)
    }
    /// Joined with the samples that follow.
    #[must_use]
    fn merge(self, later: Self) -> Self;
}

/// The tile in force: everything that steps between two boundaries share.
struct Tile<'b, A> {
    boundary: i64,
    /// The first sample past the boundary.
    split: usize,
    /// `suffixes[i]` covers the `i + 1` samples before `split`.
    suffixes: &'b mut Vec<A>,
    prefix: Option<A>,
    /// The sample that the prefix takes next.
    next: usize,
}

impl<A: Fold> Tile<'_, A> {
    fn enter(&mut self, w: &Windows<'_>, boundary: i64, window: Range<usize>) {
        self.boundary = boundary;
        let past = |s: &u32| i64::from(*s) <= boundary;
        self.split = window.start + w.stamps[window.clone()].partition_point(past);
        self.prefix = None;
        self.next = self.split;
        self.suffixes.clear();
        let mut fold: Option<A> = None;
        for i in (window.start..self.split).rev() {
            let (x, value) = (i64::from(w.stamps[i]) - boundary, w.values[i]);
            let longer = fold.map_or_else(|| A::of(x, value), |f| f.older(x, value));
            self.suffixes.push(longer);
            fold = Some(longer);
        }
    }

    #[inline(always)]
    fn window(&mut self, w: &Windows<'_>, window: &Range<usize>) -> Option<A> {
        while self.next < window.end {
            let (x, value) = (i64::from(w.stamps[self.next]) - self.boundary, w.values[self.next]);
            self.prefix = Some(self.prefix.map_or_else(|| A::of(x, value), |f| f.newer(x, value)));
            self.next += 1;
        }
        let suffix = (self.split.checked_sub(window.start + 1)).and_then(|i| self.suffixes.get(i).copied());
        match (suffix, self.prefix) {
            (Some(s), Some(p)) => Some(s.merge(p)),
            (s, p) => s.or(p),
        }
    }
}

/// Computes every wanted step with at least `min` samples: up to [`SHORT`] samples by `lanes` or `short`, more by
/// folding and `finish`, which gets the boundary in ms after the base.
#[inline(always)]
pub fn fold<A: Fold>(
    w: &Windows<'_>,
    min: usize,
    memory: &mut Vec<A>,
    out: &mut RowMut<'_>,
    lanes: impl FnMut(&Slide, &mut [f64; LANES]) -> bool,
    mut short: impl FnMut(usize, Range<usize>) -> f64,
    mut finish: impl FnMut(usize, Range<usize>, A, i64) -> Option<f64>,
) {
    let mut tile = Tile { boundary: i64::MIN, split: 0, suffixes: memory, prefix: None, next: 0 };
    w.each_or_lanes(min, out, lanes, |step, window| {
        if window.len() <= SHORT {
            return Some(short(step, window));
        }
        // In absolute time, then back: the base is where the store began to keep the series.
        let (end, length_ms) = w.seen(step);
        let boundary = (end + w.base_ms - 1).div_euclid(length_ms) * length_ms - w.base_ms;
        if boundary != tile.boundary {
            tile.enter(w, boundary, window.clone());
        }
        let folded = tile.window(w, &window)?;
        finish(step, window, folded, boundary)
    });
}

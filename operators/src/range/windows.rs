//! Which samples each step's window holds: index ranges, found in one pass over samples and steps.
//!
//! # State
//! Of a series with a constant period, at an interval that is a multiple of it, bounds are arithmetic; of other series
//! they are searched for and kept. Where windows slide along together, kernels may run over lanes of steps
//! ([`Slide`]).

use super::{SHORT, WindowSpec};
use crate::instant::advance;
use crate::samples::Samples;
use bellwether_model::block::full_word;
use bellwether_model::{RowMut, StepRange};
use std::ops::Range;

/// Steps that a kernel computes at a time over lanes.
pub const LANES: usize = 8;

/// Windows of consecutive steps that have as many samples each, at the same distances from the window's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Even {
    /// The steps; not empty.
    pub steps: Range<usize>,
    /// The first sample of the first of them.
    pub lo: usize,
    /// Samples by which a window is ahead of the one before.
    pub stride: usize,
    /// Samples of each window; at least 1.
    pub len: usize,
}

/// [`LANES`] windows of as many samples each, each ahead of the one before by as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slide {
    /// The first step.
    pub step: usize,
    /// The first sample of the first window.
    pub lo: usize,
    /// Samples by which a window is ahead of the one before.
    pub stride: usize,
    /// Samples of each window; 1 to [`SHORT`].
    pub len: usize,
    /// Whether samples are at the same distances from the ends of all windows.
    pub alike: bool,
}

impl Slide {
    /// Calls `f` with the `j`th value of each window, for each `j`.
    #[inline(always)]
    pub fn columns(&self, values: &[f64], mut f: impl FnMut(usize, &[f64; LANES])) {
        if self.stride == 1 {
            let values = &values[self.lo..self.lo + self.len + LANES - 1];
            for (j, column) in values.windows(LANES).enumerate() {
                if let Ok(column) = column.try_into() {
                    f(j, column);
                }
            }
            return;
        }
        let values = &values[self.lo..self.lo + self.len + self.stride * (LANES - 1)];
        for j in 0..self.len {
            f(j, &std::array::from_fn(|i| values[j + self.stride * i]));
        }
    }

    /// The samples of window `i`.
    #[inline(always)]
    pub fn window(&self, i: usize) -> Range<usize> {
        let lo = self.lo + self.stride * i;
        lo..lo + self.len
    }
}

/// Bounds as arithmetic: `lo + stride × step` samples are before a window, `hi + stride × step` before its end, within
/// what samples there are.
#[derive(Clone, Copy, Debug)]
struct Affine {
    lo: i64,
    hi: i64,
    stride: i64,
    samples: i64,
}

impl Affine {
    #[inline(always)]
    fn at(&self, step: usize) -> Range<usize> {
        let ahead = self.stride * step as i64;
        let within = |i: i64| (i + ahead).clamp(0, self.samples) as usize;
        within(self.lo)..within(self.hi)
    }

    /// The steps whose window reaches neither before the first sample nor past the last.
    fn even(&self, count: usize) -> Option<Even> {
        let Self { lo, hi, stride, samples } = *self;
        let from = if lo >= 0 { 0 } else { (-lo + stride - 1) / stride };
        let upto = if hi > samples { 0 } else { ((samples - hi) / stride + 1).min(count as i64) };
        (from < upto && hi > lo).then(|| Even {
            steps: from as usize..upto as usize,
            lo: (lo + stride * from) as usize,
            stride: stride as usize,
            len: (hi - lo) as usize,
        })
    }
}

/// The windows of a call.
#[derive(Clone, Debug)]
pub struct Windows<'a> {
    /// Base of the stamps, ms.
    pub base_ms: i64,
    /// Stamps of the samples that any window holds, ms after the base.
    pub stamps: &'a [u32],
    /// Their values.
    pub values: &'a [f64],
    /// The first window's end, ms after the base; negative where the series begins later.
    pub first_end: i64,
    /// Distance of two ends, ms.
    pub interval_ms: i64,
    /// Length of a window, ms.
    pub range_ms: i64,
    /// Distance of a step from its window's end, ms.
    pub offset_ms: i64,
    /// How much of a window before its end is empty, ms; less than its length.
    hidden_ms: i64,
    /// A run of like windows.
    pub even: Option<Even>,
    /// Steps to compute; `None` = all.
    pub mask: Option<&'a [u64]>,
    steps: usize,
    affine: Option<Affine>,
    lo: &'a [u32],
    hi: &'a [u32],
}

/// Memory of the bounds.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    lo: Vec<u32>,
    hi: Vec<u32>,
}

impl Bounds {
    /// The windows; `None` where all are empty.
    #[inline(always)]
    pub(super) fn find<'a>(
        &'a mut self,
        samples: Samples<'a>,
        steps: StepRange,
        spec: WindowSpec,
        mask: Option<&'a [u64]>,
    ) -> Option<Windows<'a>> {
        if spec.hidden_ms >= spec.range_ms {
            return None;
        }
        let first_end_ms = steps.first_ms.saturating_sub(spec.offset_ms);
        let newest_ms = steps.last_ms()?.saturating_sub(spec.offset_ms).saturating_sub(spec.hidden_ms);
        let near = samples.between(first_end_ms.saturating_sub(spec.range_ms), newest_ms);
        if near.is_empty() {
            return None;
        }
        let first_end = first_end_ms.saturating_sub(near.base_ms);
        let affine = self.fill(near, steps, first_end - spec.range_ms, first_end - spec.hidden_ms);
        Some(Windows {
            base_ms: near.base_ms,
            stamps: near.stamps,
            values: near.values,
            first_end,
            interval_ms: steps.interval_ms,
            range_ms: spec.range_ms,
            offset_ms: spec.offset_ms,
            hidden_ms: spec.hidden_ms,
            even: affine.and_then(|a| a.even(steps.count)),
            mask: mask.filter(|m| !(0..m.len()).all(|w| m[w] == full_word(steps.count, w))),
            steps: steps.count,
            affine,
            lo: &self.lo,
            hi: &self.hi,
        })
    }

    /// The bounds of windows of which the first holds what lies in `(after, upto]`, ms after the base.
    #[inline(always)]
    fn fill(&mut self, near: Samples<'_>, steps: StepRange, after: i64, upto: i64) -> Option<Affine> {
        let first = i64::from(near.stamps[0]);
        let period = if steps.count > 1 { near.period_ms() } else { None };
        self.lo.clear();
        self.hi.clear();
        match period {
            _ if steps.count == 1 => {
                // The samples were cut to the only window.
                self.lo.push(0);
                self.hi.push(near.len() as u32);
            }
            Some(p) if steps.interval_ms % p == 0 => {
                return Some(Affine {
                    lo: (after - first).div_euclid(p) + 1,
                    hi: (upto - first).div_euclid(p) + 1,
                    stride: steps.interval_ms / p,
                    samples: near.len() as i64,
                });
            }
            Some(p) => {
                stepping(&mut self.lo, near.len(), steps, after - first, p);
                stepping(&mut self.hi, near.len(), steps, upto - first, p);
            }
            None => {
                search(&mut self.lo, near.stamps, steps, after);
                search(&mut self.hi, near.stamps, steps, upto);
            }
        }
        None
    }
}

/// Number of samples at or before each of `steps` instants; the first instant is `first` ms after the first sample.
fn stepping(out: &mut Vec<u32>, n: usize, steps: StepRange, first: i64, period: i64) {
    let (mut index, mut rest) = (first.div_euclid(period) + 1, first.rem_euclid(period));
    let (whole, part) = (steps.interval_ms / period, steps.interval_ms % period);
    out.extend((0..steps.count).map(|_| {
        let at = index.clamp(0, n as i64) as u32;
        index += whole;
        rest += part;
        if rest >= period {
            rest -= period;
            index += 1;
        }
        at
    }));
}

fn search(out: &mut Vec<u32>, stamps: &[u32], steps: StepRange, first: i64) {
    let mut next = 0;
    out.extend((0..steps.count).map(|i| {
        next = advance(stamps, next, first + steps.interval_ms * i as i64);
        next as u32
    }));
}

impl Windows<'_> {
    /// The samples of a step's window.
    #[inline(always)]
    pub fn at(&self, step: usize) -> Range<usize> {
        match &self.affine {
            Some(a) => a.at(step),
            None => self.lo[step] as usize..self.hi[step] as usize,
        }
    }

    /// Where a step's window ends, ms after the base.
    #[inline(always)]
    pub fn end(&self, step: usize) -> i64 {
        self.first_end + self.interval_ms * step as i64
    }

    /// Where what a step's window can hold ends, ms after the base, and over how many ms it reaches.
    pub(super) fn seen(&self, step: usize) -> (i64, i64) {
        (self.end(step) - self.hidden_ms, self.range_ms - self.hidden_ms)
    }

    /// The wanted steps of a word.
    #[inline(always)]
    fn wanted(&self, word: usize) -> u64 {
        full_word(self.steps, word) & self.mask.map_or(u64::MAX, |m| m[word])
    }

    /// The steps of like windows, if all steps are wanted.
    pub fn all_even(&self) -> Option<&Even> {
        if self.mask.is_none() { self.even.as_ref() } else { None }
    }

    /// The windows from `step` on, if they slide along together and are short.
    fn slide(&self, step: usize) -> Option<Slide> {
        if self.affine.is_some() {
            let even = self.even.as_ref()?;
            let inside = even.steps.start <= step && step + LANES <= even.steps.end && even.len <= SHORT;
            let lo = even.lo + even.stride * step.saturating_sub(even.steps.start);
            return inside.then_some(Slide { step, lo, stride: even.stride, len: even.len, alike: true });
        }
        let (lo, hi) = (self.lo.get(step..step + LANES)?, self.hi.get(step..step + LANES)?);
        let (stride, len) = (lo[1].wrapping_sub(lo[0]), hi[0] - lo[0]);
        let apart = |odd, w: &[u32]| odd | (w[1].wrapping_sub(w[0]) ^ stride);
        let odd = lo.windows(2).fold(0, apart) | hi.windows(2).fold(0, apart);
        let (lo, stride, len) = (lo[0] as usize, stride as usize, len as usize);
        (odd == 0 && (1..=SHORT).contains(&len)).then_some(Slide { step, lo, stride, len, alike: false })
    }

    /// Computes every wanted step whose window has at least `min` samples, and overwrites `out`'s bits.
    #[inline(always)]
    pub fn each(&self, min: usize, out: &mut RowMut<'_>, f: impl FnMut(usize, Range<usize>) -> Option<f64>) {
        self.each_but(0..0, min, out, f);
    }

    /// As [`Windows::each`]; the values of the steps in `done` are there already.
    #[inline(always)]
    pub fn each_but(
        &self,
        done: Range<usize>,
        min: usize,
        out: &mut RowMut<'_>,
        mut f: impl FnMut(usize, Range<usize>) -> Option<f64>,
    ) {
        for w in 0..out.bits.len() {
            let wanted = self.wanted(w);
            let ready = wanted & between(&done, w);
            out.bits[w] = ready | self.some(min, w, wanted & !ready, out.values, &mut f);
        }
    }

    /// As [`Windows::each`]; `lanes` is offered what can be computed over lanes, and may decline.
    #[inline(always)]
    pub fn each_or_lanes(
        &self,
        min: usize,
        out: &mut RowMut<'_>,
        mut lanes: impl FnMut(&Slide, &mut [f64; LANES]) -> bool,
        mut f: impl FnMut(usize, Range<usize>) -> Option<f64>,
    ) {
        for w in 0..out.bits.len() {
            let (mut bits, wanted) = (0, self.wanted(w));
            for at in (0..64).step_by(LANES) {
                let some = wanted & (0xFF << at);
                if some == 0xFF << at
                    && let Some(slide) = self.slide(w * 64 + at).filter(|s| s.len >= min)
                {
                    let mut results = [0.0; LANES];
                    if lanes(&slide, &mut results) {
                        out.values[slide.step..slide.step + LANES].copy_from_slice(&results);
                        bits |= some;
                        continue;
                    }
                }
                bits |= self.some(min, w, some, out.values, &mut f);
            }
            out.bits[w] = bits;
        }
    }

    /// Computes the given steps of a word; returns those that have a result.
    #[inline(always)]
    fn some(
        &self,
        min: usize,
        word: usize,
        mut left: u64,
        values: &mut [f64],
        f: &mut impl FnMut(usize, Range<usize>) -> Option<f64>,
    ) -> u64 {
        let mut bits = 0;
        while left != 0 {
            let step = word * 64 + left.trailing_zeros() as usize;
            let bit = left & left.wrapping_neg();
            left ^= bit;
            let window = self.at(step);
            if window.len() >= min
                && let Some(value) = f(step, window)
            {
                values[step] = value;
                bits |= bit;
            }
        }
        bits
    }
}

/// The steps of a word that are in a range.
fn between(steps: &Range<usize>, word: usize) -> u64 {
    let below = |step: usize| match step.saturating_sub(word * 64) {
        n @ 0..64 => (1u64 << n) - 1,
        _ => u64::MAX,
    };
    below(steps.end) & !below(steps.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bounds_equal_the_naive_ones(
            gaps in prop::collection::vec(1u32..5, 1..60),
            period in prop::option::of(1u32..5),
            first in -40i64..200,
            interval in 1i64..12,
            count in 1usize..50,
            range_ms in 1i64..60,
            offset_ms in -20i64..20,
            hidden_ms in prop::sample::select(vec![0i64, 0, 1, 3, 30]),
        ) {
            let stamps: Vec<u32> = gaps.iter().scan(0, |t, g| { *t += period.unwrap_or(*g); Some(*t) }).collect();
            let values: Vec<f64> = stamps.iter().map(|s| f64::from(*s)).collect();
            let samples = Samples { base_ms: 7, stamps: &stamps, values: &values };
            let steps = StepRange { first_ms: first, interval_ms: interval, count };
            let mut bounds = Bounds::default();
            let found = bounds.find(samples, steps, WindowSpec { range_ms, offset_ms, hidden_ms }, None);
            for i in 0..count {
                let end = steps.at(i) - offset_ms;
                let want: Vec<f64> = stamps.iter().filter(|s| {
                    let t = 7 + i64::from(**s);
                    t > end - range_ms && t <= end - hidden_ms
                }).map(|s| f64::from(*s)).collect();
                let got = found.as_ref().map_or(Vec::new(), |w| w.values[w.at(i)].to_vec());
                prop_assert_eq!(got, want);
                if let Some(w) = &found {
                    prop_assert_eq!(w.end(i) + 7, end);
                    if let Some(e) = w.even.as_ref().filter(|e| e.steps.contains(&i)) {
                        let lo = e.lo + e.stride * (i - e.steps.start);
                        prop_assert_eq!(w.at(i), lo..lo + e.len);
                    }
                    if let Some(slide) = (i + LANES <= count).then(|| w.slide(i)).flatten() {
                        for k in 0..LANES {
                            prop_assert_eq!(w.at(i + k), slide.window(k));
                        }
                        slide.columns(w.values, |j, column| (0..LANES).for_each(|k| {
                            assert_eq!(column[k], w.values[slide.window(k).start + j]);
                        }));
                    }
                }
            }
        }
    }
}

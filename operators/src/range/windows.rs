//! Which samples each step's window holds: index ranges, found in one pass over samples and steps.
//!
//! # State
//! Of a series with a constant period the bounds are arithmetic; where the interval is a multiple of the period too,
//! whole runs of windows are alike ([`Even`]) and kernels may run over lanes of steps.

use super::WindowSpec;
use crate::instant::advance;
use crate::samples::Samples;
use bellwether_model::block::{full_word, ones};
use bellwether_model::{RowMut, StepRange};
use std::ops::Range;

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
    /// A run of like windows.
    pub even: Option<Even>,
    /// Steps to compute; `None` = all.
    pub mask: Option<&'a [u64]>,
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
    pub(super) fn find<'a>(
        &'a mut self,
        samples: Samples<'a>,
        steps: StepRange,
        spec: WindowSpec,
        mask: Option<&'a [u64]>,
    ) -> Option<Windows<'a>> {
        let first_end_ms = steps.first_ms.saturating_sub(spec.offset_ms);
        let last_end_ms = steps.last_ms()?.saturating_sub(spec.offset_ms);
        let near = samples.between(first_end_ms.saturating_sub(spec.range_ms), last_end_ms);
        if near.is_empty() {
            return None;
        }
        let first_end = first_end_ms.saturating_sub(near.base_ms);
        self.lo.clear();
        self.hi.clear();
        let period = if steps.count > 1 { near.period_ms() } else { None };
        let even = match period {
            Some(p) if steps.interval_ms % p == 0 => self.even(near, steps, first_end, spec.range_ms, p),
            Some(p) => {
                let first = first_end - i64::from(near.stamps[0]);
                stepping(&mut self.lo, near.len(), steps, first - spec.range_ms, p);
                stepping(&mut self.hi, near.len(), steps, first, p);
                None
            }
            None => {
                search(&mut self.lo, near.stamps, steps, first_end - spec.range_ms);
                search(&mut self.hi, near.stamps, steps, first_end);
                None
            }
        };
        Some(Windows {
            base_ms: near.base_ms,
            stamps: near.stamps,
            values: near.values,
            first_end,
            interval_ms: steps.interval_ms,
            range_ms: spec.range_ms,
            offset_ms: spec.offset_ms,
            even,
            mask: mask.filter(|m| !(0..m.len()).all(|w| m[w] == full_word(steps.count, w))),
            lo: &self.lo,
            hi: &self.hi,
        })
    }

    fn even(
        &mut self,
        near: Samples<'_>,
        steps: StepRange,
        first_end: i64,
        range_ms: i64,
        period: i64,
    ) -> Option<Even> {
        let (n, stride) = (near.len() as i64, steps.interval_ms / period);
        let first = first_end - i64::from(near.stamps[0]);
        let hi = first.div_euclid(period) + 1;
        let lo = (first - range_ms).div_euclid(period) + 1;
        let count = steps.count as i64;
        self.lo.extend((0..count).map(|i| (lo + stride * i).clamp(0, n) as u32));
        self.hi.extend((0..count).map(|i| (hi + stride * i).clamp(0, n) as u32));
        // Steps whose window reaches neither before the first sample nor past the last.
        let from = if lo >= 0 { 0 } else { (-lo + stride - 1) / stride };
        let upto = if hi > n { 0 } else { ((n - hi) / stride + 1).min(count) };
        (from < upto && hi > lo).then(|| Even {
            steps: from as usize..upto as usize,
            lo: (lo + stride * from) as usize,
            stride: stride as usize,
            len: (hi - lo) as usize,
        })
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
    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.lo.len()
    }

    /// The samples of a step's window.
    #[inline(always)]
    pub fn at(&self, step: usize) -> Range<usize> {
        self.lo[step] as usize..self.hi[step] as usize
    }

    /// Where a step's window ends, ms after the base.
    #[inline(always)]
    pub fn end(&self, step: usize) -> i64 {
        self.first_end + self.interval_ms * step as i64
    }

    /// The steps in a run of like windows that a kernel may compute over lanes: none under a mask.
    pub fn lanes(&self) -> Option<&Even> {
        if self.mask.is_none() { self.even.as_ref() } else { None }
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
        let steps = self.steps();
        for (w, word) in out.bits.iter_mut().enumerate() {
            let mut bits = 0;
            let mut one = |step: usize| {
                if done.contains(&step) {
                    bits |= 1 << (step % 64);
                    return;
                }
                let window = self.at(step);
                if window.len() >= min
                    && let Some(value) = f(step, window)
                {
                    out.values[step] = value;
                    bits |= 1 << (step % 64);
                }
            };
            match self.mask {
                None => (w * 64..steps.min(w * 64 + 64)).for_each(&mut one),
                Some(mask) => ones(&[mask[w] & full_word(steps, w)]).for_each(|b| one(w * 64 + b)),
            }
            *word = bits;
        }
    }
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
        ) {
            let stamps: Vec<u32> = gaps.iter().scan(0, |t, g| { *t += period.unwrap_or(*g); Some(*t) }).collect();
            let values: Vec<f64> = stamps.iter().map(|s| f64::from(*s)).collect();
            let samples = Samples { base_ms: 7, stamps: &stamps, values: &values };
            let steps = StepRange { first_ms: first, interval_ms: interval, count };
            let mut bounds = Bounds::default();
            let found = bounds.find(samples, steps, WindowSpec { range_ms, offset_ms }, None);
            for i in 0..count {
                let end = steps.at(i) - offset_ms;
                let want: Vec<f64> = stamps.iter().filter(|s| {
                    let t = 7 + i64::from(**s);
                    t > end - range_ms && t <= end
                }).map(|s| f64::from(*s)).collect();
                let got = found.as_ref().map_or(Vec::new(), |w| w.values[w.at(i)].to_vec());
                prop_assert_eq!(got, want);
                if let Some(w) = &found {
                    prop_assert_eq!(w.end(i) + 7, end);
                    if let Some(e) = w.even.as_ref().filter(|e| e.steps.contains(&i)) {
                        let lo = e.lo + e.stride * (i - e.steps.start);
                        prop_assert_eq!(w.at(i), lo..lo + e.len);
                    }
                }
            }
        }
    }
}

//! `rate`, `increase` and `delta`: the increase between the first and the last sample of a window, extrapolated to the
//! window's ends.
//!
//! # Semantics (Prometheus `extrapolatedRate`)
//! The value before each counter reset is added. The increase is stretched to a window's end unless the end is 1.1
//! average sample distances away or more; then by half a distance. A counter is never stretched below zero.
//!
//! # State
//! Resets are rare, so their positions are found in one pass over the block's samples, and a window looks at those
//! inside it only. Of like windows ([`crate::range::Even`]) the stretching factor is a constant, unless the counter's
//! zero is near.

use crate::range::{Even, Scratch, Windows};
use bellwether_model::RowMut;

/// Steps computed at a time: if none of them needs the slow way, one pass of vector code did all.
const CHUNK: usize = 16;

/// `rate` (counter, per second), `increase` (counter) or `delta`.
pub fn extrapolated<const COUNTER: bool, const RATE: bool>(
    w: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut RowMut<'_>,
) {
    let resets = &mut scratch.resets;
    resets.clear();
    if COUNTER {
        find_resets(w.values, resets);
    }
    let mut done = 0..0;
    if let Some(even) = w.all_even().filter(|e| e.len >= 2 && resets.is_empty()) {
        over_lanes::<COUNTER, RATE>(w, even, out.values);
        done = even.steps.clone();
    }
    let mut seen = 0;
    w.each_but(done, 2, out, |step, window| {
        let (first, last) = (window.start, window.end - 1);
        let mut increase = w.values[last] - w.values[first];
        if COUNTER {
            while seen < resets.len() && resets[seen] as usize <= first {
                seen += 1;
            }
            for at in resets[seen..].iter().map(|r| *r as usize).take_while(|r| *r <= last) {
                increase += w.values[at - 1];
            }
        }
        Some(Stretch::of::<RATE>(w, step, first, last).apply::<COUNTER>(w.values[first], increase))
    });
}

/// Positions of the samples that are less than the one before.
fn find_resets(values: &[f64], out: &mut Vec<u32>) {
    let pairs = values.len().saturating_sub(1);
    let mut at = 0;
    while at < pairs {
        let upto = (at + 64).min(pairs);
        let (before, after) = (&values[at..upto], &values[at + 1..upto + 1]);
        // No early exit: the comparison runs over lanes.
        if before.iter().zip(after).fold(false, |any, (a, b)| any | (b < a)) {
            out.extend((at..upto).filter(|i| values[i + 1] < values[*i]).map(|i| i as u32 + 1));
        }
        at = upto;
    }
}

/// How far a window's increase is stretched, in seconds.
#[derive(Clone, Copy)]
struct Stretch {
    sampled: f64,
    to_start: f64,
    to_end: f64,
    /// What the factor is divided by; 1 where the result is no rate.
    per: f64,
}

impl Stretch {
    #[inline(always)]
    fn of<const RATE: bool>(w: &Windows<'_>, step: usize, first: usize, last: usize) -> Self {
        let end = w.end(step);
        let (first_ms, last_ms) = (i64::from(w.stamps[first]), i64::from(w.stamps[last]));
        let sampled = (last_ms - first_ms) as f64 / 1000.0;
        let average = sampled / (last - first) as f64;
        let threshold = average * 1.1;
        let to_start = (first_ms - (end - w.range_ms)) as f64 / 1000.0;
        let to_end = (end - last_ms) as f64 / 1000.0;
        Self {
            sampled,
            to_start: if to_start >= threshold { average / 2.0 } else { to_start },
            to_end: if to_end >= threshold { average / 2.0 } else { to_end },
            per: if RATE { seconds(w.range_ms) } else { 1.0 },
        }
    }

    #[inline(always)]
    fn apply<const COUNTER: bool>(&self, first: f64, increase: f64) -> f64 {
        let mut to_start = self.to_start;
        if COUNTER && increase > 0.0 && first >= 0.0 {
            let to_zero = self.sampled * (first / increase);
            if to_zero < to_start {
                to_start = to_zero;
            }
        }
        increase * self.factor(to_start)
    }

    #[inline(always)]
    fn factor(&self, to_start: f64) -> f64 {
        (self.sampled + to_start + self.to_end) / self.sampled / self.per
    }
}

/// Go's `Duration.Seconds`, whose rounding differs from a division by 1000.
pub fn seconds(ms: i64) -> f64 {
    let nanos = (ms % 1000) * 1_000_000;
    (ms / 1000) as f64 + nanos as f64 / 1e9
}

fn over_lanes<const COUNTER: bool, const RATE: bool>(w: &Windows<'_>, even: &Even, out: &mut [f64]) {
    let stretch = Stretch::of::<RATE>(w, even.steps.start, even.lo, even.lo + even.len - 1);
    let factor = stretch.factor(stretch.to_start);
    let out = &mut out[even.steps.clone()];
    if even.stride == 1 {
        let firsts = &w.values[even.lo..even.lo + out.len()];
        let lasts = &w.values[even.lo + even.len - 1..even.lo + even.len - 1 + out.len()];
        for ((out, firsts), lasts) in out.chunks_mut(CHUNK).zip(firsts.chunks(CHUNK)).zip(lasts.chunks(CHUNK)) {
            chunk::<COUNTER>(&stretch, factor, firsts, lasts, out);
        }
    } else {
        let (mut firsts, mut lasts) = ([0.0; CHUNK], [0.0; CHUNK]);
        let mut lo = even.lo;
        for out in out.chunks_mut(CHUNK) {
            for i in 0..out.len() {
                firsts[i] = w.values[lo];
                lasts[i] = w.values[lo + even.len - 1];
                lo += even.stride;
            }
            chunk::<COUNTER>(&stretch, factor, &firsts[..out.len()], &lasts[..out.len()], out);
        }
    }
}

#[inline(always)]
fn chunk<const COUNTER: bool>(stretch: &Stretch, factor: f64, firsts: &[f64], lasts: &[f64], out: &mut [f64]) {
    // Whether the counter's zero may be within reach; a little too often, so that rounding can't hide one.
    let reach = stretch.to_start * 1.000001;
    let mut near_zero = false;
    for ((first, last), out) in firsts.iter().zip(lasts).zip(out.iter_mut()) {
        let increase = last - first;
        let far = stretch.sampled * first > reach * increase;
        near_zero |= (increase > 0.0) & !far;
        *out = increase * factor;
    }
    if COUNTER && near_zero {
        for ((first, last), out) in firsts.iter().zip(lasts).zip(out.iter_mut()) {
            *out = stretch.apply::<COUNTER>(*first, last - first);
        }
    }
}

//! The sums of a least-squares line, and windows whose line needs no sum.

use crate::range::fold::Fold;
use crate::sum::{self, two_sum};
use std::cell::Cell;
use std::ops::Range;

/// Places of the sums in [`Line`].
const X: usize = 0;
const Y: usize = 1;
const XY: usize = 2;
const XX: usize = 3;

/// The sums of a line: x, y, xy and x² side by side, so that they are added over lanes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    count: f64,
    sums: [f64; 4],
    comps: [f64; 4],
}

/// One compensated addition, while the sum is finite.
#[inline(always)]
pub(super) fn add(sum: &mut f64, comp: &mut f64, x: f64) {
    let (t, error) = two_sum(*sum, x);
    *sum = t;
    *comp += error;
}

impl Line {
    #[inline(always)]
    pub(super) fn add_finite(&mut self, x_ms: i64, y: f64) {
        let x = x_ms as f64 / 1000.0;
        self.count += 1.0;
        let terms = [x, y, x * y, x * x];
        for ((s, c), term) in self.sums.iter_mut().zip(&mut self.comps).zip(terms) {
            add(s, c, term);
        }
    }

    /// Adds a point in Prometheus's way: an infinite sum forgets its compensation.
    pub(super) fn add(&mut self, x_ms: i64, y: f64) {
        let x = x_ms as f64 / 1000.0;
        self.count += 1.0;
        let terms = [x, y, x * y, x * x];
        for ((s, c), term) in self.sums.iter_mut().zip(&mut self.comps).zip(terms) {
            (*s, *c) = sum::add(*s, *c, term);
        }
    }

    /// Adds a point's x only; its y follows in [`Line::with_y`].
    pub(super) fn add_x(&mut self, x: f64) {
        self.count += 1.0;
        add(&mut self.sums[X], &mut self.comps[X], x);
        add(&mut self.sums[XX], &mut self.comps[XX], x * x);
    }

    /// With the given sums (and compensations) of y and xy.
    #[inline(always)]
    pub(super) fn with_y(mut self, y: (f64, f64), xy: (f64, f64)) -> Self {
        (self.sums[Y], self.comps[Y]) = y;
        (self.sums[XY], self.comps[XY]) = xy;
        self
    }

    /// Slope and value at x = 0.
    #[inline(always)]
    pub(super) fn solve(&self) -> (f64, f64) {
        let total = |i: usize| self.sums[i] + self.comps[i];
        let (n, x, y) = (self.count, total(X), total(Y));
        let covariance = total(XY) - x * y / n;
        let variance = total(XX) - x * x / n;
        let slope = covariance / variance;
        (slope, y / n - slope * x / n)
    }
}

impl Fold for Line {
    fn of(x_ms: i64, value: f64) -> Self {
        let mut l = Self::default();
        l.add_finite(x_ms, value);
        l
    }
    fn older(mut self, x_ms: i64, value: f64) -> Self {
        self.add_finite(x_ms, value);
        self
    }
    fn merge(mut self, later: Self) -> Self {
        self.count += later.count;
        for i in 0..4 {
            let (t, error) = two_sum(self.sums[i], later.sums[i]);
            self.sums[i] = t;
            self.comps[i] = (self.comps[i] + later.comps[i]) + error;
        }
        self
    }
}

/// The sums of x of windows that are alike, found once a call.
#[derive(Default)]
pub(super) struct Shared(Cell<Option<Line>>);

impl Shared {
    #[inline(always)]
    pub(super) fn along_x(&self, find: impl FnOnce() -> Line) -> Line {
        self.0.get().unwrap_or_else(|| {
            let line = find();
            self.0.set(Some(line));
            line
        })
    }
}

/// Finds windows of equal values, whose line is known without a sum.
pub(super) struct Level<'a> {
    values: &'a [f64],
    /// The run of equal values that ends with the newest sample looked at: first sample, one past the last.
    run: Cell<(usize, usize)>,
}

impl<'a> Level<'a> {
    pub(super) fn new(values: &'a [f64]) -> Self {
        Self { values, run: Cell::new((0, 0)) }
    }

    /// The line of a window that ends no earlier than those asked for before.
    #[inline(always)]
    pub(super) fn line(&self, window: &Range<usize>) -> Option<(f64, f64)> {
        let (mut start, upto) = self.run.get();
        if window.end > upto {
            for i in upto.max(1)..window.end {
                if self.values[i] != self.values[i - 1] {
                    start = i;
                }
            }
            self.run.set((start, window.end));
        }
        (start <= window.start).then(|| {
            let value = self.values[window.start];
            if value.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, value) }
        })
    }
}

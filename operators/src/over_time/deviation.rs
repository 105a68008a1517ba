//! `stddev_over_time` and `stdvar_over_time`.
//!
//! # Semantics (Prometheus `varianceOverTime`)
//! Population variance by Welford's update, compensated. Long windows merge the moments of two halves (Chan).

use crate::range::fold::{Fold, fold};
use crate::range::{LANES, Scratch, Slide, Windows};
use crate::sum::{Kahan, two_sum};
use bellwether_model::RowMut;
use std::ops::Range;

/// Count, mean and sum of squared distances from the mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    count: f64,
    mean: Kahan,
    squares: Kahan,
}

impl Moments {
    /// Adds a value while all is finite.
    #[inline(always)]
    fn add_finite(&mut self, x: f64) {
        self.count += 1.0;
        let delta = x - (self.mean.sum + self.mean.comp);
        self.mean.add_finite(delta / self.count);
        self.squares.add_finite(delta * (x - (self.mean.sum + self.mean.comp)));
    }

    /// Adds a value in Prometheus's way.
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        let delta = x - (self.mean.sum + self.mean.comp);
        self.mean.add(delta / self.count);
        self.squares.add(delta * (x - (self.mean.sum + self.mean.comp)));
    }

    fn variance(&self) -> f64 {
        (self.squares.sum + self.squares.comp) / self.count
    }
}

impl Fold for Moments {
    fn of(_: i64, value: f64) -> Self {
        let mut m = Self::default();
        m.add_finite(value);
        m
    }
    fn older(mut self, _: i64, value: f64) -> Self {
        self.add_finite(value);
        self
    }
    fn merge(mut self, later: Self) -> Self {
        let count = self.count + later.count;
        let delta = (later.mean.sum - self.mean.sum) + (later.mean.comp - self.mean.comp);
        self.squares.join(later.squares);
        self.squares.add(delta * delta * (self.count * later.count / count));
        self.mean.add(delta * (later.count / count));
        self.count = count;
        self
    }
}

/// Standard deviation where `ROOT`, else variance.
pub fn deviation<const ROOT: bool>(w: &Windows<'_>, scratch: &mut Scratch, out: &mut RowMut<'_>) {
    let checked = |m: Moments, window: Range<usize>| {
        let mut variance = m.variance();
        if !variance.is_finite() {
            let mut m = Moments::default();
            w.values[window].iter().for_each(|x| m.add(*x));
            variance = m.variance();
        }
        if ROOT { variance.sqrt() } else { variance }
    };
    fold::<Moments>(
        w,
        1,
        &mut scratch.moments,
        out,
        |slide, out| {
            for (i, (out, m)) in out.iter_mut().zip(over_lanes(slide, w.values)).enumerate() {
                *out = checked(m, slide.window(i));
            }
            true
        },
        |_, window| {
            let mut m = Moments::default();
            w.values[window.clone()].iter().for_each(|x| m.add_finite(*x));
            checked(m, window)
        },
        |_, window, m, _| Some(checked(m, window)),
    );
}

/// [`Moments::add_finite`] over lanes: they have one count.
#[inline(always)]
fn over_lanes(slide: &Slide, values: &[f64]) -> [Moments; LANES] {
    let (mut mean, mut mean_comp) = ([0.0; LANES], [0.0; LANES]);
    let (mut squares, mut squares_comp) = ([0.0; LANES], [0.0; LANES]);
    slide.columns(values, |j, column| {
        let count = (j + 1) as f64;
        for i in 0..LANES {
            let delta = column[i] - (mean[i] + mean_comp[i]);
            let (t, error) = two_sum(mean[i], delta / count);
            mean[i] = t;
            mean_comp[i] += error;
            let (t, error) = two_sum(squares[i], delta * (column[i] - (mean[i] + mean_comp[i])));
            squares[i] = t;
            squares_comp[i] += error;
        }
    });
    std::array::from_fn(|i| Moments {
        count: slide.len as f64,
        mean: Kahan { sum: mean[i], comp: mean_comp[i] },
        squares: Kahan { sum: squares[i], comp: squares_comp[i] },
    })
}

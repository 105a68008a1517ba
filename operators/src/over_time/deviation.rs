//! `stddev_over_time` and `stdvar_over_time`.
//!
//! # Semantics (Prometheus `varianceOverTime`)
//! Population variance by Welford's update, compensated. Long windows merge the moments of two halves (Chan).

use crate::range::fold::{Fold, fold};
use crate::range::{Scratch, Windows};
use crate::sum::Kahan;
use bellwether_model::RowMut;

/// Count, mean and sum of squared distances from the mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    count: f64,
    mean: Kahan,
    squares: Kahan,
}

impl Moments {
    #[inline(always)]
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
        m.add(value);
        m
    }
    fn older(mut self, _: i64, value: f64) -> Self {
        self.add(value);
        self
    }
    fn newer(mut self, _: i64, value: f64) -> Self {
        self.add(value);
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
    let result = |m: Moments| if ROOT { m.variance().sqrt() } else { m.variance() };
    let scan = |window: std::ops::Range<usize>| {
        let mut m = Moments::default();
        w.values[window].iter().for_each(|x| m.add(*x));
        result(m)
    };
    fold::<Moments>(
        w,
        0..0,
        1,
        &mut scratch.moments,
        out,
        |_, window| scan(window),
        |_, window, m, _| {
            let folded = result(m);
            Some(if folded.is_finite() { folded } else { scan(window) })
        },
    );
}

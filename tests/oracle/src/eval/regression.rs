//! `deriv` and `predict_linear`: least squares over a window.
//!
//! # Semantics
//! Sums are compensated, as in Prometheus; a window of one value has slope 0, of one infinity NaN. Two samples at least.

use crate::numeric::kahan;
use crate::value::FloatPoint;

/// A compensated sum.
#[derive(Clone, Copy, Default)]
struct Sum(f64, f64);

impl Sum {
    fn add(&mut self, v: f64) {
        (self.0, self.1) = kahan(v, self.0, self.1);
    }

    fn get(self) -> f64 {
        self.0 + self.1
    }
}

/// Slope by second, and value at `origin_ms`.
fn line(points: &[FloatPoint], origin_ms: i64) -> (f64, f64) {
    let first = points[0].1;
    if points.iter().all(|p| p.1 == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let (mut x_sum, mut y_sum, mut xy_sum, mut xx_sum) =
        (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for (stamp, y) in points {
        let x = (stamp - origin_ms) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let n = points.len() as f64;
    let (x, y) = (x_sum.get(), y_sum.get());
    let slope = (xy_sum.get() - x * y / n) / (xx_sum.get() - x * x / n);
    (slope, y / n - slope * x / n)
}

/// `deriv` of one series.
pub fn deriv(points: &[FloatPoint]) -> Option<f64> {
    (points.len() > 1).then(|| line(points, points[0].0).0)
}

/// `predict_linear` of one series, `seconds` after the step.
pub fn predict(points: &[FloatPoint], at_ms: i64, seconds: f64) -> Option<f64> {
    (points.len() > 1).then(|| {
        let (slope, intercept) = line(points, at_ms);
        slope * seconds + intercept
    })
}

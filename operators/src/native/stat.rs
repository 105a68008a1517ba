//! `histogram_count`, `histogram_sum`, `histogram_avg`, `histogram_stddev`, `histogram_stdvar`: a float of a histogram.
//!
//! # Semantics (Prometheus `simpleHistogramFunc`, `histogramVariance`)
//! Floats are dropped. The variance takes each bucket's observations at its middle: the geometric mean of its bounds,
//! their arithmetic mean in custom buckets, 0 in the zero bucket.

use crate::sum::Kahan;
use bellwether_model::{Histogram, RowMut};
use serde::{Deserialize, Serialize};

/// A function of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HistogramFn {
    /// `histogram_count`
    Count,
    /// `histogram_sum`
    Sum,
    /// `histogram_avg`
    Avg,
    /// `histogram_stddev`
    Stddev,
    /// `histogram_stdvar`
    Stdvar,
}

impl HistogramFn {
    /// The function that PromQL calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "histogram_count" => Self::Count,
            "histogram_sum" => Self::Sum,
            "histogram_avg" => Self::Avg,
            "histogram_stddev" => Self::Stddev,
            "histogram_stdvar" => Self::Stdvar,
            _ => return None,
        })
    }

    fn apply(self, h: &Histogram) -> f64 {
        match self {
            Self::Count => h.count,
            Self::Sum => h.sum,
            Self::Avg => h.sum / h.count,
            Self::Stddev => variance(h).sqrt(),
            Self::Stdvar => variance(h),
        }
    }
}

/// Applies a function to each histogram of a row, in place.
pub fn stat(f: HistogramFn, row: &mut RowMut<'_>) {
    row.bits.fill(0);
    let found: Vec<(u32, f64)> = row.histograms.as_slice().iter().map(|(step, h)| (*step, f.apply(h))).collect();
    row.histograms.replace(&[]);
    found.into_iter().for_each(|(step, v)| row.set(step as usize, v));
}

fn variance(h: &Histogram) -> f64 {
    let mean = h.sum / h.count;
    let mut sum = Kahan::default();
    for b in h.all_buckets().filter(|b| b.count != 0.0) {
        let middle = if h.is_custom() {
            (b.upper + b.lower) / 2.0
        } else if b.lower <= 0.0 && b.upper >= 0.0 {
            0.0
        } else {
            (b.upper * b.lower).sqrt().copysign(b.upper)
        };
        let delta = middle - mean;
        sum.add(b.count * delta * delta);
    }
    (sum.sum + sum.comp) / h.count
}

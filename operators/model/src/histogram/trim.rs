//! Trimming: the observations below or above a value, PromQL's `</` and `>/`.
//!
//! # Semantics (Prometheus model/histogram, `TrimBuckets`)
//! A bucket that holds the value is split: linearly for custom and zero buckets, on a logarithmic scale for exponential
//! ones. Of a bucket without a finite bound nothing is known but that bound, so it is kept or dropped whole, except where
//! zero can be taken for its lower bound. Sum and count are estimated anew if anything was cut off.

use super::{Bucket, Histogram};

/// Which observations stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// Those below the value: `</`.
    Below,
    /// Those above it: `>/`.
    Above,
}

/// What stays of a bucket: how many, and about where.
struct Kept {
    count: f64,
    midpoint: f64,
}

impl Histogram {
    /// Trims to the observations below or above a value.
    pub fn trim(&mut self, value: f64, trim: Trim) {
        let linear = self.is_custom();
        let (mut count, mut sum, mut cut) = (0.0, 0.0, false);
        let (mut has_positive, mut has_negative) = (false, false);
        let mut sides = [Vec::new(), Vec::new()];
        let positive = self.positive_buckets().map(|b| (b, true));
        for (bucket, positive) in positive.chain(self.negative_buckets().map(|b| (b, false))) {
            let side = &mut sides[usize::from(!positive)];
            if bucket.count == 0.0 {
                side.push(0.0);
                continue;
            }
            if positive {
                has_positive = true;
            } else {
                has_negative = true;
            }
            let kept = part(&bucket, value, trim, positive, linear);
            count += kept.count;
            sum += kept.midpoint * kept.count;
            cut |= kept.count != bucket.count;
            side.push(kept.count);
        }
        let mut zero_count = self.zero_count;
        if zero_count > 0.0 {
            let mut zero = self.zero_bucket();
            if has_negative && !has_positive {
                zero.upper = 0.0;
            }
            if has_positive && !has_negative {
                zero.lower = 0.0;
            }
            let kept = zero_part(&zero, value, trim);
            cut |= kept.count != zero_count;
            sum += kept.midpoint * kept.count;
            count += kept.count;
            zero_count = kept.count;
        }
        if cut {
            self.positive.counts_mut().copy_from_slice(&sides[0]);
            self.negative.counts_mut().copy_from_slice(&sides[1]);
            (self.zero_count, self.count, self.sum) = (zero_count, count, sum);
            self.compact();
        }
    }
}

fn part(b: &Bucket, value: f64, trim: Trim, positive: bool, linear: bool) -> Kept {
    let (whole, none) = match trim {
        Trim::Below => (b.upper <= value, b.lower >= value || value.is_nan()),
        Trim::Above => (b.lower >= value, b.upper <= value || value.is_nan()),
    };
    if whole {
        return Kept { count: b.count, midpoint: midpoint(b.lower, b.upper, positive, linear) };
    }
    if none {
        return Kept { count: 0.0, midpoint: 0.0 };
    }
    if b.lower == f64::NEG_INFINITY || b.upper == f64::INFINITY {
        return infinite_part(b, value, trim);
    }
    let below = b.count * b.fraction_below(value, linear);
    match trim {
        Trim::Below => Kept { count: below, midpoint: midpoint(b.lower, value, positive, linear) },
        Trim::Above => Kept { count: b.count - below, midpoint: midpoint(value, b.upper, positive, linear) },
    }
}

/// The part of a bucket without a finite bound on one side that holds the value.
fn infinite_part(b: &Bucket, value: f64, trim: Trim) -> Kept {
    let none = Kept { count: 0.0, midpoint: 0.0 };
    if b.lower > f64::NEG_INFINITY {
        // All of it may be above the value, and how much is below is not known.
        return if trim == Trim::Above { Kept { count: b.count, midpoint: value } } else { none };
    }
    let from_zero = b.upper > 0.0 && b.upper < f64::INFINITY;
    match trim {
        Trim::Below if value > 0.0 && from_zero => Kept { count: b.count * value / b.upper, midpoint: value / 2.0 },
        Trim::Below if b.upper <= 0.0 => Kept { count: b.count, midpoint: value },
        Trim::Above if value >= 0.0 && from_zero => {
            Kept { count: b.count * (1.0 - value / b.upper), midpoint: (value + b.upper) / 2.0 }
        }
        _ => none,
    }
}

fn zero_part(b: &Bucket, value: f64, trim: Trim) -> Kept {
    let (lower, upper) = (b.lower, b.upper);
    let below = matches!(trim, Trim::Below);
    let (whole, none) = (Kept { count: b.count, midpoint: (lower + upper) / 2.0 }, Kept { count: 0.0, midpoint: 0.0 });
    if value <= lower {
        return if below { none } else { whole };
    }
    if value >= upper {
        return if below { whole } else { none };
    }
    let (share, midpoint) = match trim {
        Trim::Below => ((value - lower) / (upper - lower), (lower + value) / 2.0),
        Trim::Above => ((upper - value) / (upper - lower), (value + upper) / 2.0),
    };
    Kept { count: b.count * share, midpoint }
}

/// About where the observations between two bounds are.
fn midpoint(lower: f64, upper: f64, positive: bool, linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        _ if linear => (lower + upper) / 2.0,
        _ if positive => (lower * upper).abs().sqrt(),
        _ => -(lower * upper).abs().sqrt(),
    }
}

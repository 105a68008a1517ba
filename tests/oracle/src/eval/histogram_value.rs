//! What operators and functions make of one native histogram, or of two.
//!
//! # Semantics
//! Prometheus's `vectorElemBinop`, `HistogramQuantile`, `HistogramFraction`, `histogramVariance`. Quantiles and fractions are
//! read off the cumulative counts at the bounds of buckets: on a line in custom buckets and in the zero bucket, on a
//! logarithmic scale in exponential ones.

use crate::numeric::kahan;
use crate::value::{Element, Fault, Sampled, drop_name, unique};
use bellwether_dataflow::promql::{TRIM_LOWER, TRIM_UPPER};
use bellwether_model::Histogram;
use bellwether_model::histogram::{Bucket, Hint, Trim};
use promql_parser::parser::token::{T_ADD, T_DIV, T_MUL, T_SUB, TokenId};
use std::sync::Arc;

/// A changed copy without empty buckets.
pub fn changed(h: &Histogram, change: impl FnOnce(&mut Histogram)) -> Sampled {
    let mut h = h.clone();
    change(&mut h);
    h.compact();
    Sampled::Histogram(Arc::new(h))
}

/// The operator on a histogram and a number behind it.
pub fn with_float(op: TokenId, h: &Histogram, f: f64) -> Option<Sampled> {
    let trimmed = |trim| {
        let mut h = h.clone();
        h.trim(f, trim);
        Sampled::Histogram(Arc::new(h))
    };
    match op {
        T_MUL => Some(changed(h, |h| h.multiply(f))),
        T_DIV => Some(changed(h, |h| h.divide(f))),
        TRIM_UPPER => Some(trimmed(Trim::Below)),
        TRIM_LOWER => Some(trimmed(Trim::Above)),
        _ => None,
    }
}

/// `h + h` and `h - h`; nothing where their hints contradict each other.
pub fn with_histogram(op: TokenId, l: &Histogram, r: &Histogram) -> Option<Sampled> {
    let mut sum = l.clone();
    let facts = match op {
        T_ADD => sum.add(r).ok()?,
        T_SUB => sum.subtract(r).ok()?,
        _ => return None,
    };
    (!facts.reset_collision).then(|| changed(&sum, |h| h.hint = if op == T_SUB { Hint::Gauge } else { h.hint }))
}

/// The function of that name, of a histogram a number.
pub fn function(name: &str) -> Option<fn(&Histogram) -> f64> {
    Some(match name {
        "histogram_count" => |h| h.count,
        "histogram_sum" => |h| h.sum,
        "histogram_avg" => |h| h.sum / h.count,
        "histogram_stdvar" => variance,
        "histogram_stddev" => |h| variance(h).sqrt(),
        _ => return None,
    })
}

/// That function on each histogram; floats are left out.
pub fn each(name: &str, elements: Vec<Element>) -> Result<Vec<Element>, Fault> {
    let Some(f) = function(name) else { return Err(Fault::NotSupported(format!("function {name}"))) };
    let number = |e: Element| match &e.value {
        Sampled::Float(_) => None,
        Sampled::Histogram(h) => {
            Some(Element { labels: drop_name(&e.labels), value: Sampled::Float(f(h)), stamp_ms: e.stamp_ms })
        }
    };
    unique(elements.into_iter().filter_map(number).collect())
}

fn variance(h: &Histogram) -> f64 {
    let (mut sum, mut c) = (0.0, 0.0);
    for b in h.all_buckets().filter(|b| b.count != 0.0) {
        let middle = match h.is_custom() {
            true => f64::midpoint(b.lower, b.upper),
            false if b.lower <= 0.0 && b.upper >= 0.0 => 0.0,
            false => b.upper.signum() * (b.lower * b.upper).sqrt(),
        };
        let off = middle - h.sum / h.count;
        (sum, c) = kahan(b.count * off * off, sum, c);
    }
    (sum + c) / h.count
}

/// Buckets in ascending order as quantiles see them: a zero bucket beside buckets of one sign ends at zero, as does the
/// first custom bucket, if it ends above.
fn buckets(h: &Histogram) -> Vec<Bucket> {
    let shown = |mut b: Bucket| {
        let zero = !h.is_custom() && b.lower <= 0.0 && b.upper >= 0.0;
        let from_zero = h.is_custom() && b.lower == f64::NEG_INFINITY && b.upper > 0.0;
        if from_zero || (zero && h.negative.is_empty() && !h.positive.is_empty()) {
            b.lower = 0.0;
        } else if zero && h.positive.is_empty() && !h.negative.is_empty() {
            b.upper = 0.0;
        }
        b
    };
    h.all_buckets().map(shown).collect()
}

fn is_linear(h: &Histogram, b: &Bucket) -> bool {
    h.is_custom() || (b.lower <= 0.0 && b.upper >= 0.0)
}

/// The value that a share of a bucket's observations is below.
fn value_in(h: &Histogram, b: &Bucket, share: f64) -> f64 {
    if is_linear(h, b) {
        return b.lower + (b.upper - b.lower) * share;
    }
    let [low, high] = [b.lower, b.upper].map(|v| v.abs().log2());
    b.upper.signum() * (low + (high - low) * share).exp2()
}

/// `histogram_quantile` of one histogram.
pub fn quantile(q: f64, h: &Histogram) -> f64 {
    match q {
        _ if q < 0.0 => return f64::NEG_INFINITY,
        _ if q > 1.0 => return f64::INFINITY,
        _ if q.is_nan() || h.count == 0.0 => return f64::NAN,
        _ => {}
    }
    let mut buckets: Vec<Bucket> = buckets(h).into_iter().filter(|b| b.count != 0.0).collect();
    // From above where that is nearer; NaN observations are above all buckets and hide that end.
    let from_above = q >= 0.5 && !h.sum.is_nan();
    let rank = if from_above { (1.0 - q) * h.count } else { q * h.count };
    if from_above {
        buckets.reverse();
    }
    let mut passed = 0.0;
    let reaches = |b: &&Bucket| {
        passed += b.count;
        passed >= rank
    };
    let Some(b) = buckets.iter().find(reaches).or(buckets.last()) else { return f64::NAN };
    if h.is_custom() && (b.lower == f64::NEG_INFINITY || b.upper == f64::INFINITY) {
        return if b.lower == f64::NEG_INFINITY { b.upper } else { b.lower };
    }
    // Buckets may hold more than they count together, in a difference of histograms all of them less than nothing.
    let passed = f64::min(passed, h.count);
    match passed < rank {
        true if h.sum.is_nan() => f64::NAN,
        true => b.upper,
        false if from_above => value_in(h, b, (passed - rank) / b.count),
        false => value_in(h, b, (rank - (passed - b.count)) / b.count),
    }
}

/// `histogram_fraction` of one histogram.
pub fn fraction(lower: f64, upper: f64, h: &Histogram) -> f64 {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let counted = h.all_buckets().map(|b| b.count).sum::<f64>();
    let all = if h.sum.is_nan() { counted } else { h.count };
    (below(h, upper, all) - below(h, lower, all)) / h.count
}

/// Observations below a value, at most `all`.
fn below(h: &Histogram, v: f64, all: f64) -> f64 {
    let mut rank = 0.0_f64;
    for b in buckets(h) {
        if b.lower >= v {
            return rank.min(all);
        }
        if b.upper > v {
            let within = match b.lower {
                f64::NEG_INFINITY => return b.count.min(all),
                _ if is_linear(h, &b) => (v - b.lower) / (b.upper - b.lower),
                _ => (v.abs().log2() - b.lower.abs().log2()) / (b.upper.abs().log2() - b.lower.abs().log2()),
            };
            return (rank + b.count * within).min(all);
        }
        rank += b.count;
    }
    all
}

//! `histogram_quantile`, `histogram_quantiles` and `histogram_fraction` over classic buckets and native histograms.
//!
//! # Semantics
//! Of a label set with both there is no result. Of classic buckets:
//! Elements are grouped by their labels without `le`; an element whose `le` is no number is left out; equal bounds are
//! added up; counts that fall from one bound to the next are lifted, differences below a relative 1e-12 are taken for
//! rounding. Without a `+Inf` bucket there is no answer but NaN.

use super::{Env, histogram_value, scalar, text, vector};
use crate::numeric::format_float;
use crate::value::{Element, Fault, Sampled, drop_name, fail, unique};
use bellwether_model::{Histogram, Labels};
use promql_parser::parser::Call;
use std::cmp::Ordering;
use std::collections::BTreeMap;

const SMALL_DIFFERENCE: f64 = 1e-12;

/// Upper bound and cumulative count.
type Bucket = (f64, f64);

fn buckets(elements: &[Element]) -> BTreeMap<Labels, Vec<Bucket>> {
    let mut out: BTreeMap<Labels, Vec<Bucket>> = BTreeMap::new();
    for e in elements {
        if let (Ok(bound), Some(count)) = (e.labels.get("le").parse::<f64>(), e.float())
            && !bound.is_nan()
        {
            out.entry(e.labels.without("le")).or_default().push((bound, count));
        }
    }
    for buckets in out.values_mut() {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    out
}

/// Adds up buckets with one bound.
fn coalesce(buckets: &[Bucket]) -> Vec<Bucket> {
    let mut out: Vec<Bucket> = Vec::new();
    for (bound, count) in buckets {
        match out.last_mut() {
            Some(last) if last.0 == *bound => last.1 += count,
            _ => out.push((*bound, *count)),
        }
    }
    out
}

fn nearly_equal(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < SMALL_DIFFERENCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < SMALL_DIFFERENCE
}

/// Lifts counts that fall, levels out those that differ by rounding.
fn make_monotonic(buckets: &mut [Bucket]) {
    let mut before = buckets[0].1;
    for (_, count) in buckets.iter_mut().skip(1) {
        if nearly_equal(before, *count) || *count < before {
            *count = before;
        } else {
            before = *count;
        }
    }
}

fn ends_with_infinity(buckets: &[Bucket]) -> bool {
    buckets.last().is_some_and(|(bound, _)| *bound == f64::INFINITY)
}

fn quantile(q: f64, buckets: &[Bucket]) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if !ends_with_infinity(buckets) {
        return f64::NAN;
    }
    let mut buckets = coalesce(buckets);
    make_monotonic(&mut buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].1;
    if last == 0 || observations == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * observations;
    // As Go's binary search does with NaN counts: a comparison with NaN does not hold.
    let b = buckets[..last].partition_point(|(_, count)| count.partial_cmp(&rank).is_none_or(Ordering::is_lt));
    if b == last {
        return buckets[last - 1].0;
    }
    if b == 0 && buckets[0].0 <= 0.0 {
        return buckets[0].0;
    }
    let (mut start, (end, mut count)) = (0.0, buckets[b]);
    if b > 0 {
        start = buckets[b - 1].0;
        count -= buckets[b - 1].1;
        rank -= buckets[b - 1].1;
    }
    start + (end - start) * (rank / count)
}

/// The number of observations at or below `v`, interpolated in the bucket that holds it. The first bucket begins at
/// zero if it ends above; one without a finite start is taken whole.
fn rank_of(v: f64, buckets: &[Bucket]) -> f64 {
    let total = buckets[buckets.len() - 1].1;
    let mut lower = if buckets[0].0 <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let mut rank = 0.0;
    for (upper, count) in buckets {
        let within = if lower >= v {
            rank
        } else if *upper <= v {
            (lower, rank) = (*upper, *count);
            continue;
        } else if lower == f64::NEG_INFINITY {
            *count
        } else {
            rank + (count - rank) * (v - lower) / (upper - lower)
        };
        return if within > total { total } else { within };
    }
    total
}

fn fraction(lower: f64, upper: f64, buckets: &[Bucket]) -> f64 {
    if !ends_with_infinity(buckets) {
        return f64::NAN;
    }
    let buckets = coalesce(buckets);
    let total = buckets[buckets.len() - 1].1;
    if total == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, &buckets) - rank_of(lower, &buckets)) / total
}

fn by_group(
    elements: Vec<Element>,
    env: &Env<'_>,
    classic: impl Fn(&[Bucket]) -> f64,
    native: impl Fn(&Histogram) -> f64,
) -> Result<Vec<Element>, Fault> {
    let mut groups = buckets(&elements);
    let mut out = Vec::new();
    let mut conflicts = Vec::new();
    for e in &elements {
        let Sampled::Histogram(h) = &e.value else { continue };
        if groups.contains_key(&e.labels) {
            conflicts.push(&e.labels);
        } else {
            out.push(env.element(drop_name(&e.labels), native(h)));
        }
    }
    conflicts.into_iter().for_each(|labels| drop(groups.remove(labels)));
    out.extend(groups.iter().map(|(labels, b)| env.element(drop_name(labels), classic(b))));
    unique(out)
}

/// `histogram_quantile(q, v)`.
pub fn histogram_quantile(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let [q, v] = c.args.args.as_slice() else { return fail("wrong number of arguments") };
    let q = scalar(q, env)?;
    by_group(vector(v, env)?, env, |b| quantile(q, b), |h| histogram_value::quantile(q, h))
}

/// `histogram_quantiles(v, label, q, …)`: each quantile under a label that says which, as OpenMetrics writes numbers.
pub fn histogram_quantiles(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let [v, label, qs @ ..] = c.args.args.as_slice() else { return fail("wrong number of arguments") };
    let (elements, label) = (vector(v, env)?, text(label, env)?);
    let mut all = Vec::new();
    for q in qs {
        let q = scalar(q, env)?;
        let written = if q.fract() == 0.0 { format!("{q:.1}") } else { format_float(q) };
        let of_one = by_group(elements.clone(), env, |b| quantile(q, b), |h| histogram_value::quantile(q, h))?;
        all.extend(
            of_one.into_iter().map(|e| Element { labels: e.labels.to_builder().set(&label, &written).build(), ..e }),
        );
    }
    unique(all)
}

/// `histogram_fraction(lower, upper, v)`.
pub fn histogram_fraction(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let [lower, upper, v] = c.args.args.as_slice() else { return fail("wrong number of arguments") };
    let (lower, upper) = (scalar(lower, env)?, scalar(upper, env)?);
    by_group(vector(v, env)?, env, |b| fraction(lower, upper, b), |h| histogram_value::fraction(lower, upper, h))
}

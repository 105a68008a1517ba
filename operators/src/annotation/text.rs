//! The words of every note, as Prometheus has them.

use super::Note;
use crate::template::go_float;
use crate::template::quote::quote;

/// Suffixes of names that counters have.
const COUNTER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

/// ` for metric name "…"`, or nothing.
pub(super) fn for_metric(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" for metric name {}", quote(name)) }
}

/// A quantile outside of 0 to 1, or NaN.
pub fn invalid_quantile(q: f64) -> Note {
    Note::warning(format!("quantile value should be between 0 and 1, got {}", go_float(q)))
}

/// Whether [`invalid_quantile`] is to be said of this value.
pub fn is_invalid_quantile(q: f64) -> bool {
    !(0.0..=1.0).contains(&q)
}

/// A ratio outside of -1 to 1, and what is taken instead.
pub fn invalid_ratio(r: f64, to: f64) -> Note {
    let (r, to) = (go_float(r), go_float(to));
    Note::warning(format!("ratio value should be between -1 and 1, got {r}, capping to {to}"))
}

/// Whether `rate` of a metric of that name is worth a note.
pub fn is_counter_name(name: &str) -> bool {
    name.is_empty() || COUNTER_SUFFIXES.iter().any(|s| name.ends_with(s))
}

/// `rate` or `increase` over what has no counter's name.
pub fn possible_non_counter(name: &str) -> Note {
    let name = quote(name);
    Note::info(format!("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name}"))
}

/// A bucket without a bound.
pub fn bad_bucket_label(metric: &str, label: &str) -> Note {
    let (label, metric) = (quote(label), for_metric(metric));
    Note::warning(format!("bucket label \"le\" is missing or has a malformed value of {label}{metric}"))
}

/// Cumulative buckets that fall.
pub fn forced_monotonicity(metric: &str) -> Note {
    let metric = for_metric(metric);
    let page = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile";
    Note::info(format!("input to histogram_quantile needed to be fixed for monotonicity (see {page}){metric}"))
}

/// An operator that these types of samples do not have.
pub fn incompatible_types(left: &str, operator: &str, right: &str) -> Note {
    let quoted = quote(operator);
    Note::info(format!("incompatible sample types encountered for binary operator {quoted}: {left} {operator} {right}"))
}

/// `sort` where steps are many.
pub fn sort_in_range() -> Note {
    Note::warning("sort is ineffective for range queries since results are always ordered by labels")
}

/// A strategy that `integral` does not have.
pub fn invalid_strategy(strategy: f64) -> Note {
    Note::warning(format!("strategy should be 0, 1, or 2 (default), using 2, got {}", go_float(strategy)))
}

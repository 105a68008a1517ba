//! Classic histograms of a `load_with_nhcb` as native ones with custom buckets.
//!
//! # Semantics (Prometheus util/convertnhcb)
//! `_bucket`, `_count` and `_sum` of one label set and stamp make a histogram under the name without the suffix. Without a
//! count the highest bucket has it; without a +Inf bucket the count is that bucket's.

use super::Load;
use super::notation::Value;
use bellwether_model::histogram::{Buckets, CUSTOM_SCHEMA};
use bellwether_model::{Histogram, Labels, METRIC_NAME};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
struct Classic {
    /// (bound, cumulative count) by bound.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// Series, stamp (ms) and histogram.
pub(super) fn converted(load: &Load) -> Vec<(Labels, i64, Arc<Histogram>)> {
    let mut all: BTreeMap<(Labels, i64), Classic> = BTreeMap::new();
    for (labels, values) in &load.series {
        let name = labels.metric_name();
        let Some((base, suffix)) = name.rsplit_once('_').filter(|(_, s)| ["bucket", "count", "sum"].contains(s)) else {
            continue;
        };
        let le = labels.get("le").parse::<f64>().ok().filter(|le| !le.is_nan());
        let key = labels.to_builder().set(METRIC_NAME, base).set("le", "").build();
        for (i, value) in values.iter().enumerate() {
            let Some(Value::Float(v)) = value else { continue };
            let classic = all.entry((key.clone(), load.interval_ms * i as i64)).or_default();
            match (suffix, le) {
                ("bucket", Some(le)) => classic.buckets.push((le, *v)),
                ("count", _) => classic.count = Some(*v),
                ("sum", _) => classic.sum = *v,
                _ => {}
            }
        }
    }
    all.into_iter()
        .filter_map(|((labels, stamp), classic)| Some((labels, stamp, Arc::new(convert(classic)?))))
        .collect()
}

fn convert(mut classic: Classic) -> Option<Histogram> {
    classic.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    classic.buckets.dedup_by(|later, kept| later.0 == kept.0);
    let highest = classic.buckets.last().copied();
    let count = classic.count.or(highest.map(|b| b.1))?;
    if highest.is_none_or(|b| b.0 != f64::INFINITY) {
        classic.buckets.push((f64::INFINITY, count));
    }
    let mut before = 0.0;
    let counts: Vec<f64> = classic.buckets.iter().map(|(_, c)| c - std::mem::replace(&mut before, *c)).collect();
    let custom_values = classic.buckets.iter().map(|b| b.0).filter(|b| b.is_finite()).collect();
    let positive = Buckets::from_run(0, &counts);
    let mut h =
        Histogram { schema: CUSTOM_SCHEMA, count, sum: classic.sum, positive, custom_values, ..Histogram::default() };
    h.compact();
    h.validate().is_ok().then_some(h)
}

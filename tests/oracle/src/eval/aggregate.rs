//! Aggregations by labels: `sum by (job) (…)`, `quantile without (instance) (0.9, …)`, `count_values("v", …)`.
//!
//! # Semantics
//! `by` keeps the named labels, `without` drops them and the name, neither drops all. Groups come in the order in
//! which their first element comes. `min` and `max` take -0 for less than 0: Prometheus gives whichever of the two comes first,
//! in an order of elements that it leaves open.

use super::over_time::values;
use super::{Env, histogram_sum, scalar, text, top, vector};
use crate::numeric::{format_float, maximum, mean, minimum, quantile, sum, variance};
use crate::value::{Element, Fault, Point, Sampled, fail, floats, is_reserved};
use bellwether_model::Labels;
use bellwether_model::xxh64::prometheus_hash;
use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_GROUP, T_LIMIT_RATIO, T_LIMITK, T_MAX, T_MIN, T_QUANTILE, T_STDDEV,
    T_STDVAR, T_SUM, T_TOPK, TokenId,
};
use promql_parser::parser::{AggregateExpr, LabelModifier};
use std::collections::BTreeMap;

/// Labels of the group that an element belongs to.
fn group_of(modifier: Option<&LabelModifier>, labels: &Labels) -> Labels {
    let named = |l: &[String], n: &str| l.iter().any(|x| x == n);
    match modifier {
        None => Labels::empty(),
        Some(LabelModifier::Include(by)) => labels.filter(|n| named(&by.labels, n)),
        Some(LabelModifier::Exclude(without)) => labels.filter(|n| !named(&without.labels, n) && !is_reserved(n)),
    }
}

/// Elements by group, groups in order of their first element.
fn groups(modifier: Option<&LabelModifier>, elements: Vec<Element>) -> Vec<(Labels, Vec<Element>)> {
    let mut index: BTreeMap<Labels, usize> = BTreeMap::new();
    let mut out: Vec<(Labels, Vec<Element>)> = Vec::new();
    for e in elements {
        let key = group_of(modifier, &e.labels);
        let at = *index.entry(key.clone()).or_insert_with(|| {
            out.push((key, Vec::new()));
            out.len() - 1
        });
        out[at].1.push(e);
    }
    out
}

/// An aggregation.
pub fn aggregate(a: &AggregateExpr, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let modifier = a.modifier.as_ref();
    match a.op.id() {
        op @ (T_TOPK | T_BOTTOMK) => {
            // An error of the vector comes first, whatever the limit is.
            let (k, elements) = (parameter(a, env)?, vector(&a.expr, env)?);
            let Some(k) = top::limit(k)? else { return Ok(Vec::new()) };
            let choose = if env.options.ties_by_labels { top::top_by_labels } else { top::top };
            let groups = groups(modifier, elements);
            Ok(groups.into_iter().flat_map(|(_, members)| choose(members, k, op == T_TOPK)).collect())
        }
        T_COUNT_VALUES => count_values(a, env),
        T_LIMITK => {
            let (k, mut elements) = (parameter(a, env)?, vector(&a.expr, env)?);
            let Some(k) = top::limit(k)? else { return Ok(Vec::new()) };
            if env.options.ties_by_labels {
                elements.sort_by(|a, b| a.labels.cmp(&b.labels));
            }
            let groups = groups(modifier, elements);
            Ok(groups.into_iter().flat_map(|(_, members)| members.into_iter().take(k)).collect())
        }
        T_LIMIT_RATIO => limit_ratio(a, env),
        T_QUANTILE => {
            let q = parameter(a, env)?;
            fold(a, env, |members| of_floats(members, |values| quantile(q, values)))
        }
        T_SUM => fold(a, env, |members| histogram_sum::of(members, sum, histogram_sum::sum)),
        T_AVG => fold(a, env, |members| histogram_sum::of(members, mean, histogram_sum::mean)),
        T_COUNT => fold(a, env, |members| Some(Sampled::Float(members.len() as f64))),
        T_GROUP => fold(a, env, |_| Some(Sampled::Float(1.0))),
        op => {
            let f = function(op).ok_or_else(|| Fault::NotSupported(format!("aggregation {}", a.op)))?;
            fold(a, env, |members| of_floats(members, f))
        }
    }
}

fn parameter(a: &AggregateExpr, env: &Env<'_>) -> Result<f64, Fault> {
    a.param.as_ref().map_or_else(|| fail("no parameter"), |p| scalar(p, env))
}

/// Each group's members become one value, or none.
fn fold(a: &AggregateExpr, env: &Env<'_>, f: impl Fn(&[Point]) -> Option<Sampled>) -> Result<Vec<Element>, Fault> {
    let groups = groups(a.modifier.as_ref(), vector(&a.expr, env)?);
    let value = |members: Vec<Element>| f(&members.into_iter().map(|e| (e.stamp_ms, e.value)).collect::<Vec<_>>());
    Ok(groups.into_iter().filter_map(|(labels, members)| Some(env.sampled(labels, value(members)?))).collect())
}

/// Of an aggregation that leaves histograms out.
fn of_floats(members: &[Point], f: impl Fn(&[f64]) -> f64) -> Option<Sampled> {
    let floats = values(&floats(members));
    (!floats.is_empty()).then(|| Sampled::Float(f(&floats)))
}

fn function(op: TokenId) -> Option<fn(&[f64]) -> f64> {
    Some(match op {
        T_MIN => |v| minimum(&ascending(v)),
        T_MAX => |v| maximum(&ascending(v).into_iter().rev().collect::<Vec<_>>()),
        T_STDVAR => variance,
        T_STDDEV => |v| variance(v).sqrt(),
        _ => return None,
    })
}

/// Values from the least on, -0 before 0.
fn ascending(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The share of the elements whose hash is small enough; a negative ratio takes the others.
fn limit_ratio(a: &AggregateExpr, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let ratio = parameter(a, env)?;
    if ratio.is_nan() {
        return fail("Ratio value is NaN");
    }
    let ratio = ratio.clamp(-1.0, 1.0);
    let keeps = |e: &Element| {
        let place = prometheus_hash(e.labels.iter()) as f64 / u64::MAX as f64;
        if ratio < 0.0 { place >= 1.0 + ratio } else { place < ratio }
    };
    Ok(vector(&a.expr, env)?.into_iter().filter(keeps).collect())
}

fn count_values(a: &AggregateExpr, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let label = a.param.as_ref().map_or_else(|| fail("no parameter"), |p| text(p, env))?;
    super::label_functions::check_name(&label, "invalid label name")?;
    let with_value = |e: Element| {
        let value = match &e.value {
            Sampled::Float(v) => format_float(*v),
            Sampled::Histogram(h) => h.to_string(),
        };
        Element { labels: e.labels.to_builder().set(&label, &value).build(), ..e }
    };
    let elements = vector(&a.expr, env)?.into_iter().map(with_value).collect();
    // The new label is one of the group's, whether or not it is written in `by`.
    let modifier = match a.modifier.clone() {
        None => LabelModifier::Include(promql_parser::label::Labels::new(vec![&label])),
        Some(LabelModifier::Include(by)) => LabelModifier::Include(by.append(label)),
        Some(without) => without,
    };
    let groups = groups(Some(&modifier), elements);
    Ok(groups.into_iter().map(|(labels, members)| env.element(labels, members.len() as f64)).collect())
}

//! What one side says of a case, and where two sides differ.

use bellwether_model::histogram::Buckets;
use bellwether_model::{Histogram, Labels, Transition, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A rule at a step, ms.
pub type At = (usize, i64);

/// A transition of an alert: (rule, step ms, identity).
pub type Event = (usize, i64, Labels);

/// What happened to it: transition, value, active at, fired at.
pub type Change = (Transition, f64, i64, Option<i64>);

/// All that one side says.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Results that are not empty; of evaluations that failed they mean nothing.
    pub rows: BTreeMap<At, BTreeMap<Labels, Value>>,
    /// Evaluations that failed.
    pub failed: BTreeSet<At>,
    /// Transitions.
    pub events: BTreeMap<Event, Change>,
}

/// Whether two values are as good as equal.
fn is_close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Histograms in one layout whose numbers differ by a part of their count, since what is left of a subtraction is as exact
/// as what it was made of.
fn are_alike(a: &Histogram, b: &Histogram) -> bool {
    let scale = a.count.abs().max(b.count.abs()).max(a.sum.abs()).max(b.sum.abs());
    let near = |x: f64, y: f64| is_close(x, y) || (x - y).abs() <= 1e-9 * scale;
    let sides = |x: &Buckets, y: &Buckets| {
        let count = |side: &Buckets, index| side.iter().find(|b| b.0 == index).map_or(0.0, |b| b.1);
        x.iter().chain(y.iter()).all(|(index, _)| near(count(x, index), count(y, index)))
    };
    let layout = |h: &Histogram| (h.schema, h.zero_threshold.to_bits(), h.custom_values.clone());
    let numbers = [(a.count, b.count), (a.sum, b.sum), (a.zero_count, b.zero_count)];
    layout(a) == layout(b)
        && numbers.into_iter().all(|(x, y)| near(x, y))
        && sides(&a.positive, &b.positive)
        && sides(&a.negative, &b.negative)
}

fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => is_close(*a, *b),
        (Value::Histogram(a), Value::Histogram(b)) => are_alike(a, b),
        _ => false,
    }
}

impl Told {
    /// The differences of the engine from the oracle, at most a few of each kind.
    pub fn differences(&self, other: &Self, name: impl Fn(usize) -> String) -> Vec<String> {
        let mut all = Vec::new();
        let failed = self.failed.symmetric_difference(&other.failed);
        all.extend(failed.take(3).map(|(rule, step)| {
            let who = if self.failed.contains(&(*rule, *step)) { "engine" } else { "oracle" };
            format!("{} at {step}: only the {who} fails", name(*rule))
        }));
        let empty = BTreeMap::new();
        let keys: BTreeSet<&At> = self.rows.keys().chain(other.rows.keys()).collect();
        let good = |at: &&&At| !self.failed.contains(**at) && !other.failed.contains(**at);
        let mut rows = Vec::new();
        for at in keys.iter().filter(good) {
            let (a, b) = (self.rows.get(*at).unwrap_or(&empty), other.rows.get(*at).unwrap_or(&empty));
            let labels: BTreeSet<&Labels> = a.keys().chain(b.keys()).collect();
            for labels in labels {
                let (x, y) = (a.get(labels), b.get(labels));
                if x.zip(y).is_none_or(|(x, y)| !is_same(x, y)) {
                    rows.push(format!(
                        "{} at {}: {labels} is {x:?} for the engine, {y:?} for the oracle",
                        name(at.0),
                        at.1
                    ));
                }
            }
        }
        rows.truncate(5);
        all.append(&mut rows);
        let events: BTreeSet<&Event> = self.events.keys().chain(other.events.keys()).collect();
        let mut changes = Vec::new();
        for event in events {
            let (a, b) = (self.events.get(event), other.events.get(event));
            let same = |a: &Change, b: &Change| (a.0, a.2, a.3) == (b.0, b.2, b.3) && is_close(a.1, b.1);
            if a.zip(b).is_none_or(|(a, b)| !same(a, b)) {
                changes.push(format!("{} at {}: {}: engine {a:?}, oracle {b:?}", name(event.0), event.1, event.2));
            }
        }
        changes.truncate(5);
        all.append(&mut changes);
        all
    }
}

//! Families of metrics: what both forms of `/metrics` are written from.

use crate::live::Latency;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a family's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from 0.
    Counter,
    /// Any number.
    Gauge,
    /// Durations.
    Histogram,
}

/// A value.
#[derive(Debug)]
pub enum Value {
    /// Of a counter or gauge.
    Number(f64),
    /// Of a histogram: durations that nobody records into any more.
    Durations(Box<Latency>),
}

/// One series, or those of a histogram.
#[derive(Debug)]
pub struct Metric {
    /// Names and values.
    pub labels: Vec<(&'static str, String)>,
    /// Its value.
    pub value: Value,
}

/// Metrics of one name.
#[derive(Debug)]
pub struct Family {
    /// The name.
    pub name: String,
    /// A sentence.
    pub help: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// In the order in which they are shown.
    pub metrics: Vec<Metric>,
}

/// A counter's value now.
pub fn read(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

/// Families under way.
#[derive(Debug, Default)]
pub struct Families(pub Vec<Family>);

impl Families {
    /// Begins a family.
    pub fn head(&mut self, name: &str, kind: Kind, help: &'static str) {
        self.0.push(Family { name: format!("bellwether_{name}"), help, kind, metrics: Vec::new() });
    }

    /// A metric of the family that was begun last.
    pub fn line(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.push(Metric { labels, value: Value::Number(value) });
    }

    /// A family of one metric.
    pub fn one(&mut self, name: &str, kind: Kind, help: &'static str, value: f64) {
        self.head(name, kind, help);
        self.line(&[], value);
    }

    /// A histogram.
    pub fn seconds(&mut self, name: &str, help: &'static str, latency: &Latency) {
        self.head(name, Kind::Histogram, help);
        let durations = Box::new(latency.since(&Latency::default()));
        self.push(Metric { labels: Vec::new(), value: Value::Durations(durations) });
    }

    fn push(&mut self, metric: Metric) {
        if let Some(family) = self.0.last_mut() {
            family.metrics.push(metric);
        }
    }
}

/// Families of several tenants as one list: each family once, each metric with its tenant.
pub fn of_tenants(all: impl IntoIterator<Item = (String, Families)>) -> Families {
    let mut families: Vec<Family> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for (tenant, of_tenant) in all {
        for mut family in of_tenant.0 {
            let mut metrics = std::mem::take(&mut family.metrics);
            metrics.iter_mut().for_each(|metric| metric.labels.insert(0, ("tenant", tenant.clone())));
            let there = *at.entry(family.name.clone()).or_insert_with(|| {
                families.push(family);
                families.len() - 1
            });
            families[there].metrics.append(&mut metrics);
        }
    }
    Families(families)
}

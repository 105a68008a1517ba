//! Recording rules: the result under the rule's name and labels.

use super::Rule;
use crate::value::{Fault, Sampled, fail};
use bellwether_model::{Labels, METRIC_NAME};
use std::collections::BTreeSet;

/// The samples that a recording rule writes.
pub fn record(rule: &Rule, limit: usize, rows: &[(Labels, Sampled)]) -> Result<Vec<(Labels, Sampled)>, Fault> {
    let mut seen = BTreeSet::new();
    let mut written = Vec::new();
    for (labels, value) in rows {
        let mut b = labels.to_builder();
        b.set(METRIC_NAME, &rule.name);
        for (name, value) in &rule.labels {
            b.set(name, value);
        }
        let labels = b.build();
        if !seen.insert(labels.clone()) {
            return fail("vector contains metrics with the same labelset after applying rule labels");
        }
        written.push((labels, value.clone()));
    }
    if limit > 0 && written.len() > limit {
        return fail(format!("exceeded limit of {limit} with {} series", written.len()));
    }
    Ok(written)
}

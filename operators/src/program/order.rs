//! The order of an instant query's result: what `sort` and its kin, `topk` and `bottomk` say, as data.
//!
//! # Semantics (Prometheus promql/functions.go `funcSort`, promql/engine.go `aggregationK`)
//! A vector is a set: no operator sees an order, and rules never do. Only whoever shows the result of one instant sorts
//! it, by labels and values alone, so that the order depends on no worker. NaN is last either way. Elements that
//! compare equal stay in order of labels, where Prometheus leaves their order open.
//!
//! # Limits
//! Only the outermost function of a query orders its result. In Prometheus an order may survive a function around it.

use super::Grouping;
use crate::labels_fn::natural;
use bellwether_model::{Labels, is_metadata};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How the elements of a result are ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResultOrder {
    /// By labels.
    #[default]
    Plain,
    /// `sort`, `sort_desc`
    Value {
        /// The greatest first.
        descending: bool,
    },
    /// `topk`, `bottomk`: group by group.
    Groups {
        /// The greatest first.
        descending: bool,
        /// Grouping.
        grouping: Grouping,
    },
    /// `sort_by_label`, `sort_by_label_desc`: numbers within values count as numbers; equal ones by all labels.
    Label {
        /// In reverse.
        descending: bool,
        /// Labels, the most significant first.
        names: Vec<String>,
    },
}

impl ResultOrder {
    /// Sorts the elements of one instant.
    pub fn sort(&self, rows: &mut [(Labels, f64)]) {
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        match self {
            Self::Plain => {}
            Self::Value { descending } => rows.sort_by(|a, b| by_value(a.1, b.1, *descending)),
            Self::Groups { descending, grouping } => {
                // Groups stand in the order of their first element.
                let mut ranks: BTreeMap<Labels, usize> = BTreeMap::new();
                for (labels, _) in rows.iter() {
                    let next = ranks.len();
                    ranks.entry(group(grouping, labels)).or_insert(next);
                }
                let rank = |labels: &Labels| ranks.get(&group(grouping, labels)).copied();
                rows.sort_by(|a, b| rank(&a.0).cmp(&rank(&b.0)).then(by_value(a.1, b.1, *descending)));
            }
            Self::Label { descending, names } => rows.sort_by(|a, b| {
                let order = by_labels(names, &a.0, &b.0);
                if *descending { order.reverse() } else { order }
            }),
        }
    }
}

fn group(grouping: &Grouping, labels: &Labels) -> Labels {
    match grouping {
        Grouping::By(names) => labels.filter(|n| names.iter().any(|x| x == n)),
        Grouping::Without(names) => labels.filter(|n| !is_metadata(n) && !names.iter().any(|x| x == n)),
    }
}

fn by_value(a: f64, b: f64, descending: bool) -> Ordering {
    let numbers = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    a.is_nan().cmp(&b.is_nan()).then(if descending { numbers.reverse() } else { numbers })
}

fn by_labels(names: &[String], a: &Labels, b: &Labels) -> Ordering {
    let first = names.iter().map(|n| natural(a.get(n), b.get(n))).find(|o| o.is_ne());
    first.unwrap_or_else(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(order: &ResultOrder, rows: &[(&str, f64)]) -> Vec<String> {
        let mut rows: Vec<(Labels, f64)> = rows.iter().map(|(a, v)| (Labels::from_pairs([("a", a)]), *v)).collect();
        order.sort(&mut rows);
        rows.iter().map(|(l, _)| l.get("a").to_owned()).collect()
    }

    #[test]
    fn nan_is_last_either_way_and_equals_stay_in_order_of_labels() {
        let rows = [("d", 1.0), ("c", f64::NAN), ("b", 3.0), ("a", 1.0)];
        assert_eq!(sorted(&ResultOrder::Value { descending: false }, &rows), ["a", "d", "b", "c"]);
        assert_eq!(sorted(&ResultOrder::Value { descending: true }, &rows), ["b", "a", "d", "c"]);
        assert_eq!(sorted(&ResultOrder::Plain, &rows), ["a", "b", "c", "d"]);
    }

    #[test]
    fn groups_stay_together() {
        let grouping = Grouping::By(vec!["a".to_owned()]);
        let order = ResultOrder::Groups { descending: true, grouping };
        assert_eq!(sorted(&order, &[("b", 9.0), ("a", 1.0)]), ["a", "b"]);
    }

    #[test]
    fn numbers_within_labels_count_as_numbers() {
        let order = |descending| ResultOrder::Label { descending, names: vec!["a".to_owned()] };
        let rows = [("h10", 0.0), ("h9", 0.0), ("g", 0.0)];
        assert_eq!(sorted(&order(false), &rows), ["g", "h9", "h10"]);
        assert_eq!(sorted(&order(true), &rows), ["h10", "h9", "g"]);
    }
}

//! Names of the aggregations.

use serde::{Deserialize, Serialize};

/// An aggregation whose result is one value a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AggOp {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `count`
    Count,
    /// `group`
    Group,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `quantile`; one parameter.
    Quantile,
}

use AggOp::*;

const NAMES: [(AggOp, &str); 9] = [
    (Sum, "sum"),
    (Avg, "avg"),
    (Min, "min"),
    (Max, "max"),
    (Count, "count"),
    (Group, "group"),
    (Stddev, "stddev"),
    (Stdvar, "stdvar"),
    (Quantile, "quantile"),
];

impl AggOp {
    /// The aggregation that PromQL calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, n)| *n == name).map(|(op, _)| *op)
    }

    /// Its name in PromQL.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(op, _)| *op == self).map_or("", |(_, n)| n)
    }

    /// All aggregations.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(op, _)| *op)
    }
}

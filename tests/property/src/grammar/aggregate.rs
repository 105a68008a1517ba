//! Aggregations.

use super::{Grammar, Production, inner};
use crate::tree::{Kind, Tree, tree};

pub const TABLE: &[Production] = &[
    inner(Kind::Vector, 22, plain),
    inner(Kind::Vector, 6, top),
    inner(Kind::Vector, 3, quantile),
    inner(Kind::Vector, 4, count_values),
    inner(Kind::Vector, 2, limit_ratio),
];

const FUNCTIONS: &[&str] = &["sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];

/// Nothing, `by` or `without`.
pub fn grouping(g: &mut Grammar<'_>) -> String {
    match g.random.below(5) {
        0 => String::new(),
        1 | 2 => format!(" by {} ", g.label_list()),
        _ => format!(" without {} ", g.label_list()),
    }
}

fn plain(g: &mut Grammar<'_>) -> Tree {
    let head = format!("{}{}(", g.one_of(FUNCTIONS), grouping(g));
    tree!(Vector: head, g.vector(), ")")
}

fn top(g: &mut Grammar<'_>) -> Tree {
    let head = format!("{}{}(", g.one_of(&["topk", "bottomk", "limitk"]), grouping(g));
    if g.random.chance(15) {
        return tree!(Vector: head, g.scalar(), ", ", g.vector(), ")");
    }
    let k = g.one_of(&["1", "2", "3", "0", "100", "-1", "1.9"]);
    tree!(Vector: head, k, ", ", g.vector(), ")")
}

fn count_values(g: &mut Grammar<'_>) -> Tree {
    let label = g.one_of(&["value", "value", "job", "zone"]);
    let head = format!("count_values{}({label:?}, ", grouping(g));
    tree!(Vector: head, g.vector(), ")")
}

fn limit_ratio(g: &mut Grammar<'_>) -> Tree {
    let ratio = g.one_of(&["0.5", "-0.5", "0.2", "1", "0", "-1", "2"]);
    tree!(Vector: "limit_ratio(", ratio, ", ", g.vector(), ")")
}

fn quantile(g: &mut Grammar<'_>) -> Tree {
    let head = format!("quantile{}(", grouping(g));
    if g.random.chance(15) {
        return tree!(Vector: head, g.scalar(), ", ", g.vector(), ")");
    }
    let q = g.one_of(&["0.5", "0", "1", "0.9", "-0.1", "1.1"]);
    tree!(Vector: head, q, ", ", g.vector(), ")")
}

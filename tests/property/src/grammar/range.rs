//! Range functions and subqueries.

use super::selector::{offset, window};
use super::{Grammar, Production, inner, leaf, selector};
use crate::tree::{Kind, Tree, tree};

pub const TABLE: &[Production] = &[
    inner(Kind::Vector, 22, over_window),
    inner(Kind::Vector, 3, with_parameter),
    inner(Kind::Vector, 2, absent_over_time),
    inner(Kind::Matrix, 10, subquery),
    leaf(Kind::Vector, 2, anchored),
    leaf(Kind::Vector, 2, smoothed),
];

/// Functions of one window.
const FUNCTIONS: &[&str] = &[
    "rate",
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "changes",
    "resets",
    "deriv",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "count_over_time",
    "last_over_time",
    "first_over_time",
    "mad_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "integral",
    "present_over_time",
    "stddev_over_time",
    "stdvar_over_time",
];

fn over_window(g: &mut Grammar<'_>) -> Tree {
    let name = g.one_of(FUNCTIONS);
    tree!(Vector: name, "(", g.matrix(), ")")
}

fn with_parameter(g: &mut Grammar<'_>) -> Tree {
    let q = g.one_of(&["0", "0.5", "0.9", "1", "-1", "2"]);
    match g.random.below(4) {
        0 => tree!(Vector: "integral(", g.matrix(), g.one_of(&[", 0)", ", 1)", ", 2)"])),
        1 => {
            let factors = g.one_of(&[", 0.5, 0.1)", ", 0.1, 0.9)", ", 0.3, 0.3)"]);
            tree!(Vector: "double_exponential_smoothing(", g.matrix(), factors)
        }
        2 => tree!(Vector: "quantile_over_time(", q, ", ", g.matrix(), ")"),
        _ => tree!(Vector: "predict_linear(", g.matrix(), ", ", g.scalar(), ")"),
    }
}

fn anchored(g: &mut Grammar<'_>) -> Tree {
    let name = g.one_of(&["rate", "increase", "delta", "changes", "resets"]);
    tree!(Vector: format!("{name}({}[{}] anchored{})", selector::ingested(g), window(g), offset(g)))
}

fn smoothed(g: &mut Grammar<'_>) -> Tree {
    if g.random.chance(30) {
        return tree!(Vector: format!("{} smoothed{}", selector::ingested(g), offset(g)));
    }
    let name = g.one_of(&["rate", "increase", "delta"]);
    tree!(Vector: format!("{name}({}[{}] smoothed{})", selector::ingested(g), window(g), offset(g)))
}

fn absent_over_time(g: &mut Grammar<'_>) -> Tree {
    tree!(Vector: "absent_over_time(", g.matrix(), ")")
}

fn subquery(g: &mut Grammar<'_>) -> Tree {
    if !g.may_nest() {
        let text = format!("{}[{}]", selector::selector(g), window(g));
        return tree!(Matrix: text);
    }
    let step = g.one_of(&["", "15s", "30s", "30s", "1m", "45s"]);
    let range = g.one_of(&["1m", "2m", "4m"]);
    let after = offset(g);
    tree!(Matrix: "(", g.within_subquery(), format!(")[{range}:{step}]{after}"))
}

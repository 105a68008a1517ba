//! Functions of instant vectors: numbers, calendars, labels, histograms, absence.

use super::{Grammar, Production, inner, leaf};
use crate::tree::{Kind, Tree, tree};

pub const TABLE: &[Production] = &[
    inner(Kind::Vector, 6, math),
    inner(Kind::Vector, 3, clamp),
    inner(Kind::Vector, 2, calendar),
    inner(Kind::Vector, 6, label_replace),
    inner(Kind::Vector, 3, label_join),
    inner(Kind::Vector, 4, absent),
    inner(Kind::Vector, 3, timestamp),
    inner(Kind::Vector, 3, vector_of),
    inner(Kind::Vector, 5, histogram_quantile),
    inner(Kind::Vector, 1, histogram_fraction),
    inner(Kind::Vector, 3, of_histograms),
    inner(Kind::Vector, 2, sorted),
    inner(Kind::Vector, 2, info),
    leaf(Kind::Vector, 1, now),
];

const MATH: &[&str] = &[
    "abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad",
];

const CALENDAR: &[&str] =
    &["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"];

fn math(g: &mut Grammar<'_>) -> Tree {
    let name = g.one_of(MATH);
    tree!(Vector: name, "(", g.vector(), ")")
}

fn clamp(g: &mut Grammar<'_>) -> Tree {
    match g.random.below(4) {
        0 => tree!(Vector: "clamp(", g.vector(), ", ", g.scalar(), ", ", g.scalar(), ")"),
        1 => tree!(Vector: "clamp_min(", g.vector(), ", ", g.scalar(), ")"),
        2 => tree!(Vector: "clamp_max(", g.vector(), ", ", g.scalar(), ")"),
        _ => tree!(Vector: "round(", g.vector(), ", ", g.one_of(&["0.5", "2", "0.1", "10"]), ")"),
    }
}

fn calendar(g: &mut Grammar<'_>) -> Tree {
    let name = g.one_of(CALENDAR);
    let factor = g.one_of(&[" * 3600", " * 86400", " * 86400 * 31"]);
    tree!(Vector: name, "((", g.vector(), ")", factor, ")")
}

fn now(g: &mut Grammar<'_>) -> Tree {
    let text = g.one_of(&["minute()", "hour()", "vector(time())", "vector(1)", "day_of_week()"]);
    tree!(Vector: text)
}

fn label_replace(g: &mut Grammar<'_>) -> Tree {
    let dst = g.one_of(&["instance", "job", "zone", "extra", "le", "__name__"]);
    let src = g.one_of(&["instance", "job", "zone", "nothing", "__name__"]);
    let replacement = g.one_of(&["$1", "x-$1", "", "fixed", "${1}_y"]);
    let regex = g.one_of(&["(.*)", "h(.)", "j([0-9]).*", "", "(.+)", "no"]);
    let tail = format!(", {dst:?}, {replacement:?}, {src:?}, {regex:?})");
    tree!(Vector: "label_replace(", g.vector(), tail)
}

fn label_join(g: &mut Grammar<'_>) -> Tree {
    let dst = g.one_of(&["instance", "job", "extra", "zone"]);
    let sources = g.one_of(&["\"job\", \"instance\"", "\"zone\"", "\"job\", \"none\", \"job\"", "\"instance\""]);
    let tail = format!(", {dst:?}, {:?}, {sources})", g.one_of(&["-", "", "/"]));
    tree!(Vector: "label_join(", g.vector(), tail)
}

fn absent(g: &mut Grammar<'_>) -> Tree {
    tree!(Vector: "absent(", g.vector(), ")")
}

fn timestamp(g: &mut Grammar<'_>) -> Tree {
    tree!(Vector: "timestamp(", g.vector(), ")")
}

fn vector_of(g: &mut Grammar<'_>) -> Tree {
    tree!(Vector: "vector(", g.scalar(), ")")
}

fn histogram_fraction(g: &mut Grammar<'_>) -> Tree {
    let bounds = g.one_of(&["0, 1", "0.5, 3", "-Inf, 0.25", "1, +Inf", "2, 1"]);
    let head = format!("histogram_fraction({bounds}, ");
    match g.random.below(4) {
        0 => tree!(Vector: head, g.vector(), ")"),
        1 => tree!(Vector: head, "lat_bucket)"),
        2 => tree!(Vector: head, native(g), ")"),
        _ => tree!(Vector: head, "sum by (le, job) (rate(lat_bucket[", super::selector::window(g), "])))"),
    }
}

fn of_histograms(g: &mut Grammar<'_>) -> Tree {
    let name = g.one_of(&["count", "sum", "avg", "stddev", "stdvar"]);
    match g.random.below(3) {
        0 => tree!(Vector: format!("histogram_{name}("), g.vector(), ")"),
        _ => tree!(Vector: format!("histogram_{name}("), native(g), ")"),
    }
}

/// Native histograms for sure.
fn native(g: &mut Grammar<'_>) -> Tree {
    let window = super::selector::window(g);
    let plain = g.one_of(&[
        "lat",
        "sizes",
        "mix",
        "sum by (job) (lat)",
        "avg(sizes)",
        "lat offset 1m",
        "lat </ 1",
        "sizes >/ 1",
    ]);
    match g.random.below(3) {
        0 => tree!(Vector: plain),
        1 => tree!(Vector: "rate(lat[", window, "])"),
        _ => tree!(Vector: "sum by (job) (increase(sizes[", window, "]))"),
    }
}

fn info(g: &mut Grammar<'_>) -> Tree {
    let series = g.one_of(&["", ", {__name__=\"build\"}", ", {__name__=\"target_info\"}", ", {region=~\".+\"}"]);
    tree!(Vector: "info(", g.vector(), series, ")")
}

fn sorted(g: &mut Grammar<'_>) -> Tree {
    match g.random.below(2) {
        0 => tree!(Vector: g.one_of(&["sort(", "sort_desc("]), g.vector(), ")"),
        _ => {
            tree!(Vector: g.one_of(&["sort_by_label(", "sort_by_label_desc("]), g.vector(), ", \"job\", \"instance\")")
        }
    }
}

fn histogram_quantile(g: &mut Grammar<'_>) -> Tree {
    let q = g.one_of(&["0.5", "0.9", "0", "1", "0.25", "-1", "1.5"]);
    match g.random.below(5) {
        0 => tree!(Vector: "histogram_quantile(", q, ", ", g.vector(), ")"),
        4 => tree!(Vector: "histogram_quantile(", q, ", ", native(g), ")"),
        1 if g.random.chance(30) => {
            tree!(Vector: "histogram_quantiles(", g.vector(), ", \"q\", 0.3, 0.7, ", q, ")")
        }
        1 => tree!(Vector: "histogram_quantile(", q, ", rate(lat_bucket[", super::selector::window(g), "]))"),
        _ => {
            let by = g.one_of(&["le", "le, job", "le, instance", "job"]);
            let head = format!("histogram_quantile({q}, sum by ({by}) (");
            let buckets = g.one_of(&["lat_bucket", "increase(lat_bucket[2m])", "rate(lat_bucket[5m])"]);
            tree!(Vector: head, tree!(Vector: buckets), "))")
        }
    }
}

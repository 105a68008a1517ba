//! Operators: with scalars, between vectors with all kinds of matching, sets, minus.

use super::{Grammar, Production, inner};
use crate::tree::{Kind, Tree, tree};

pub const TABLE: &[Production] = &[
    inner(Kind::Vector, 12, with_scalar),
    inner(Kind::Vector, 12, comparison),
    inner(Kind::Vector, 14, between_vectors),
    inner(Kind::Vector, 4, between_histograms),
    inner(Kind::Vector, 5, share),
    inner(Kind::Vector, 3, enriched),
    inner(Kind::Vector, 12, set),
    inner(Kind::Vector, 2, minus),
];

pub const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "^", "atan2"];
pub const COMPARISONS: &[&str] = &[">", "<", ">=", "<=", "==", "!="];

fn with_scalar(g: &mut Grammar<'_>) -> Tree {
    let op = format!(") {} (", g.one_of(ARITHMETIC));
    if g.random.chance(70) {
        tree!(Vector: "(", g.vector(), op, g.scalar(), ")")
    } else {
        tree!(Vector: "(", g.scalar(), op, g.vector(), ")")
    }
}

/// A comparison with a scalar.
pub fn comparison(g: &mut Grammar<'_>) -> Tree {
    let op = format!(") {}{} (", g.one_of(COMPARISONS), if g.random.chance(15) { " bool" } else { "" });
    let number = g.one_of(&["0", "1", "2", "0.5", "3", "5"]);
    match g.random.below(10) {
        0 => tree!(Vector: "(", g.vector(), op, g.scalar(), ")"),
        1 => tree!(Vector: "(", g.scalar(), op, g.vector(), ")"),
        _ => tree!(Vector: "(", g.vector(), op, number, ")"),
    }
}

/// Nothing, `on` or `ignoring`.
fn matching(g: &mut Grammar<'_>) -> String {
    match g.random.below(6) {
        0..=2 => String::new(),
        3 => g.one_of(&[" on (instance)", " on (job)", " on (instance, job)", " on ()"]).to_owned(),
        4 => format!(" on {}", g.label_list()),
        _ => format!(" ignoring {}", g.label_list()),
    }
}

fn between_vectors(g: &mut Grammar<'_>) -> Tree {
    let op = if g.random.chance(60) {
        g.one_of(ARITHMETIC).to_owned()
    } else {
        format!("{}{}", g.one_of(COMPARISONS), if g.random.chance(25) { " bool" } else { "" })
    };
    let by = matching(g);
    let fill = match g.random.below(12) {
        0 => g.one_of(&[" fill(0)", " fill_left(1)", " fill_right(2)", " fill_left(0) fill_right(3)"]),
        _ => "",
    };
    let group = match g.random.below(5) {
        0 if !by.is_empty() => format!(" {} {}", g.one_of(&["group_left", "group_right"]), included(g, &by)),
        _ => String::new(),
    };
    tree!(Vector: "(", g.vector(), format!(") {op}{by}{group}{fill} ("), g.vector(), ")")
}

/// Native histograms of one instance, and what does not go with them: two families rarely meet by chance.
fn between_histograms(g: &mut Grammar<'_>) -> Tree {
    const SIDES: &[&str] =
        &["lat", "lat", "mix", "mix", "sizes", "lat offset 1m", "rate(mix[2m])", "sum by (instance) (lat)", "up"];
    let op = g.one_of(&["+", "+", "-", "-", "*", "/", "==", "!=", "== bool", ">"]);
    let fill = if g.random.chance(20) { g.one_of(&[" fill_left(2)", " fill_right(2)", " fill(1)"]) } else { "" };
    let group = if fill.is_empty() && g.random.chance(25) { " group_left (job)" } else { "" };
    let (left, right) = (g.one_of(SIDES), g.one_of(SIDES));
    tree!(Vector: "(", tree!(Vector: left), format!(") {op} on (instance){group}{fill} ("), tree!(Vector: right), ")")
}

/// Labels that `group_left` may name: Prometheus refuses those that are matched on.
fn included(g: &mut Grammar<'_>, by: &str) -> String {
    let on: Vec<&str> =
        by.strip_prefix(" on ").map(|l| l.trim_matches(['(', ')']).split(", ").collect()).unwrap_or_default();
    let labels = g.random.some(&["zone", "version", "code", "job"], 25);
    let free: Vec<&str> = labels.into_iter().filter(|l| !on.contains(l)).collect();
    format!("({})", free.join(", "))
}

/// A part of a whole: both sides have one source, so that the match has a result.
fn share(g: &mut Grammar<'_>) -> Tree {
    let (by, group) = *g.random.pick(&[("job", "group_left ()"), ("instance", "group_left ()"), ("job, instance", "")]);
    let op = g.one_of(&["/", "-", ">", "<= bool", "*"]);
    let side = g.vector();
    if group.is_empty() {
        let other = side.clone();
        let head = format!("(sum by ({by}) (");
        let middle = format!(")) {op} on ({by}) (max by ({by}) (");
        return tree!(Vector: head, side, middle, other, "))");
    }
    let other = side.clone();
    tree!(Vector: "(", side, format!(") {op} on ({by}) {group} sum by ({by}) ("), other, ")")
}

/// Labels from a series that says what something is.
fn enriched(g: &mut Grammar<'_>) -> Tree {
    let build = g.one_of(&["build", "max by (instance, version) (build)", "build offset 1m"]);
    if g.random.chance(30) {
        return tree!(Vector: build, " * on (instance) group_right (version) (", g.vector(), ")");
    }
    tree!(Vector: "(", g.vector(), ") * on (instance) group_left (version) (", build, ")")
}

fn set(g: &mut Grammar<'_>) -> Tree {
    let op = format!(") {}{} (", g.one_of(&["and", "or", "unless"]), matching(g));
    tree!(Vector: "(", g.vector(), op, g.vector(), ")")
}

fn minus(g: &mut Grammar<'_>) -> Tree {
    tree!(Vector: "-(", g.vector(), ")")
}

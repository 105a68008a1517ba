//! Selectors: matchers of all kinds, offsets, selectors without a name.

use super::{Grammar, Production, leaf};
use crate::tree::{Kind, Tree, tree};

pub const TABLE: &[Production] = &[leaf(Kind::Vector, 30, instant), leaf(Kind::Matrix, 30, range)];

/// Values that labels have, and one that they have not.
const VALUES: &[&str] = &["h0", "h1", "h2", "j0", "j1", "a", "200", "500", "+Inf", "1", "nope", ""];

const PATTERNS: &[&str] = &["h.*", "h[01]", "j0|j1", ".*", ".+", "", "[0-9]+", "h0|", "5..", "(?i)H0"];

fn instant(g: &mut Grammar<'_>) -> Tree {
    let text = if g.random.chance(4) {
        format!("{}{}{}", ingested(g), at(g), offset(g))
    } else {
        format!("{}{}", selector(g), offset(g))
    };
    tree!(Vector: text)
}

fn range(g: &mut Grammar<'_>) -> Tree {
    let text = if g.random.chance(4) {
        format!("{}[{}]{}{}", ingested(g), window(g), at(g), offset(g))
    } else {
        format!("{}[{}]{}", selector(g), window(g), offset(g))
    };
    tree!(Matrix: text)
}

/// An instant of its own. What rules produce is not read so: it would be seen as all rules left it, whatever their order
/// (a difference that `lower/order.rs` documents).
pub fn at(g: &mut Grammar<'_>) -> &'static str {
    if g.in_subquery() {
        return g.one_of(&[" @ 1700000100", " @ 1700000400.5"]);
    }
    g.one_of(&[" @ 1700000100", " @ 1700000400.5", " @ 1700001000", " @ start()", " @ end()"])
}

/// A selector of series that no rule writes.
pub fn ingested(g: &mut Grammar<'_>) -> String {
    let source = g.ingested_source();
    let inner = matchers(g, &source.labels, "");
    if inner.is_empty() { source.name } else { format!("{}{{{inner}}}", source.name) }
}

/// How far a window reaches.
pub fn window(g: &mut Grammar<'_>) -> &'static str {
    g.one_of(&["30s", "1m", "90s", "2m", "2m", "5m", "5m", "8m", "1ms", "1m * 2", "5m - 30s", "max_of(1m, 90s)"])
}

/// Nothing, or an offset.
pub fn offset(g: &mut Grammar<'_>) -> &'static str {
    if g.random.chance(80) {
        return "";
    }
    g.one_of(&[
        " offset 30s",
        " offset 1m",
        " offset 3m",
        " offset 7s",
        " offset -30s",
        " offset -1m",
        " offset (1m + 30s)",
    ])
}

/// A selector without range and offset.
pub fn selector(g: &mut Grammar<'_>) -> String {
    match g.random.below(20) {
        0 => format!("{{__name__=~\"temp_.*\"{}}}", matchers(g, &["instance".into(), "job".into()], ", ")),
        1 if g.may_read_all() => {
            let value = g.one_of(&["job=\"j0\"", "instance=\"h1\"", "instance=~\"h[12]\", job!=\"\""]);
            format!("{{{value}}}")
        }
        2 if g.may_read_all() => g.one_of(&["{__name__=~\"r.*\"}", "{__name__=~\"up|r1\"}"]).to_owned(),
        _ => {
            let source = g.source();
            let inner = matchers(g, &source.labels, "");
            if inner.is_empty() { source.name } else { format!("{}{{{inner}}}", source.name) }
        }
    }
}

/// Some matchers, each after a comma but the first, which comes after `lead`.
fn matchers(g: &mut Grammar<'_>, labels: &[String], lead: &str) -> String {
    let mut out = String::new();
    for label in g.random.some(labels, 20) {
        let matcher = match g.random.below(4) {
            0 => format!("{label}={:?}", g.one_of(VALUES)),
            1 => format!("{label}!={:?}", g.one_of(VALUES)),
            2 => format!("{label}=~{:?}", g.one_of(PATTERNS)),
            _ => format!("{label}!~{:?}", g.one_of(PATTERNS)),
        };
        out.push_str(if out.is_empty() { lead } else { ", " });
        out.push_str(&matcher);
    }
    out
}

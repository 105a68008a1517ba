//! Expected and got: two lists of things with labels in, the differences as text out.
//!
//! # Semantics
//! What both lists hold is left out. Of the rest, pairs that are most alike are shown side by side, so that one wrong
//! annotation reads as one line and not as two long alerts.

use crate::report::paint::{Paint, Tone};
use bellwether_model::Labels;
use std::cmp::Ordering;

/// A thing with labels: an alert, a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its labels.
    pub labels: Labels,
    /// What else it has, by name: annotations, a value.
    pub facts: Vec<(String, String)>,
}

/// What differs, in the way that was asked for: only that, or everything line by line. Empty if nothing does.
pub fn shown(diff: Option<Paint>, expected: Vec<Item>, got: Vec<Item>) -> String {
    let whole = diff.map(|paint| line_by_line(&expected, &got, paint));
    let differences = differences(expected, got);
    if differences.is_empty() { differences } else { whole.unwrap_or(differences) }
}

/// Everything expected and everything that came, in order of labels: `-` only expected, `+` only there.
fn line_by_line(expected: &[Item], got: &[Item], paint: Paint) -> String {
    let sorted = |items: &[Item]| {
        let mut items = items.to_vec();
        items.sort_by(|a, b| (&a.labels, &a.facts).cmp(&(&b.labels, &b.facts)));
        items.into_iter().peekable()
    };
    let (mut expected, mut got) = (sorted(expected), sorted(got));
    let mut out = String::new();
    loop {
        let order = match (expected.peek(), got.peek()) {
            (None, None) => return out,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(e), Some(g)) => e.labels.cmp(&g.labels),
        };
        let left = if order == Ordering::Greater { None } else { expected.next() };
        let right = if order == Ordering::Less { None } else { got.next() };
        let lines = |item: &Option<Item>| item.as_ref().map_or(Vec::new(), lines);
        let (left, right) = (lines(&left), lines(&right));
        for line in left.iter().filter(|l| !right.contains(l)) {
            out.push_str(&format!("  {}\n", paint.text(Tone::Firing, &format!("- {line}"))));
        }
        for line in &right {
            let text =
                if left.contains(line) { format!("  {line}") } else { paint.text(Tone::Good, &format!("+ {line}")) };
            out.push_str(&format!("  {text}\n"));
        }
    }
}

/// A thing's labels, then a line a fact.
fn lines(item: &Item) -> Vec<String> {
    let facts = item.facts.iter().map(|(n, v)| format!("  {n} {v}"));
    std::iter::once(item.labels.to_string()).chain(facts).collect()
}

/// The differences, a line each; empty if there is none.
fn differences(mut expected: Vec<Item>, mut got: Vec<Item>) -> String {
    expected.retain(|e| match got.iter().position(|g| g == e) {
        Some(at) => {
            got.remove(at);
            false
        }
        None => true,
    });
    let mut out = String::new();
    while let Some((e, g)) = most_alike(&expected, &got) {
        let (e, g) = (expected.remove(e), got.remove(g));
        out.push_str(&pair(&e, &g));
    }
    for e in &expected {
        out.push_str(&format!("  expected, but not there: {}\n", whole(e)));
    }
    for g in &got {
        out.push_str(&format!("  there, but not expected: {}\n", whole(g)));
    }
    out
}

/// The pair with the fewest differences, if any two have something in common.
fn most_alike(expected: &[Item], got: &[Item]) -> Option<(usize, usize)> {
    let mut best: Option<(usize, (usize, usize))> = None;
    for (i, e) in expected.iter().enumerate() {
        for (j, g) in got.iter().enumerate() {
            let (same, different) = alike(e, g);
            if same >= different && best.is_none_or(|(least, _)| different < least) {
                best = Some((different, (i, j)));
            }
        }
    }
    best.map(|(_, pair)| pair)
}

/// Labels that are equal, and that are not.
fn alike(e: &Item, g: &Item) -> (usize, usize) {
    let same = e.labels.iter().filter(|(n, v)| g.labels.get(n) == *v).count();
    (same, e.labels.len() + g.labels.len() - 2 * same)
}

/// Two things that are meant to be one.
fn pair(e: &Item, g: &Item) -> String {
    let mut out = format!("  {}\n", e.labels);
    let names: std::collections::BTreeSet<&str> = e.labels.iter().chain(g.labels.iter()).map(|(n, _)| n).collect();
    let quoted = |v: &str| if v.is_empty() { String::new() } else { format!("{v:?}") };
    for n in names {
        out.push_str(&line(&format!("label {n}"), &quoted(e.labels.get(n)), &quoted(g.labels.get(n))));
    }
    let facts: std::collections::BTreeSet<&str> = e.facts.iter().chain(&g.facts).map(|(n, _)| n.as_str()).collect();
    for n in facts {
        out.push_str(&line(n, fact(e, n), fact(g, n)));
    }
    out
}

fn fact<'a>(item: &'a Item, name: &str) -> &'a str {
    item.facts.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
}

fn line(what: &str, expected: &str, got: &str) -> String {
    let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    if expected == got {
        return String::new();
    }
    format!("    {what}\n      expected: {}\n      got:      {}\n", shown(expected), shown(got))
}

fn whole(item: &Item) -> String {
    let facts: Vec<String> = item.facts.iter().map(|(n, v)| format!("{n} {v}")).collect();
    let gap = if facts.is_empty() { "" } else { ", " };
    format!("{}{gap}{}", item.labels, facts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(labels: &[(&str, &str)], value: &str) -> Item {
        Item { labels: Labels::from_pairs(labels.iter().copied()), facts: vec![("value".into(), value.into())] }
    }

    #[test]
    fn equal_lists_have_no_differences_whatever_their_order() {
        let (a, b) = (item(&[("a", "1")], "1"), item(&[("a", "2")], "1"));
        assert_eq!(differences(vec![a.clone(), b.clone()], vec![b, a]), "");
    }

    #[test]
    fn one_wrong_value_is_one_line() {
        let text = differences(vec![item(&[("a", "1")], "1")], vec![item(&[("a", "1")], "2")]);
        assert_eq!(text, "  {a=\"1\"}\n    value\n      expected: 1\n      got:      2\n");
    }

    #[test]
    fn all_is_shown_line_by_line_where_that_is_asked_for() {
        let expected = vec![item(&[("a", "1")], "1"), item(&[("a", "2")], "1")];
        let got = vec![item(&[("a", "2")], "3"), item(&[("a", "3")], "1")];
        let want =
            "  - {a=\"1\"}\n  -   value 1\n  -   value 1\n    {a=\"2\"}\n  +   value 3\n  + {a=\"3\"}\n  +   value 1\n";
        assert_eq!(shown(Some(Paint::default()), expected.clone(), got), want);
        assert_eq!(shown(Some(Paint::default()), expected.clone(), expected), "");
    }

    #[test]
    fn strangers_are_not_paired() {
        let text = differences(vec![item(&[("a", "1")], "1")], vec![item(&[("b", "1")], "2")]);
        let want = "  expected, but not there: {a=\"1\"}, value 1\n  there, but not expected: {b=\"1\"}, value 2\n";
        assert_eq!(text, want);
    }
}

//! Expected and got: two lists of things with labels in, the differences as text out.
//!
//! # Semantics
//! What both lists hold is left out. Of the rest, pairs that are most alike are shown side by side, so that one wrong
//! annotation reads as one line and not as two long alerts.

use bellwether_model::Labels;

/// A thing with labels: an alert, a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its labels.
    pub labels: Labels,
    /// What else it has, by name: annotations, a value.
    pub facts: Vec<(String, String)>,
}

/// The differences, a line each; empty if there is none.
pub fn differences(mut expected: Vec<Item>, mut got: Vec<Item>) -> String {
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
    fn strangers_are_not_paired() {
        let text = differences(vec![item(&[("a", "1")], "1")], vec![item(&[("b", "1")], "2")]);
        let want = "  expected, but not there: {a=\"1\"}, value 1\n  there, but not expected: {b=\"1\"}, value 2\n";
        assert_eq!(text, want);
    }
}

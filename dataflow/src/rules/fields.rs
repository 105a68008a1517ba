//! Reads the fields of a mapping by name and type; whatever is left over is an unknown field.

use super::Position;
use super::report::Report;
use super::yaml::{Entry, Node};
use crate::promql::parse_duration;
use std::sync::Arc;

/// The fields of one mapping that are not read yet.
pub(super) struct Fields<'n> {
    entries: Vec<Entry<'n>>,
    known: Vec<&'static str>,
    pub position: Position,
    what: &'static str,
}

impl<'n> Fields<'n> {
    /// The fields of a mapping; `what` names it in errors. Nothing, with an error reported, if it is none.
    pub fn new(node: &'n Node, what: &'static str, report: &mut Report<'_>) -> Option<Self> {
        match node.entries() {
            Ok(entries) => Some(Self { entries, known: Vec::new(), position: node.position, what }),
            Err(merged) if !std::ptr::eq(merged, node) => {
                report.error(merged.position, "map merge requires map or sequence of maps as the value");
                None
            }
            Err(_) => {
                report.wrong_kind(node, what);
                None
            }
        }
    }

    /// Takes a field; one that is written as nothing is absent, as go-yaml has it.
    pub fn take(&mut self, name: &'static str) -> Option<&'n Arc<Node>> {
        self.known.push(name);
        let at = self.entries.iter().position(|(key, _)| key.text() == Some(name))?;
        let (_, value) = self.entries.remove(at);
        (!value.is_null()).then_some(value)
    }

    /// Where a field's key stands; the mapping's own place if it is not there.
    pub fn key_position(&self, name: &str) -> Position {
        let found = self.entries.iter().find(|(key, _)| key.text() == Some(name));
        found.map_or(self.position, |(key, _)| key.position)
    }

    /// Takes a field that is text.
    pub fn text(&mut self, name: &'static str, report: &mut Report<'_>) -> Option<(&'n Arc<Node>, &'n str)> {
        let node = self.take(name)?;
        match node.text() {
            Some(text) => Some((node, text)),
            None => {
                report.wrong_kind(node, "string");
                None
            }
        }
    }

    /// Takes a field that is a duration, in milliseconds. An empty text is an error, unless `lenient`.
    pub fn duration(&mut self, name: &'static str, lenient: bool, report: &mut Report<'_>) -> Option<i64> {
        let (node, text) = self.text(name, report)?;
        if text.is_empty() && lenient {
            return None;
        }
        match parse_duration(text) {
            Ok(ms) => Some(ms),
            Err(e) => {
                let help = "write a number and a unit, such as 30s, 5m or 1h30m";
                report.error_with_help(node.position, format!("invalid field '{name}': {e}"), help);
                None
            }
        }
    }

    /// Takes a field that maps names to texts; sorted by name.
    pub fn texts(&mut self, name: &'static str, report: &mut Report<'_>) -> Vec<Text<'n>> {
        let Some(node) = self.take(name) else { return Vec::new() };
        let Some(fields) = Fields::new(node, "map[string]string", report) else { return Vec::new() };
        let mut texts = Vec::new();
        for (key, value) in fields.entries {
            match (key.text(), value.text()) {
                (None, _) => report.wrong_kind(key, "string"),
                (_, None) => report.wrong_kind(value, "string"),
                (Some(name), Some(text)) => {
                    let text = if value.is_null() { "" } else { text };
                    texts.push(Text { name, text, key, node: value });
                }
            }
        }
        texts.sort_by_key(|text| text.name);
        texts
    }

    /// Reports every field that was not taken.
    pub fn finish(self, report: &mut Report<'_>) {
        for (key, _) in &self.entries {
            let Some(name) = key.text() else {
                report.wrong_kind(key, "string");
                continue;
            };
            let mut help = format!("the fields of a {} are {}", self.what, self.known.join(", "));
            if let Some(close) = self.known.iter().find(|known| is_close(known, name)) {
                help = format!("did you mean {close:?}?");
            }
            report.error_with_help(key.position, format!("field {name} not found in {}", self.what), help);
        }
    }
}

/// A named text, such as a label or an annotation.
pub(super) struct Text<'n> {
    pub name: &'n str,
    pub text: &'n str,
    pub key: &'n Node,
    pub node: &'n Arc<Node>,
}

impl Text<'_> {
    /// Name and text.
    pub fn owned(&self) -> (String, String) {
        (self.name.to_owned(), self.text.to_owned())
    }
}

/// Whether one name is a slip of the other: one letter more, less or else, or another case or separator.
fn is_close(known: &str, name: &str) -> bool {
    let plain = |s: &str| s.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (a, b) = (plain(known), plain(name));
    if a == b {
        return true;
    }
    let same_start = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    let same_end = a.bytes().rev().zip(b.bytes().rev()).take_while(|(x, y)| x == y).count();
    a.len().abs_diff(b.len()) <= 1 && a.len() > 2 && same_start + same_end + 1 >= a.len().max(b.len())
}

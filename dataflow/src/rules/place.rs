//! From a place inside a scalar's text to its place in the file.
//!
//! # Semantics
//! YAML folds lines, strips indentation and unescapes, but every character of the text that is not white space stands in
//! the source, in the same order. So the place of a character is found by walking both in step: for each such character of
//! the text the source is searched onwards. Escapes that hide a character may shift a place by a few columns, never out of
//! the scalar's lines.

use super::Position;
use super::yaml::{Node, Source};

/// Where the first visible character of each line of an expression stands.
#[derive(Clone, Debug, Default)]
pub(super) struct ExprMap {
    /// Per line: byte column of its first visible character in the text, from 1, and that character's place in the file.
    lines: Vec<(usize, Position)>,
}

impl ExprMap {
    /// The map of a scalar.
    pub fn new(source: &Source<'_>, node: &Node, text: &str) -> Self {
        let mut walk = Walk { source, at: node.start };
        let mut lines = Vec::new();
        for line in text.split('\n') {
            let first = line.len() - line.trim_start().len();
            let mut place = None;
            for c in line.chars().filter(|c| !c.is_whitespace()) {
                let found = walk.find(c);
                place.get_or_insert(found);
            }
            let place = place.unwrap_or(walk.at);
            lines.push((first + 1, source.position(place)));
        }
        Self { lines }
    }

    /// The place of a line and byte column, both from 1. A line folded from several source lines gives the first of them.
    pub fn position(&self, text: &str, line: usize, col: usize) -> Position {
        let index = line.saturating_sub(1).min(self.lines.len().saturating_sub(1));
        let Some((first, place)) = self.lines.get(index).copied() else { return Position::default() };
        let content = text.split('\n').nth(index).unwrap_or_default();
        let from = content.floor_char_boundary(first.saturating_sub(1).min(content.len()));
        let to = content.floor_char_boundary(col.saturating_sub(1).clamp(from, content.len()));
        Position { line: place.line, col: place.col + content[from..to].chars().count() }
    }
}

/// The exact place of a byte offset within a scalar's text, found by walking the source.
pub(super) fn position_in(source: &Source<'_>, node: &Node, text: &str, offset: usize) -> Position {
    let mut walk = Walk { source, at: node.start };
    let mut place = node.start;
    let mut end = node.start;
    for (i, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        if i > offset {
            break;
        }
        place = walk.find(c);
        end = walk.at;
        if i == offset {
            return source.position(place);
        }
    }
    // Between or behind visible characters: just after the last one before it.
    source.position(if offset >= text.trim_end().len() { end } else { place })
}

struct Walk<'a, 'b> {
    source: &'a Source<'b>,
    at: usize,
}

impl Walk<'_, '_> {
    /// Byte offset of the next `c`; stays if there is none.
    fn find(&mut self, c: char) -> usize {
        match self.source.text[self.at..].find(c) {
            Some(ahead) => {
                let found = self.at + ahead;
                self.at = found + c.len_utf8();
                found
            }
            None => self.at,
        }
    }
}

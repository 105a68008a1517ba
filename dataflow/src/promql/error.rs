//! Where and why an expression is refused.

use std::fmt;

/// An expression is refused; shown as Prometheus shows it: `1:5: parse error: unexpected …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Byte offset into the expression.
    pub offset: usize,
    /// Line within the expression, from 1.
    pub line: usize,
    /// Byte column within the line, from 1, as Prometheus counts.
    pub col: usize,
    /// What is wrong, in Prometheus's words where it has any.
    pub message: String,
}

impl ParseError {
    pub(super) fn new(text: &str, offset: usize, message: String) -> Self {
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let (line, col) = line_col(text, offset);
        Self { offset, line, col, message }
    }
}

/// How a refused construct is enabled; Prometheus's messages leave that out.
pub(super) fn enabled_by(feature: &str) -> String {
    format!("--enable-feature={feature} enables it")
}

/// Line and byte column, both from 1, of a byte offset.
pub fn line_col(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    (line, before.len() - start + 1)
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: parse error: {}", self.line, self.col, self.message)
    }
}

impl std::error::Error for ParseError {}

//! Where and why a template is refused or fails.

use std::fmt;

/// A template does not parse, or does not expand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// In Go's words; of an expansion it is all that Prometheus writes after `error expanding template: `.
    pub message: String,
    /// Byte offset into the template's text.
    pub offset: usize,
    /// Line of the template's text, from 1.
    pub line: usize,
}

impl TemplateError {
    pub(super) fn new(text: &str, offset: usize, message: String) -> Self {
        let offset = offset.min(text.len());
        let line = 1 + text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count();
        Self { message, offset, line }
    }
}

/// As promtool shows a template that does not parse, without the template's made-up name.
impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template:{}: {}", self.line, self.message)
    }
}

impl std::error::Error for TemplateError {}

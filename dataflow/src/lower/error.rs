//! Why a rule cannot be compiled.

use std::fmt;

/// One construct of one rule or query that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowerError {
    /// Index into the rules, or, from their number on, into the queries; `None`: about all of them.
    pub unit: Option<usize>,
    /// `file: group "…", alert "…"`, or `query "…"`.
    pub origin: String,
    /// The construct, as it is written in an expression.
    pub construct: String,
    /// What is wrong with it.
    pub message: String,
    /// Line and column in the expression, from 1, where known.
    pub position: Option<(usize, usize)>,
}

impl fmt::Display for LowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.origin.is_empty() {
            write!(f, "{}: ", self.origin)?;
        }
        if let Some((line, column)) = self.position {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for LowerError {}

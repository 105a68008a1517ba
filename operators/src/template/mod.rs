//! Go text templates as Prometheus's rules use them in labels and annotations: parsed once, expanded for each alert.
//!
//! # Semantics
//! Go's `text/template` with `missingkey=zero`, Prometheus's functions (`template/template.go` of 3.16), and the variables
//! `$labels`, `$externalLabels`, `$externalURL` and `$value` that Prometheus declares before the text. Results, and the text
//! of errors, are the same byte for byte where nothing below says otherwise; the tests' expected texts are Go's.
//!
//! # Errors
//! A template that does not parse is refused when rules are loaded. One that does not expand gives a [`TemplateError`]
//! whose message stands behind `error expanding template: ` in the label or annotation; the caller writes that text.
//!
//! # Limits
//! * Expansion is bounded: [`MAX_OUTPUT_BYTES`], [`MAX_STEPS`] and a depth of 200. Templates are untrusted.
//! * No complex numbers, no methods but those of times and durations, no `call`, no HTML mode.
//! * A native histogram is shown; its methods are not there.

mod analysis;
mod ast;
mod builtins;
mod call;
pub mod duration;
mod error;
mod exec;
mod field;
mod float;
mod functions;
mod humanize;
mod lex;
mod net;
mod number;
mod parse;
mod printf;
pub mod quote;
mod reads;
pub mod regex;
mod time;
mod value;

pub use error::TemplateError;
pub use float::{go_float, go_float_digits};
pub(crate) use net::{to_lower, to_upper};
pub use reads::{LabelRead, Reads};
pub use value::Sample;

use analysis::Uses;
use ast::{List, Node};
use bellwether_model::{Histogram, Labels};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest text that an expansion may give, and the longest value on the way there.
pub const MAX_OUTPUT_BYTES: usize = 1 << 20;

/// The most nodes and commands that an expansion may execute.
pub const MAX_STEPS: usize = 1_000_000;

/// What `query` runs: an instant query at a time in milliseconds.
pub type QueryFn<'a> = dyn Fn(&str, i64) -> Result<Vec<Sample>, String> + 'a;

/// What a template is expanded with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The alert's name; it stands in the text of errors only.
    pub alert: &'a str,
    /// Labels of the element, the metric's name among them.
    pub labels: &'a Labels,
    /// The element's value, where it is a float.
    pub value: f64,
    /// The element's value, where it is a native histogram.
    pub histogram: Option<&'a Arc<Histogram>>,
    /// Labels that this server adds to everything it sends.
    pub external_labels: &'a Labels,
    /// Where users reach this server.
    pub external_url: &'a str,
    /// The time of the evaluation.
    pub now_ms: i64,
    /// Runs queries; without it `query` is an error.
    pub query: Option<&'a QueryFn<'a>>,
}

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    root: List,
    defined: BTreeMap<String, List>,
    uses: Uses,
}

impl Template {
    /// Parses a label's or annotation's text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let parsed = parse::parse(text)?;
        let uses = analysis::uses(&parsed);
        Ok(Self { text: text.to_owned(), root: parsed.root, defined: parsed.defined, uses })
    }

    /// Expands it for one element.
    pub fn expand(&self, context: &Context<'_>) -> Result<String, TemplateError> {
        match self.literal() {
            Some(text) => Ok(text.to_owned()),
            None => exec::expand(self, context),
        }
    }

    /// The text as it was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it expands to, if that is always the same text.
    pub fn literal(&self) -> Option<&str> {
        match self.root.as_slice() {
            [] => Some(""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The labels that it reads, and where it prints the element's value: what a lint wants to know.
    pub fn reads(&self) -> Reads {
        reads::reads(&self.root)
    }

    /// Whether the expansion may depend on the element's value; false is certain.
    pub fn uses_value(&self) -> bool {
        self.uses.value
    }

    /// Whether the expansion may run a query; false is certain.
    pub fn uses_query(&self) -> bool {
        self.uses.query
    }

    /// The queries that are written out in the text, in order: all that the expansion may run, if
    /// [`Template::queries_at_run_time`] is false.
    pub fn queries(&self) -> &[String] {
        &self.uses.queries
    }

    /// Whether the text of a query may be put together when the template is expanded; false is certain.
    pub fn queries_at_run_time(&self) -> bool {
        self.uses.query_at_run_time
    }

    /// Whether the expansion may depend on the time of the evaluation other than through its value; false is certain.
    pub fn uses_time(&self) -> bool {
        self.uses.time || self.uses.query
    }
}

#[cfg(test)]
mod tests;

//! PromQL text in, `promql-parser`'s syntax tree out, with Prometheus 3's grammar, limits and messages.
//!
//! # Semantics
//! The tree is `promql-parser`'s ([`Expr`]); the grammar is Prometheus 3.16's `generated_parser.y` by precedence
//! climbing. The crate's own grammar is that of 2.45 with extensions, gives no positions, recurses without a limit,
//! turns backtick strings and `\xff` into other text, refuses `offset 0s` and `1_000`, takes VictoriaMetrics' `or` between
//! matchers, and has no duration expressions; each of these is a test here.
//!
//! What the tree does not say like Prometheus's:
//! * a unary plus is dropped (it changes nothing), a unary minus of a number is the negative number;
//! * `offset 0s` is no offset; duration expressions are folded, so `[5m * 2]` is `[10m]`;
//! * `anchored` and `smoothed` have no place in the tree: the selector is wrapped in a call of the pseudo function
//!   [`ANCHORED`] or [`SMOOTHED`], which no text can call;
//! * `</` and `>/` have the tokens [`TRIM_UPPER`] and [`TRIM_LOWER`];
//! * `info` always has its second argument: the whole selector, read where the first argument is;
//! * `and`, `or` and `unless` always carry a modifier that says many-to-many; other operators carry one only if something
//!   was written.
//!
//! # Errors
//! A [`ParseError`] has Prometheus's words and position. Of several errors the first is given, as Prometheus does.
//!
//! # Limits
//! Expressions longer than [`MAX_TEXT_BYTES`] or deeper than [`MAX_DEPTH`] are refused: everything that walks a tree may
//! recurse.

mod call;
mod duration;
mod duration_expr;
mod error;
mod functions;
mod grammar;
mod info;
mod lex;
mod literal;
mod locate;
mod modifier;
mod place;
mod postfix;
mod scan;
mod selector;
mod types;

pub use bellwether_operators::template::regex::RegexError;
pub use duration::{DurationError, format_duration, parse_duration, parse_signed_duration};
pub use error::{ParseError, line_col};
pub use functions::{ANCHORED, SMOOTHED, function_names};
pub use locate::locate;
pub use place::{Place, places};
pub use promql_parser::label::{MatchOp, Matcher, Matchers};
pub use promql_parser::parser::Expr;
use promql_parser::parser::token::TokenId;
pub use selector::{compile_regex, is_legacy_label_name, is_legacy_metric_name};

/// What stands for `</` in the tree, which has no token for it; no other operator of an expression has this one.
pub const TRIM_UPPER: TokenId = promql_parser::parser::token::T_EQL_REGEX;

/// What stands for `>/`.
pub const TRIM_LOWER: TokenId = promql_parser::parser::token::T_NEQ_REGEX;

/// The longest expression that is read.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// The deepest tree that is built, and the deepest nesting of brackets.
pub const MAX_DEPTH: usize = 200;

/// Prometheus's name of the feature that [`Options::experimental_functions`] stands for.
pub const EXPERIMENTAL_FUNCTIONS: &str = "promql-experimental-functions";

/// Of [`Options::fill_modifiers`].
pub const FILL_MODIFIERS: &str = "promql-binop-fill-modifiers";

/// Of [`Options::unquoted_utf8_names`].
pub const UNQUOTED_UTF8_NAMES: &str = "promql-unquoted-utf8-names";

/// What Prometheus puts behind feature flags; the default is all off, as rule files are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Experimental functions and aggregations, `limitk` and `info` among them.
    pub experimental_functions: bool,
    /// `fill`, `fill_left` and `fill_right` after a vector match.
    pub fill_modifiers: bool,
    /// Unicode letters and dots in names without quotes.
    pub unquoted_utf8_names: bool,
    /// What `step()` is in a duration expression; instant queries, so rules, have 0.
    pub step_ms: i64,
    /// What `range()` is in a duration expression; instant queries, so rules, have 0.
    pub range_ms: i64,
}

impl Options {
    /// As Prometheus runs its own scripts: everything on.
    pub const PROMQLTEST: Self =
        Self { experimental_functions: true, fill_modifiers: true, unquoted_utf8_names: true, step_ms: 0, range_ms: 0 };
}

/// Parses and type-checks an expression as a rule file holds it.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    parse_with(text, &Options::default())
}

/// Parses and type-checks an expression with some features enabled.
pub fn parse_with(text: &str, options: &Options) -> Result<Expr, ParseError> {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("expression of {} bytes is longer than the limit of {MAX_TEXT_BYTES}", text.len());
        return Err(ParseError::new(text, 0, message));
    }
    grammar::Parser::new(text, *options).parse()
}

/// What an expression gives, in Prometheus's words: `instant vector`, `range vector`, `scalar` or `string`.
pub fn type_name(expr: &Expr) -> &'static str {
    grammar::documented(expr.value_type())
}

/// Parses a single selector such as `up{job="a"}`, as `match[]` parameters hold it.
pub fn parse_selector(text: &str) -> Result<promql_parser::parser::VectorSelector, ParseError> {
    match parse(text)? {
        Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => Ok(selector),
        _ => Err(ParseError::new(text, 0, "expected a series selector".to_owned())),
    }
}

#[cfg(test)]
mod tests;

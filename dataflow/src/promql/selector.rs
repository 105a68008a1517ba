//! Selectors and label matchers; names and patterns.

use super::grammar::{Node, Parsed, Parser};
use super::lex::{Tok, Token};
use bellwether_operators::template::quote::quote;
use bellwether_operators::template::regex::{RegexError, compile_anchored};
use promql_parser::label::{METRIC_NAME, MatchOp, Matcher, Matchers};
use promql_parser::parser::token::T_NEQ;
use promql_parser::parser::{Expr, VectorSelector};

const CONTEXT: &str = "label matching";

/// Compiles a pattern as label matchers use it: RE2 syntax, over the whole value, `.` matches newlines, bounded in size.
pub fn compile_regex(pattern: &str) -> Result<regex::Regex, RegexError> {
    compile_anchored(pattern)
}

/// Whether a label's name needs no quotes: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_legacy_label_name(name: &str) -> bool {
    is_legacy_metric_name(name) && !name.contains(':')
}

/// Whether a metric's name needs no quotes: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_legacy_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let letter = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b':');
    bytes.next().is_some_and(letter) && bytes.all(|b| letter(b) || b.is_ascii_digit())
}

impl Parser<'_> {
    /// A selector that starts with a metric's name or a brace.
    pub(super) fn selector(&mut self) -> Parsed<Node> {
        let first = self.token();
        let name = (first.tok != Tok::LeftBrace).then(|| {
            self.bump();
            self.str(first).to_owned()
        });
        let matchers = if self.peek() == Tok::LeftBrace { self.matchers()? } else { Vec::new() };
        let selector = VectorSelector { name, matchers: Matchers::new(matchers), offset: None, at: None };
        self.check_selector(&selector, first.start);
        Ok(Node::leaf(Expr::VectorSelector(selector), first.start))
    }

    fn check_selector(&mut self, selector: &VectorSelector, start: usize) {
        let matchers = &selector.matchers.matchers;
        match &selector.name {
            Some(name) => {
                if let Some(again) = matchers.iter().find(|m| m.name == METRIC_NAME) {
                    let (name, again) = (quote(name), quote(&again.value));
                    self.late(start, format!("metric name must not be set twice: {name} or {again}"));
                }
            }
            None if self.bare_selector => {}
            // By a typo nobody should select every series there is.
            None if matchers.iter().all(|m| m.is_match("")) => {
                self.late(start, "vector selector must contain at least one non-empty matcher".to_owned());
            }
            None => {}
        }
    }

    fn matchers(&mut self) -> Parsed<Vec<Matcher>> {
        self.bump();
        let mut matchers = Vec::new();
        if self.accept(Tok::RightBrace) {
            return Ok(matchers);
        }
        loop {
            matchers.extend(self.matcher()?);
            if self.accept(Tok::RightBrace) {
                return Ok(matchers);
            }
            self.require(Tok::Comma, CONTEXT, "\",\" or \"}\"")?;
            if self.accept(Tok::RightBrace) {
                return Ok(matchers);
            }
        }
    }

    fn matcher(&mut self) -> Parsed<Option<Matcher>> {
        let token = self.token();
        let name = match token.tok {
            Tok::Identifier => self.str(token).to_owned(),
            Tok::Str => self.unquote(token),
            _ => return Err(self.unexpected(CONTEXT, "identifier or \"}\"")),
        };
        self.bump();
        if !matches!(self.peek(), Tok::Equal | Tok::Operator(T_NEQ) | Tok::EqualRegex | Tok::NotRegex) {
            // A quoted name alone is the metric's.
            return match token.tok {
                Tok::Str => Ok(Some(Matcher::new(MatchOp::Equal, METRIC_NAME, &name))),
                _ => Err(self.unexpected(CONTEXT, "label matching operator")),
            };
        }
        let op = self.bump();
        let value = self.require(Tok::Str, CONTEXT, "string")?;
        let value = self.unquote(value);
        Ok(self.new_matcher(token, &name, op.tok, &value))
    }

    fn new_matcher(&mut self, at: Token, name: &str, op: Tok, value: &str) -> Option<Matcher> {
        let op = match op {
            Tok::Equal => MatchOp::Equal,
            Tok::Operator(_) => MatchOp::NotEqual,
            regex => match compile_regex(value) {
                Ok(compiled) if regex == Tok::EqualRegex => MatchOp::Re(compiled),
                Ok(compiled) => MatchOp::NotRe(compiled),
                Err(error) => {
                    self.early(at.start, error.to_string());
                    return None;
                }
            },
        };
        Some(Matcher::new(op, name, value))
    }
}

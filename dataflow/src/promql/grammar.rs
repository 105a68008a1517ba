//! The grammar of expressions, by precedence climbing; every production returns a node of the tree and where it starts.
//!
//! # Semantics
//! Precedence from loose to tight: `or`; `and`, `unless`; comparisons; `+`, `-`; `*`, `/`, `%`, `atan2`; unary signs; `^`
//! (right-associative); then what follows an operand: `[…]`, `offset`, `@`, `anchored`, `smoothed`.
//!
//! # Errors
//! A syntax error stops the parser ([`Stop`]). What Prometheus finds while it builds the tree is noted as `early` and
//! parsing goes on; what its type checker would find later is noted as `late`. The first early error wins over a syntax
//! error, and both over the first late one, so that the message is the one that Prometheus gives.

use super::error::ParseError;
use super::lex::{Tok, Token, Word, describe, lex};
use super::place::Place;
use super::{MAX_DEPTH, Options, TRIM_LOWER, TRIM_UPPER, literal};
use bellwether_operators::template::quote::{quote, unquote};
use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_POW,
    T_SUB, TokenId,
};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Expr, NumberLiteral, ParenExpr, StringLiteral, UnaryExpr};

/// The parser gave up; the error is in [`Parser::early`].
pub(super) struct Stop;
/// What a production returns.
pub(super) type Parsed<T> = Result<T, Stop>;

/// A part of the tree, where it starts and how deep it is.
pub(super) struct Node {
    pub expr: Expr,
    pub start: usize,
    pub depth: usize,
    /// Where its operands start.
    pub below: Vec<Place>,
}

impl Node {
    pub fn leaf(expr: Expr, start: usize) -> Self {
        Self { expr, start, depth: 1, below: Vec::new() }
    }

    /// The part itself, and where it and everything below it starts.
    pub fn split(self) -> (Expr, Place) {
        (self.expr, Place { start: self.start, below: self.below })
    }
}

/// How tightly an operator binds; `^` is the only one that binds more tightly than a unary sign.
const POWER: u8 = 6;

pub(super) struct Parser<'a> {
    pub text: &'a str,
    pub options: Options,
    tokens: Vec<Token>,
    lex_error: String,
    at: usize,
    early: Option<ParseError>,
    late: Option<ParseError>,
    depth: usize,
    /// Within how many aggregations the parser is: Prometheus says so in syntax errors.
    pub aggregations: usize,
    /// The construct around a duration expression and what it expects, for syntax errors within.
    pub duration: Option<(&'static str, &'static str)>,
    /// Whether a selector may match everything, as the second argument of `info` may.
    pub bare_selector: bool,
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a str, options: Options) -> Self {
        let lexed = lex(text, &options);
        Self {
            text,
            options,
            tokens: lexed.tokens,
            lex_error: lexed.error,
            at: 0,
            early: None,
            late: None,
            depth: 0,
            aggregations: 0,
            duration: None,
            bare_selector: false,
        }
    }

    pub fn parse(self) -> Result<Expr, ParseError> {
        self.parse_placed().map(|(expr, _)| expr)
    }

    pub fn parse_placed(mut self) -> Result<(Expr, Place), ParseError> {
        let parsed = self.whole();
        let error = self.early.take().or_else(|| self.late.take());
        match (parsed, error) {
            (_, Some(error)) => Err(error),
            (Ok(node), None) => Ok(node.split()),
            (Err(Stop), None) => Err(ParseError::new(self.text, 0, "unexpected error".to_owned())),
        }
    }

    fn whole(&mut self) -> Parsed<Node> {
        if self.peek() == Tok::Eof {
            self.early(0, "no expression found in input".to_owned());
            return Err(Stop);
        }
        let node = self.expr(0)?;
        if self.peek() == Tok::Eof { Ok(node) } else { Err(self.unexpected("", "")) }
    }

    // Tokens.

    pub fn token(&self) -> Token {
        let end = Token { tok: Tok::Eof, start: self.text.len(), end: self.text.len() };
        self.tokens.get(self.at).copied().unwrap_or(end)
    }

    pub fn peek(&self) -> Tok {
        self.token().tok
    }

    pub fn peek_second(&self) -> Tok {
        self.tokens.get(self.at + 1).map_or(Tok::Eof, |t| t.tok)
    }

    /// Takes the current token; the last one stays.
    pub fn bump(&mut self) -> Token {
        let token = self.token();
        self.at = (self.at + 1).min(self.tokens.len().saturating_sub(1));
        token
    }

    pub fn accept(&mut self, tok: Tok) -> bool {
        let found = self.peek() == tok;
        if found {
            self.bump();
        }
        found
    }

    pub fn accept_word(&mut self, word: Word) -> bool {
        self.accept(Tok::Word(word))
    }

    /// Takes a token or fails in Prometheus's words for the place.
    pub fn require(&mut self, tok: Tok, context: &str, expected: &str) -> Parsed<Token> {
        if self.peek() == tok { Ok(self.bump()) } else { Err(self.unexpected(context, expected)) }
    }

    pub fn str(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    // Errors.

    /// Notes an error that Prometheus finds while it builds the tree.
    pub fn early(&mut self, start: usize, message: String) {
        self.early.get_or_insert_with(|| ParseError::new(self.text, start, message));
    }

    /// Notes an error that Prometheus's type checker finds.
    pub fn late(&mut self, start: usize, message: String) {
        self.late.get_or_insert_with(|| ParseError::new(self.text, start, message));
    }

    /// Refuses the current token; `context` is the construct that Prometheus names.
    pub fn unexpected(&mut self, context: &str, expected: &str) -> Stop {
        let token = self.token();
        if token.tok == Tok::Error {
            let message = std::mem::take(&mut self.lex_error);
            self.early(token.start, message);
            return Stop;
        }
        let mut message = format!("unexpected {}", describe(self.text, token));
        let (context, expected) = match self.duration {
            Some(around) if context.is_empty() => around,
            None if context.is_empty() && self.aggregations > 0 => ("aggregation", expected),
            _ => (context, expected),
        };
        if !context.is_empty() {
            message.push_str(&format!(" in {context}"));
        }
        if !expected.is_empty() {
            message.push_str(&format!(", expected {expected}"));
        }
        self.early(token.start, message);
        Stop
    }

    /// Refuses a tree that grows deeper than everything that walks it can stand.
    pub fn bounded(&mut self, node: Node) -> Parsed<Node> {
        if node.depth <= MAX_DEPTH {
            return Ok(node);
        }
        self.early(node.start, format!("expression is nested more than {MAX_DEPTH} levels deep"));
        Err(Stop)
    }

    /// Runs a production one level deeper.
    pub fn deeper<T>(&mut self, production: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            let start = self.token().start;
            self.early(start, format!("expression is nested more than {MAX_DEPTH} levels deep"));
            return Err(Stop);
        }
        self.depth += 1;
        let result = production(self);
        self.depth -= 1;
        result
    }

    // Productions.

    /// An expression whose operators bind at least as tightly as `min`.
    pub fn expr(&mut self, min: u8) -> Parsed<Node> {
        self.deeper(|p| p.binary_chain(min))
    }

    fn binary_chain(&mut self, min: u8) -> Parsed<Node> {
        let mut lhs = self.prefix()?;
        while let Some((op, binding)) = binary(self.peek()).filter(|(_, binding)| *binding >= min) {
            let at = self.bump();
            let modifier = self.binary_modifier(lhs.start)?;
            let rhs = self.expr(if binding == POWER { POWER } else { binding + 1 })?;
            lhs = self.binary(lhs, op, at, modifier, rhs)?;
        }
        Ok(lhs)
    }

    fn prefix(&mut self) -> Parsed<Node> {
        let (Tok::Operator(T_ADD) | Tok::Operator(T_SUB)) = self.peek() else {
            let operand = self.primary()?;
            return self.postfix(operand);
        };
        let sign = self.bump();
        let operand = self.expr(POWER)?;
        let negative = sign.tok == Tok::Operator(T_SUB);
        if let Expr::NumberLiteral(number) = operand.expr {
            let val = if negative { -number.val } else { number.val };
            return Ok(Node::leaf(Expr::NumberLiteral(NumberLiteral::new(val)), sign.start));
        }
        self.check_unary(&operand, sign.start);
        if !negative {
            return Ok(Node { start: sign.start, ..operand });
        }
        let depth = operand.depth + 1;
        let (operand, place) = operand.split();
        let expr = Expr::Unary(UnaryExpr { expr: Box::new(operand) });
        self.bounded(Node { expr, start: sign.start, depth, below: vec![place] })
    }

    fn primary(&mut self) -> Parsed<Node> {
        let token = self.token();
        match token.tok {
            Tok::Number | Tok::Duration => {
                let value = self.number()?;
                Ok(Node::leaf(Expr::NumberLiteral(NumberLiteral::new(value)), token.start))
            }
            Tok::Str => {
                self.bump();
                let val = self.unquote(token);
                Ok(Node::leaf(Expr::StringLiteral(StringLiteral { val }), token.start))
            }
            Tok::LeftParen => self.paren(),
            Tok::LeftBrace => self.selector(),
            Tok::Identifier if self.peek_second() == Tok::LeftParen => self.call(),
            Tok::Word(Word::Start | Word::End | Word::Step | Word::Range | Word::MaxOf | Word::MinOf)
                if self.peek_second() == Tok::LeftParen =>
            {
                self.call()
            }
            Tok::Aggregator(op) => match self.peek_second() {
                Tok::LeftParen | Tok::Word(Word::By | Word::Without) => self.aggregate(op),
                _ => self.selector(),
            },
            tok if is_metric_name(tok) => self.selector(),
            _ => Err(self.unexpected("", "")),
        }
    }

    fn paren(&mut self) -> Parsed<Node> {
        let open = self.bump();
        let inner = self.expr(0)?;
        self.require(Tok::RightParen, "", "")?;
        let depth = inner.depth + 1;
        let (inner, place) = inner.split();
        let expr = Expr::Paren(ParenExpr { expr: Box::new(inner) });
        self.bounded(Node { expr, start: open.start, depth, below: vec![place] })
    }

    /// A number, or a duration in seconds.
    pub fn number(&mut self) -> Parsed<f64> {
        let token = self.bump();
        let text = self.str(token);
        let value = match token.tok {
            Tok::Duration => super::parse_duration(text).map(|ms| ms as f64 / 1e3).map_err(|e| e.to_string()),
            _ => literal::number(text),
        };
        Ok(value.unwrap_or_else(|message| {
            self.early(token.start, message);
            0.0
        }))
    }

    pub fn unquote(&mut self, token: Token) -> String {
        let literal = self.str(token);
        unquote(literal).unwrap_or_else(|error| {
            self.early(token.start, format!("error unquoting string {}: {error}", quote(literal)));
            String::new()
        })
    }
}

/// Tokens that can be the name of a metric: identifiers, and keywords that are none here.
pub(super) fn is_metric_name(tok: Tok) -> bool {
    match tok {
        Tok::Identifier | Tok::MetricIdentifier | Tok::Aggregator(_) => true,
        Tok::Operator(op) => matches!(op, T_LAND | T_LOR | T_LUNLESS),
        Tok::Word(word) => !matches!(word, Word::On | Word::Ignoring | Word::GroupLeft | Word::GroupRight | Word::Bool),
        _ => false,
    }
}

/// Tokens that an expression can start with.
pub(super) fn starts_expr(tok: Tok) -> bool {
    is_metric_name(tok)
        || matches!(tok, Tok::Number | Tok::Duration | Tok::Str | Tok::LeftParen | Tok::LeftBrace)
        || matches!(tok, Tok::Operator(T_ADD | T_SUB))
}

/// The operator of a token and how tightly it binds.
fn binary(tok: Tok) -> Option<(TokenId, u8)> {
    let op = match tok {
        Tok::Operator(op) => op,
        Tok::TrimUpper => return Some((TRIM_UPPER, 3)),
        Tok::TrimLower => return Some((TRIM_LOWER, 3)),
        _ => return None,
    };
    let binding = match op {
        T_LOR => 1,
        T_LAND | T_LUNLESS => 2,
        T_EQLC | T_GTE | T_GTR | T_LSS | T_LTE | T_NEQ => 3,
        T_ADD | T_SUB => 4,
        T_MUL | T_DIV | T_MOD | T_ATAN2 => 5,
        T_POW => POWER,
        _ => return None,
    };
    Some((op, binding))
}

/// The name of a type in Prometheus's messages.
pub(super) fn documented(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Vector => "instant vector",
        ValueType::Matrix => "range vector",
        ValueType::Scalar => "scalar",
        ValueType::String => "string",
    }
}

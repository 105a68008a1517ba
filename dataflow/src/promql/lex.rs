//! Text in, tokens with byte offsets out: Prometheus's lexer.
//!
//! # Semantics
//! Keywords are known in any case, except inside braces, where every word is an identifier; inside brackets only durations,
//! arithmetic and `step`, `range`, `min_of`, `max_of` are allowed. `fill` and its like are keywords only before `(`.
//! Comments run from `#` to the end of the line.

use super::error::enabled_by;
use super::scan::{Scanned, is_alpha, number_or_duration};
use super::{Options, UNQUOTED_UTF8_NAMES};
use bellwether_operators::template::quote::{quote, quote_char};
use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_DIV, T_EQLC, T_GROUP, T_GTE, T_GTR, T_LAND,
    T_LIMIT_RATIO, T_LIMITK, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MAX, T_MIN, T_MOD, T_MUL, T_NEQ, T_POW, T_QUANTILE,
    T_STDDEV, T_STDVAR, T_SUB, T_SUM, T_TOPK, TokenId,
};

/// A word with a meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tok {
    Eof,
    /// The lexer stopped here; [`Lexed::error`] says why.
    Error,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    Equal,
    EqualRegex,
    NotRegex,
    Number,
    Duration,
    Str,
    Identifier,
    /// A name with a colon in it.
    MetricIdentifier,
    /// `</`, which trims native histograms.
    TrimUpper,
    /// `>/`
    TrimLower,
    Operator(TokenId),
    Aggregator(TokenId),
    Word(Word),
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub tok: Tok,
    pub start: usize,
    pub end: usize,
}

/// All tokens of a text; the last one is [`Tok::Eof`] or [`Tok::Error`].
pub(super) struct Lexed {
    pub tokens: Vec<Token>,
    pub error: String,
}

/// The name of a token in an error message, as Prometheus's `Item.desc` has it.
pub(super) fn describe(text: &str, token: Token) -> String {
    let val = &text[token.start..token.end];
    let kind = match token.tok {
        Tok::Eof => return "end of input".to_owned(),
        Tok::Operator(_) | Tok::EqualRegex | Tok::NotRegex | Tok::At | Tok::TrimUpper | Tok::TrimLower => {
            return format!("<op:{val}>");
        }
        Tok::Aggregator(_) => return format!("<aggr:{val}>"),
        Tok::Word(Word::Start | Word::End | Word::Step | Word::Range | Word::MaxOf | Word::MinOf) => return quote(val),
        Tok::Word(_) => return format!("<{val}>"),
        Tok::Identifier => return format!("identifier {}", quote(val)),
        Tok::MetricIdentifier => return format!("metric identifier {}", quote(val)),
        Tok::Str => "string",
        Tok::Number => "number",
        Tok::Duration => "duration",
        _ => return quote(val),
    };
    match val.char_indices().nth(10) {
        Some((cut, _)) => format!("{kind} {}...", quote(&val[..cut])),
        None => format!("{kind} {}", quote(val)),
    }
}

/// Splits a text into tokens; never fails, but may end in [`Tok::Error`].
pub(super) fn lex(text: &str, options: &Options) -> Lexed {
    let mut lexer = Lexer {
        text,
        pos: 0,
        start: 0,
        tokens: Vec::new(),
        parens: 0,
        braces: false,
        brackets: false,
        colon: false,
        unquoted_utf8: options.unquoted_utf8_names,
    };
    let error = lexer.run().err().unwrap_or_default();
    let tok = if error.is_empty() { Tok::Eof } else { Tok::Error };
    let start = lexer.start.min(text.len());
    lexer.tokens.push(Token { tok, start, end: text.len() });
    Lexed { tokens: lexer.tokens, error }
}

struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    start: usize,
    tokens: Vec<Token>,
    parens: usize,
    braces: bool,
    brackets: bool,
    /// Whether a colon was seen since the bracket was opened.
    colon: bool,
    unquoted_utf8: bool,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.pos..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.pos += wanted.len_utf8();
        }
        found
    }

    fn emit(&mut self, tok: Tok) {
        self.tokens.push(Token { tok, start: self.start, end: self.pos });
    }

    fn run(&mut self) -> Result<(), String> {
        loop {
            self.start = self.pos;
            let Some(c) = self.next() else { return self.at_end() };
            match c {
                ' ' | '\t' | '\n' | '\r' => {}
                '#' => self.pos += self.text[self.pos..].find(['\n', '\r']).unwrap_or(self.text.len() - self.pos),
                c if self.braces => self.inside_braces(c)?,
                c if self.brackets => self.inside_brackets(c)?,
                c => self.statement(c)?,
            }
        }
    }

    fn at_end(&self) -> Result<(), String> {
        let open = if self.braces {
            "unexpected end of input inside braces"
        } else if self.brackets && self.tokens.last().is_some_and(|t| !matches!(t.tok, Tok::Number | Tok::Duration)) {
            "unexpected end of input in duration expression"
        } else if self.parens > 0 {
            "unclosed left parenthesis"
        } else if self.brackets {
            "unclosed left bracket"
        } else {
            return Ok(());
        };
        Err(open.to_owned())
    }

    fn statement(&mut self, c: char) -> Result<(), String> {
        let digit_follows = self.peek().is_some_and(|c| c.is_ascii_digit());
        match c {
            c if self.is_name_start(c) || c == ':' => self.word(),
            c if c.is_ascii_digit() || (c == '.' && digit_follows) => self.number()?,
            '"' | '\'' => self.string(c)?,
            '`' => self.raw_string()?,
            '(' | ')' => self.paren(c)?,
            '{' => {
                self.braces = true;
                self.emit(Tok::LeftBrace);
            }
            '[' => {
                self.brackets = true;
                self.colon = false;
                self.emit(Tok::LeftBracket);
            }
            ']' => return Err("unexpected right bracket ']'".to_owned()),
            ',' => self.emit(Tok::Comma),
            '@' => self.emit(Tok::At),
            c => self.operator(c)?,
        }
        Ok(())
    }

    fn operator(&mut self, c: char) -> Result<(), String> {
        let tok = match c {
            '*' => Tok::Operator(T_MUL),
            '/' => Tok::Operator(T_DIV),
            '%' => Tok::Operator(T_MOD),
            '+' => Tok::Operator(T_ADD),
            '-' => Tok::Operator(T_SUB),
            '^' => Tok::Operator(T_POW),
            '=' if self.accept('=') => Tok::Operator(T_EQLC),
            '=' if self.peek() == Some('~') => return Err("unexpected character after '=': '~'".to_owned()),
            '=' => Tok::Equal,
            '!' if self.accept('=') => Tok::Operator(T_NEQ),
            '!' => return Err(format!("unexpected character after '!': {}", self.quoted_next())),
            '<' if self.accept('=') => Tok::Operator(T_LTE),
            '>' if self.accept('=') => Tok::Operator(T_GTE),
            '<' if self.accept('/') => Tok::TrimUpper,
            '>' if self.accept('/') => Tok::TrimLower,
            '<' => Tok::Operator(T_LSS),
            '>' => Tok::Operator(T_GTR),
            c => return Err(self.unexpected("unexpected character", c)),
        };
        self.emit(tok);
        Ok(())
    }

    /// A character that stands nowhere; one of names says which feature lets it stand there.
    fn unexpected(&self, what: &str, c: char) -> String {
        let message = format!("{what}: {}", quote_char(c));
        let behind_name = self.text[..self.start].chars().next_back().is_some_and(|b| b.is_alphanumeric() || b == '_');
        let of_names = if c == '.' { behind_name } else { !c.is_ascii() && c.is_alphabetic() };
        if self.unquoted_utf8 || !of_names {
            return message;
        }
        format!("{message} in a name without quotes: {}", enabled_by(UNQUOTED_UTF8_NAMES))
    }

    fn quoted_next(&self) -> String {
        quote_char(self.peek().unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn paren(&mut self, c: char) -> Result<(), String> {
        if c == '(' {
            self.parens += 1;
            self.emit(Tok::LeftParen);
        } else if self.parens == 0 {
            self.start = self.pos;
            return Err("unexpected right parenthesis ')'".to_owned());
        } else {
            self.parens -= 1;
            self.emit(Tok::RightParen);
        }
        Ok(())
    }

    fn is_name_start(&self, c: char) -> bool {
        is_alpha(c) || (self.unquoted_utf8 && !c.is_ascii() && c.is_alphabetic())
    }

    fn is_name_continue(&self, c: char) -> bool {
        self.is_name_start(c) || c.is_ascii_digit() || (self.unquoted_utf8 && c == '.')
    }

    fn take_name(&mut self, colons: bool) -> &str {
        while self.peek().is_some_and(|c| self.is_name_continue(c) || (colons && c == ':')) {
            self.next();
        }
        &self.text[self.start..self.pos]
    }

    fn word(&mut self) {
        let name = self.take_name(true).to_ascii_lowercase();
        let before_paren = self.text[self.pos..].trim_start_matches([' ', '\t', '\n', '\r']).starts_with('(');
        let tok = match keyword(&name) {
            Some(Tok::Word(Word::Fill | Word::FillLeft | Word::FillRight)) if !before_paren => Tok::Identifier,
            Some(tok) => tok,
            None if name.contains(':') => Tok::MetricIdentifier,
            None => Tok::Identifier,
        };
        self.emit(tok);
    }

    fn number(&mut self) -> Result<(), String> {
        let (scanned, end) = number_or_duration(self.text, self.start);
        self.pos = end;
        match scanned {
            Scanned::Number => self.emit(Tok::Number),
            Scanned::Duration => self.emit(Tok::Duration),
            Scanned::Bad => {
                return Err(format!("bad number or duration syntax: {}", quote(&self.text[self.start..end])));
            }
        }
        Ok(())
    }

    fn string(&mut self, delimiter: char) -> Result<(), String> {
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some('\\') => self.escape(delimiter)?,
                Some(c) if c == delimiter => break,
                Some(_) => {}
            }
        }
        self.emit(Tok::Str);
        Ok(())
    }

    fn escape(&mut self, delimiter: char) -> Result<(), String> {
        let (digits, base, max) = match self.next() {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => return Ok(()),
            Some(c) if c == delimiter => return Ok(()),
            Some('0'..='7') => {
                self.pos -= 1;
                (3, 8, 255)
            }
            Some('x') => (2, 16, 255),
            Some('u') => (4, 16, 0x10_ffff),
            Some('U') => (8, 16, 0x10_ffff),
            Some(c) => return Err(format!("unknown escape sequence {}", unicode_name(c))),
            None => return Err("escape sequence not terminated".to_owned()),
        };
        let mut value: u64 = 0;
        for _ in 0..digits {
            let c = self.next().ok_or("escape sequence not terminated")?;
            let digit = c.to_digit(base);
            let digit = digit.ok_or_else(|| format!("illegal character {} in escape sequence", unicode_name(c)))?;
            value = value * u64::from(base) + u64::from(digit);
        }
        if value > max || (0xd800..0xe000).contains(&value) {
            return Err("escape sequence is an invalid Unicode code point".to_owned());
        }
        Ok(())
    }

    fn raw_string(&mut self) -> Result<(), String> {
        let len = self.text[self.pos..].find('`').ok_or("unterminated raw string")?;
        self.pos += len + 1;
        self.emit(Tok::Str);
        Ok(())
    }

    fn inside_braces(&mut self, c: char) -> Result<(), String> {
        match c {
            c if self.is_name_start(c) => {
                self.take_name(false);
                self.emit(Tok::Identifier);
            }
            ',' => self.emit(Tok::Comma),
            '"' | '\'' => self.string(c)?,
            '`' => self.raw_string()?,
            '=' if self.accept('~') => self.emit(Tok::EqualRegex),
            '=' => self.emit(Tok::Equal),
            '!' if self.accept('~') => self.emit(Tok::NotRegex),
            '!' if self.accept('=') => self.emit(Tok::Operator(T_NEQ)),
            '!' => {
                return Err(format!("unexpected character after '!' inside braces: {}", self.quoted_next()));
            }
            '{' => return Err("unexpected left brace '{'".to_owned()),
            '}' => {
                self.braces = false;
                self.emit(Tok::RightBrace);
            }
            c => return Err(self.unexpected("unexpected character inside braces", c)),
        }
        Ok(())
    }

    fn inside_brackets(&mut self, c: char) -> Result<(), String> {
        let digit_follows = self.peek().is_some_and(|c| c.is_ascii_digit());
        match c {
            ']' => {
                self.brackets = false;
                self.emit(Tok::RightBracket);
            }
            ':' if self.tokens.last().is_some_and(|t| t.tok == Tok::LeftBracket) => {
                return Err("unexpected colon before duration in duration expression".to_owned());
            }
            ':' if self.colon => return Err("unexpected colon ':'".to_owned()),
            ':' => {
                self.colon = true;
                self.emit(Tok::Colon);
            }
            '(' | ')' => self.paren(c)?,
            ',' => self.emit(Tok::Comma),
            '+' | '-' | '*' | '/' | '%' | '^' => self.operator(c)?,
            '[' => return Err("unexpected left bracket '['".to_owned()),
            c if c.is_ascii_digit() || (c == '.' && digit_follows) => self.number()?,
            c if is_alpha(c) => self.duration_word(c)?,
            c => return Err(format!("unexpected character in duration expression: {}", quote_char(c))),
        }
        Ok(())
    }

    fn duration_word(&mut self, first: char) -> Result<(), String> {
        while self.peek().is_some_and(is_alpha) {
            self.next();
        }
        let word = self.text[self.start..self.pos].to_ascii_lowercase();
        match keyword(&word) {
            Some(tok @ Tok::Word(Word::Step | Word::Range | Word::MaxOf | Word::MinOf)) => {
                self.emit(tok);
                Ok(())
            }
            _ => Err(format!("unexpected character in duration expression: {}", quote_char(first))),
        }
    }
}

/// Go's `%#U`: the code point and the character.
fn unicode_name(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}

fn keyword(lower: &str) -> Option<Tok> {
    Some(match lower {
        "and" => Tok::Operator(T_LAND),
        "or" => Tok::Operator(T_LOR),
        "unless" => Tok::Operator(T_LUNLESS),
        "atan2" => Tok::Operator(T_ATAN2),
        "sum" => Tok::Aggregator(T_SUM),
        "avg" => Tok::Aggregator(T_AVG),
        "count" => Tok::Aggregator(T_COUNT),
        "min" => Tok::Aggregator(T_MIN),
        "max" => Tok::Aggregator(T_MAX),
        "group" => Tok::Aggregator(T_GROUP),
        "stddev" => Tok::Aggregator(T_STDDEV),
        "stdvar" => Tok::Aggregator(T_STDVAR),
        "topk" => Tok::Aggregator(T_TOPK),
        "bottomk" => Tok::Aggregator(T_BOTTOMK),
        "count_values" => Tok::Aggregator(T_COUNT_VALUES),
        "quantile" => Tok::Aggregator(T_QUANTILE),
        "limitk" => Tok::Aggregator(T_LIMITK),
        "limit_ratio" => Tok::Aggregator(T_LIMIT_RATIO),
        "offset" => Tok::Word(Word::Offset),
        "smoothed" => Tok::Word(Word::Smoothed),
        "anchored" => Tok::Word(Word::Anchored),
        "by" => Tok::Word(Word::By),
        "without" => Tok::Word(Word::Without),
        "on" => Tok::Word(Word::On),
        "ignoring" => Tok::Word(Word::Ignoring),
        "group_left" => Tok::Word(Word::GroupLeft),
        "group_right" => Tok::Word(Word::GroupRight),
        "fill" => Tok::Word(Word::Fill),
        "fill_left" => Tok::Word(Word::FillLeft),
        "fill_right" => Tok::Word(Word::FillRight),
        "bool" => Tok::Word(Word::Bool),
        "start" => Tok::Word(Word::Start),
        "end" => Tok::Word(Word::End),
        "step" => Tok::Word(Word::Step),
        "range" => Tok::Word(Word::Range),
        "max_of" => Tok::Word(Word::MaxOf),
        "min_of" => Tok::Word(Word::MinOf),
        "inf" | "nan" => Tok::Number,
        _ => return None,
    })
}

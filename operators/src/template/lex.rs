//! Template text in, tokens out: Go's `text/template/parse` lexer.
//!
//! Text between actions is one token, already trimmed where an action's `{{-` or `-}}` says so; comments give none. White
//! space inside an action is a token, because `$x .f` and `$x.f` differ.

use super::quote::quote;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tok {
    Eof,
    Error,
    Text,
    LeftDelim,
    RightDelim,
    Space,
    Assign,
    Declare,
    Pipe,
    Str,
    RawStr,
    CharConst,
    Number,
    Variable,
    Field,
    Dot,
    Identifier,
    Bool,
    LeftParen,
    RightParen,
    Char,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub tok: Tok,
    pub start: usize,
    pub end: usize,
}

/// All tokens; the last is [`Tok::Eof`], or [`Tok::Error`] with a message.
pub(super) fn lex(text: &str) -> (Vec<Token>, String) {
    let mut lexer = Lexer { text, pos: 0, start: 0, tokens: Vec::new(), parens: 0 };
    let error = lexer.run().err().unwrap_or_default();
    let tok = if error.is_empty() { Tok::Eof } else { Tok::Error };
    lexer.tokens.push(Token { tok, start: lexer.start.min(text.len()), end: text.len() });
    (lexer.tokens, error)
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    start: usize,
    tokens: Vec<Token>,
    parens: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|c| valid.contains(c));
        if found {
            self.next();
        }
        found
    }

    fn emit(&mut self, tok: Tok) {
        self.tokens.push(Token { tok, start: self.start, end: self.pos });
        self.start = self.pos;
    }

    fn run(&mut self) -> Result<(), String> {
        loop {
            let Some(ahead) = self.rest().find("{{") else {
                self.pos = self.text.len();
                if self.pos > self.start {
                    self.emit(Tok::Text);
                }
                return Ok(());
            };
            let delim = self.pos + ahead;
            let trims = left_trim_marker(&self.text[delim + 2..]);
            let body = &self.text[self.start..delim];
            let kept = if trims { body.trim_end_matches(SPACES).len() } else { body.len() };
            self.pos = self.start + kept;
            if kept > 0 {
                self.emit(Tok::Text);
            }
            self.start = delim;
            self.pos = delim + 2;
            let marker = if trims { 2 } else { 0 };
            if self.text[self.pos + marker..].starts_with("/*") {
                self.pos += marker;
                self.comment()?;
            } else {
                self.emit(Tok::LeftDelim);
                self.pos += marker;
                self.start = self.pos;
                self.action()?;
            }
        }
    }

    fn comment(&mut self) -> Result<(), String> {
        self.start = self.pos;
        let end = self.rest().find("*/").filter(|end| *end >= 2).or_else(|| self.rest()[2..].find("*/").map(|i| i + 2));
        self.pos += end.ok_or("unclosed comment")? + 2;
        let Some(trims) = self.right_delim() else { return Err("comment ends before closing delimiter".to_owned()) };
        self.close(trims);
        Ok(())
    }

    /// Whether a right delimiter stands here, and then whether it trims what follows.
    fn right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if right_trim_marker(rest) && rest[2..].starts_with("}}") {
            return Some(true);
        }
        rest.starts_with("}}").then_some(false)
    }

    fn close(&mut self, trims: bool) {
        self.pos += if trims { 4 } else { 2 };
        if trims {
            let rest = self.rest();
            self.pos += rest.len() - rest.trim_start_matches(SPACES).len();
        }
        self.start = self.pos;
    }

    fn action(&mut self) -> Result<(), String> {
        self.parens = 0;
        loop {
            self.start = self.pos;
            if let Some(trims) = self.right_delim() {
                if self.parens > 0 {
                    return Err("unclosed left paren".to_owned());
                }
                let start = self.pos;
                self.tokens.push(Token { tok: Tok::RightDelim, start, end: start + if trims { 4 } else { 2 } });
                self.close(trims);
                return Ok(());
            }
            let Some(c) = self.next() else { return Err("unclosed action".to_owned()) };
            self.inside(c)?;
        }
    }

    fn inside(&mut self, c: char) -> Result<(), String> {
        let digit_follows = self.peek().is_some_and(|c| c.is_ascii_digit());
        match c {
            c if SPACES.contains(&c) => self.space(),
            '=' => self.emit(Tok::Assign),
            ':' if self.accept("=") => self.emit(Tok::Declare),
            ':' => return Err("expected :=".to_owned()),
            '|' => self.emit(Tok::Pipe),
            '"' => self.quoted('"', Tok::Str, "unterminated quoted string")?,
            '\'' => self.quoted('\'', Tok::CharConst, "unterminated character constant")?,
            '`' => {
                let len = self.rest().find('`').ok_or("unterminated raw quoted string")?;
                self.pos += len + 1;
                self.emit(Tok::RawStr);
            }
            '$' => self.name(Tok::Variable, Tok::Variable)?,
            '.' if !digit_follows => self.name(Tok::Field, Tok::Dot)?,
            '.' | '+' | '-' | '0'..='9' => self.number(c)?,
            c if is_alphanumeric(c) => self.word()?,
            '(' => {
                self.parens += 1;
                self.emit(Tok::LeftParen);
            }
            ')' if self.parens == 0 => return Err("unexpected right paren".to_owned()),
            ')' => {
                self.parens -= 1;
                self.emit(Tok::RightParen);
            }
            c if c.is_ascii() && !c.is_ascii_control() => self.emit(Tok::Char),
            c => return Err(format!("unrecognized character in action: {}", unicode_name(Some(c)))),
        }
        Ok(())
    }

    fn space(&mut self) {
        // The last space may belong to a trimming delimiter.
        self.pos = self.start;
        while self.right_delim() != Some(true) && self.peek().is_some_and(|c| SPACES.contains(&c)) {
            self.next();
        }
        if self.pos > self.start {
            self.emit(Tok::Space);
        }
    }

    fn quoted(&mut self, delimiter: char, tok: Tok, unterminated: &str) -> Result<(), String> {
        loop {
            match self.next() {
                Some(c) if c == delimiter => break,
                Some('\\') if !matches!(self.peek(), None | Some('\n')) => {
                    self.next();
                }
                None | Some('\n' | '\\') => return Err(unterminated.to_owned()),
                Some(_) => {}
            }
        }
        self.emit(tok);
        Ok(())
    }

    /// A field or a variable; `bare` if no name follows.
    fn name(&mut self, named: Tok, bare: Tok) -> Result<(), String> {
        if self.at_terminator() {
            self.emit(bare);
            return Ok(());
        }
        self.take_word()?;
        self.emit(named);
        Ok(())
    }

    fn take_word(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        if self.at_terminator() { Ok(()) } else { Err(format!("bad character {}", unicode_name(self.peek()))) }
    }

    fn at_terminator(&self) -> bool {
        self.peek().is_none_or(|c| SPACES.contains(&c) || ".,|:)(".contains(c)) || self.rest().starts_with("}}")
    }

    fn word(&mut self) -> Result<(), String> {
        self.take_word()?;
        let tok = match &self.text[self.start..self.pos] {
            "block" => Tok::Block,
            "break" => Tok::Break,
            "continue" => Tok::Continue,
            "define" => Tok::Define,
            "else" => Tok::Else,
            "end" => Tok::End,
            "if" => Tok::If,
            "nil" => Tok::Nil,
            "range" => Tok::Range,
            "template" => Tok::Template,
            "with" => Tok::With,
            "true" | "false" => Tok::Bool,
            _ => Tok::Identifier,
        };
        self.emit(tok);
        Ok(())
    }

    fn number(&mut self, first: char) -> Result<(), String> {
        self.pos -= first.len_utf8();
        self.accept("+-");
        let (digits, exponent) = if self.accept("0") && self.accept("xX") {
            ("0123456789abcdefABCDEF_", "pP")
        } else if self.text[..self.pos].ends_with('0') && self.accept("oO") {
            ("01234567_", "")
        } else if self.text[..self.pos].ends_with('0') && self.accept("bB") {
            ("01_", "")
        } else {
            ("0123456789_", "eE")
        };
        while self.accept(digits) {}
        if self.accept(".") {
            while self.accept(digits) {}
        }
        if !exponent.is_empty() && self.accept(exponent) {
            self.accept("+-");
            while self.accept("0123456789_") {}
        }
        if self.accept("+-") {
            // Only a complex number goes on so, and these are not supported.
            while self.accept("0123456789_.") {}
            return Err(format!("bad number syntax: {}", quote(&self.text[self.start..self.pos])));
        }
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return Err(format!("bad number syntax: {}", quote(&self.text[self.start..self.pos])));
        }
        self.emit(Tok::Number);
        Ok(())
    }
}

fn left_trim_marker(s: &str) -> bool {
    s.starts_with('-') && s[1..].starts_with(SPACES)
}

fn right_trim_marker(s: &str) -> bool {
    s.starts_with(SPACES) && s[1..].starts_with('-')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Go's `%#U`; the end of the text prints as -1 does.
fn unicode_name(c: Option<char>) -> String {
    match c {
        Some(c) if c.is_control() => format!("U+{:04X}", u32::from(c)),
        Some(c) => format!("U+{:04X} '{c}'", u32::from(c)),
        None => "U+FFFFFFFFFFFFFFFF".to_owned(),
    }
}

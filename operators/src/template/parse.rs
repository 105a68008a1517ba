//! Tokens in, syntax tree out: Go's `text/template/parse`.
//!
//! # Errors
//! The first error ends parsing, as in Go, with Go's message.

use super::TemplateError;
use super::ast::{Branch, Command, List, Node, Operand, OperandKind, Pipe, Span};
use super::call::is_function;
use super::lex::{Tok, Token, lex};
use super::number::{char_constant, number};
use super::quote::{quote, unquote};
use super::value::Value;
use std::collections::BTreeMap;

/// The deepest nesting of actions and parentheses; everything that walks the tree recurses.
const MAX_DEPTH: usize = 100;

/// Variables that Prometheus declares before the text.
pub(super) const PREDECLARED: [&str; 4] = ["$labels", "$externalLabels", "$externalURL", "$value"];

/// The tree of the text itself and those of the templates that it defines.
pub(super) struct Parsed {
    pub root: List,
    pub defined: BTreeMap<String, List>,
}

pub(super) fn parse(text: &str) -> Result<Parsed, TemplateError> {
    let (tokens, lex_error) = lex(text);
    let variables = std::iter::once("$").chain(PREDECLARED).map(str::to_owned).collect();
    let mut parser =
        Parser { text, tokens, lex_error, at: 0, variables, ranges: 0, depth: 0, defined: BTreeMap::new() };
    let root = parser.whole()?;
    Ok(Parsed { root, defined: parser.defined })
}

type Result<T, E = TemplateError> = std::result::Result<T, E>;

/// What ended a list of nodes.
enum ListEnd {
    End,
    Else,
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    lex_error: String,
    at: usize,
    variables: Vec<String>,
    ranges: usize,
    depth: usize,
    defined: BTreeMap<String, List>,
}

impl Parser<'_> {
    // Tokens.

    fn peek(&self) -> Token {
        let end = Token { tok: Tok::Eof, start: self.text.len(), end: self.text.len() };
        self.tokens.get(self.at).copied().unwrap_or(end)
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    fn peek_non_space(&mut self) -> Token {
        if self.peek().tok == Tok::Space {
            self.next();
        }
        self.peek()
    }

    fn next_non_space(&mut self) -> Token {
        self.peek_non_space();
        self.next()
    }

    fn str(&self, token: Token) -> &str {
        &self.text[token.start..token.end]
    }

    fn error<T>(&self, at: usize, message: String) -> Result<T> {
        Err(TemplateError::new(self.text, at, message))
    }

    fn unexpected<T>(&self, token: Token, context: &str) -> Result<T> {
        let val = self.str(token);
        let shown = match token.tok {
            Tok::Error => return self.error(token.start, self.lex_error.clone()),
            Tok::Eof => "EOF".to_owned(),
            tok if is_keyword(tok) => format!("<{val}>"),
            _ => match val.char_indices().nth(10) {
                Some((cut, _)) => format!("{}...", quote(&val[..cut])),
                None => quote(val),
            },
        };
        self.error(token.start, format!("unexpected {shown} in {context}"))
    }

    fn require(&mut self, tok: Tok, context: &str) -> Result<Token> {
        let token = self.next_non_space();
        if token.tok == tok { Ok(token) } else { self.unexpected(token, context) }
    }

    fn deeper<T>(&mut self, production: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return self.error(self.peek().start, "max expression depth exceeded".to_owned());
        }
        self.depth += 1;
        let result = production(self);
        self.depth -= 1;
        result
    }

    // Lists.

    fn whole(&mut self) -> Result<List> {
        let mut root = List::new();
        loop {
            let token = self.peek();
            match token.tok {
                Tok::Eof => return Ok(root),
                Tok::Text => root.push(self.take_text()),
                Tok::LeftDelim => {
                    self.next();
                    if self.peek_non_space().tok == Tok::Define {
                        self.next();
                        self.definition()?;
                        continue;
                    }
                    match self.action()? {
                        Ok(node) => root.push(node),
                        Err(ListEnd::End) => return self.error(token.start, "unexpected {{end}}".to_owned()),
                        Err(ListEnd::Else) => return self.error(token.start, "unexpected {{else}}".to_owned()),
                    }
                }
                _ => return self.unexpected(token, "input"),
            }
        }
    }

    fn take_text(&mut self) -> Node {
        let token = self.next();
        Node::Text(self.str(token).to_owned())
    }

    fn list(&mut self) -> Result<(List, ListEnd)> {
        self.deeper(|p| {
            let mut list = List::new();
            loop {
                let token = p.peek();
                match token.tok {
                    Tok::Eof => return p.error(token.start, "unexpected EOF".to_owned()),
                    Tok::Text => list.push(p.take_text()),
                    Tok::LeftDelim => {
                        p.next();
                        match p.action()? {
                            Ok(node) => list.push(node),
                            Err(end) => return Ok((list, end)),
                        }
                    }
                    _ => return p.unexpected(token, "input"),
                }
            }
        })
    }

    // Actions.

    /// What stands between delimiters: a node, or the end of the list that it stands in.
    fn action(&mut self) -> Result<Result<Node, ListEnd>> {
        let token = self.peek_non_space();
        let node = match token.tok {
            Tok::If => self.control("if").map(Node::If)?,
            Tok::With => self.control("with").map(Node::With)?,
            Tok::Range => self.control("range").map(Node::Range)?,
            Tok::Block => self.block()?,
            Tok::Template => self.template()?,
            Tok::Break => self.leave("break", Node::Break)?,
            Tok::Continue => self.leave("continue", Node::Continue)?,
            Tok::End => {
                self.next();
                self.require(Tok::RightDelim, "end")?;
                return Ok(Err(ListEnd::End));
            }
            Tok::Else => {
                self.next();
                if !matches!(self.peek_non_space().tok, Tok::If | Tok::With) {
                    self.require(Tok::RightDelim, "else")?;
                }
                return Ok(Err(ListEnd::Else));
            }
            _ => Node::Action(self.pipeline("command", Tok::RightDelim)?),
        };
        Ok(Ok(node))
    }

    fn control(&mut self, context: &'static str) -> Result<Branch> {
        self.next();
        let scope = self.variables.len();
        let pipe = self.pipeline(context, Tok::RightDelim)?;
        self.ranges += usize::from(context == "range");
        let (list, end) = self.list()?;
        self.ranges -= usize::from(context == "range");
        let otherwise = match end {
            ListEnd::End => List::new(),
            ListEnd::Else => self.otherwise(context)?,
        };
        self.variables.truncate(scope);
        Ok(Branch { pipe, list, otherwise })
    }

    /// What follows an `else`; `else if` and `else with` share the end of what they are in.
    fn otherwise(&mut self, context: &'static str) -> Result<List> {
        match (context, self.peek().tok) {
            ("if", Tok::If) => Ok(vec![self.deeper(|p| p.control("if")).map(Node::If)?]),
            ("with", Tok::With) => Ok(vec![self.deeper(|p| p.control("with")).map(Node::With)?]),
            _ => match self.list()? {
                (list, ListEnd::End) => Ok(list),
                (_, ListEnd::Else) => self.error(self.peek().start, "expected end; found {{else}}".to_owned()),
            },
        }
    }

    fn leave(&mut self, word: &str, node: Node) -> Result<Node> {
        let token = self.next();
        self.require(Tok::RightDelim, &format!("{{{{{word}}}}}"))?;
        if self.ranges == 0 {
            return self.error(token.start, format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn definition(&mut self) -> Result<()> {
        let name = self.template_name("define clause")?.0;
        self.require(Tok::RightDelim, "define clause")?;
        let list = self.separate_list("define clause")?;
        self.define(name, list)
    }

    /// The body of a definition: it sees no variables but `$`.
    fn separate_list(&mut self, context: &str) -> Result<List> {
        let outside = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (list, end) = self.list()?;
        self.variables = outside;
        self.ranges = ranges;
        match end {
            ListEnd::End => Ok(list),
            ListEnd::Else => self.error(self.peek().start, format!("unexpected {{{{else}}}} in {context}")),
        }
    }

    fn define(&mut self, name: String, list: List) -> Result<()> {
        let blank = |list: &List| list.iter().all(|n| matches!(n, Node::Text(t) if t.trim().is_empty()));
        match self.defined.get(&name) {
            Some(earlier) if !blank(earlier) && !blank(&list) => {
                let message = format!("template: multiple definition of template {}", quote(&name));
                self.error(self.peek().start, message)
            }
            Some(_) if blank(&list) => Ok(()),
            _ => {
                self.defined.insert(name, list);
                Ok(())
            }
        }
    }

    fn block(&mut self) -> Result<Node> {
        self.next();
        let (name, span) = self.template_name("block clause")?;
        let pipe = self.pipeline("block clause", Tok::RightDelim)?;
        let list = self.separate_list("block clause")?;
        self.define(name.clone(), list)?;
        Ok(Node::Template { name, pipe: Some(pipe), span })
    }

    fn template(&mut self) -> Result<Node> {
        self.next();
        let (name, span) = self.template_name("template clause")?;
        let pipe = match self.peek_non_space().tok {
            Tok::RightDelim => {
                self.next();
                None
            }
            _ => Some(self.pipeline("template clause", Tok::RightDelim)?),
        };
        Ok(Node::Template { name, pipe, span })
    }

    fn template_name(&mut self, context: &str) -> Result<(String, Span)> {
        let token = self.next_non_space();
        match token.tok {
            Tok::Str | Tok::RawStr => {
                let span = Span { at: token.start, start: token.start, end: token.end };
                Ok((self.unquote(token)?, span))
            }
            _ => self.unexpected(token, context),
        }
    }

    fn unquote(&self, token: Token) -> Result<String> {
        unquote(self.str(token)).or_else(|e| self.error(token.start, e.to_string()))
    }

    // Pipelines.

    fn pipeline(&mut self, context: &str, end: Tok) -> Result<Pipe> {
        self.deeper(|p| {
            let start = p.peek_non_space().start;
            let (variables, assigns) = p.declarations(context)?;
            let mut commands = Vec::new();
            loop {
                let token = p.peek_non_space();
                if token.tok == end {
                    p.next();
                    break;
                }
                if !starts_operand(token.tok) {
                    return p.unexpected(token, context);
                }
                commands.push(p.command()?);
            }
            let span = Span { at: start, start, end: commands.last().map_or(start, |c: &Command| c.span.end) };
            p.check_pipeline(&commands, context, start)?;
            Ok(Pipe { span, assigns, variables, commands })
        })
    }

    fn check_pipeline(&self, commands: &[Command], context: &str, start: usize) -> Result<()> {
        if commands.is_empty() {
            return self.error(start, format!("missing value for {context}"));
        }
        for (i, command) in commands.iter().enumerate().skip(1) {
            if matches!(command.first.kind, OperandKind::Dot | OperandKind::Nil | OperandKind::Literal(_)) {
                let message = format!("non executable command in pipeline stage {}", i + 1);
                return self.error(command.span.start, message);
            }
        }
        Ok(())
    }

    /// `$x :=`, `$x =` or, for a range, `$i, $x :=`.
    fn declarations(&mut self, context: &str) -> Result<(Vec<String>, bool)> {
        let mut names = Vec::new();
        while self.peek_non_space().tok == Tok::Variable {
            let before = self.at;
            let token = self.next();
            let name = self.str(token).to_owned();
            let next = self.peek_non_space();
            match next.tok {
                Tok::Assign | Tok::Declare => {
                    self.next();
                    names.push(name.clone());
                    self.variables.push(name);
                    return Ok((names, next.tok == Tok::Assign));
                }
                Tok::Char if self.str(next) == "," => {
                    self.next();
                    names.push(name.clone());
                    self.variables.push(name);
                    if context != "range" || names.len() > 1 {
                        return self.error(next.start, format!("too many declarations in {context}"));
                    }
                    if !matches!(self.peek_non_space().tok, Tok::Variable | Tok::RightDelim | Tok::RightParen) {
                        return self.error(next.start, "range can only initialize variables".to_owned());
                    }
                }
                _ => {
                    self.at = before;
                    break;
                }
            }
        }
        Ok((names, false))
    }

    fn command(&mut self) -> Result<Command> {
        let start = self.peek_non_space().start;
        let mut operands = Vec::new();
        let mut end = start;
        loop {
            if let Some(operand) = self.operand()? {
                end = operand.span.end;
                operands.push(operand);
            }
            let token = self.peek();
            match token.tok {
                Tok::Space => {
                    self.next();
                }
                Tok::RightDelim | Tok::RightParen => break,
                Tok::Pipe => {
                    self.next();
                    break;
                }
                _ => return self.unexpected(token, "operand"),
            }
        }
        let mut operands = operands.into_iter();
        match operands.next() {
            Some(first) => Ok(Command { span: Span { at: start, start, end }, first, args: operands.collect() }),
            None => self.error(start, "empty command".to_owned()),
        }
    }

    fn operand(&mut self) -> Result<Option<Operand>> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        if self.peek().tok != Tok::Field {
            return Ok(Some(operand));
        }
        let at = self.peek().start;
        let term = operand.span;
        let mut fields = Vec::new();
        while self.peek().tok == Tok::Field {
            let token = self.next();
            operand.span.end = token.end;
            fields.push(self.str(token)[1..].to_owned());
        }
        let kind = match operand.kind {
            OperandKind::Field(mut first) => {
                first.append(&mut fields);
                OperandKind::Field(first)
            }
            OperandKind::Variable(name, _) => OperandKind::Variable(name, fields),
            OperandKind::Dot | OperandKind::Nil | OperandKind::Literal(_) => {
                let term = &self.text[operand.span.start..at];
                return self.error(at, format!("unexpected . after term {}", quote(term)));
            }
            other => {
                let inner = Operand { span: term, kind: other };
                OperandKind::Chain(Box::new(inner), fields)
            }
        };
        Ok(Some(Operand { span: Span { at, ..operand.span }, kind }))
    }

    fn term(&mut self) -> Result<Option<Operand>> {
        let token = self.peek_non_space();
        let text = self.str(token).to_owned();
        let kind = match token.tok {
            Tok::Identifier if !is_function(&text) => {
                return self.error(token.start, format!("function {} not defined", quote(&text)));
            }
            Tok::Identifier => OperandKind::Function(text),
            Tok::Dot => OperandKind::Dot,
            Tok::Nil => OperandKind::Nil,
            Tok::Variable if !self.variables.contains(&text) => {
                return self.error(token.start, format!("undefined variable {}", quote(&text)));
            }
            Tok::Variable => OperandKind::Variable(text, Vec::new()),
            Tok::Field => OperandKind::Field(vec![text[1..].to_owned()]),
            Tok::Bool => OperandKind::Literal(Value::Bool(text == "true")),
            Tok::Number => OperandKind::Literal(number(&text).or_else(|e| self.error(token.start, e))?),
            Tok::CharConst => OperandKind::Literal(char_constant(&text).or_else(|e| self.error(token.start, e))?),
            Tok::Str | Tok::RawStr => OperandKind::Literal(Value::from(self.unquote(token)?)),
            Tok::LeftParen => {
                self.next();
                let pipe = self.pipeline("parenthesized pipeline", Tok::RightParen)?;
                let end = self.tokens.get(self.at.saturating_sub(1)).map_or(pipe.span.end, |t| t.end);
                let span = Span { at: pipe.span.at, start: token.start, end };
                return Ok(Some(Operand { span, kind: OperandKind::Pipe(Box::new(pipe)) }));
            }
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(Operand { span: Span { at: token.start, start: token.start, end: token.end }, kind }))
    }
}

fn starts_operand(tok: Tok) -> bool {
    use Tok::{Bool, CharConst, Dot, Field, Identifier, LeftParen, Nil, Number, RawStr, Str, Variable};
    matches!(tok, Bool | CharConst | Dot | Field | Identifier | LeftParen | Nil | Number | RawStr | Str | Variable)
}

fn is_keyword(tok: Tok) -> bool {
    use Tok::{Block, Break, Continue, Define, Dot, Else, End, If, Nil, Range, Template, With};
    matches!(tok, Block | Break | Continue | Define | Dot | Else | End | If | Nil | Range | Template | With)
}

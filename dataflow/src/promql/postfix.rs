//! What follows an operand: ranges and subqueries, `offset`, `@`, `anchored`, `smoothed`.

use super::duration_expr::EXPECTED;
use super::functions::{ANCHORED, SMOOTHED, pseudo};
use super::grammar::{Node, Parsed, Parser};
use super::lex::{Tok, Word};
use super::place::Place;
use promql_parser::parser::token::{T_ADD, T_SUB};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{AtModifier, Call, Expr, FunctionArgs, MatrixSelector, Offset, SubqueryExpr};
use std::time::{Duration, SystemTime};

impl Parser<'_> {
    pub(super) fn postfix(&mut self, mut node: Node) -> Parsed<Node> {
        loop {
            node = match self.peek() {
                Tok::LeftBracket => self.brackets(node)?,
                Tok::Word(Word::Offset) => self.offset(node)?,
                Tok::At => self.at_modifier(node)?,
                Tok::Word(Word::Anchored) => self.extended(node, ANCHORED)?,
                Tok::Word(Word::Smoothed) => self.extended(node, SMOOTHED)?,
                _ => return Ok(node),
            };
        }
    }

    fn brackets(&mut self, node: Node) -> Parsed<Node> {
        let open = self.bump();
        if !self.starts_duration() {
            return Err(self.unexpected("subquery or range selector", EXPECTED));
        }
        let range = self.positive_duration()?;
        if self.accept(Tok::RightBracket) {
            return self.matrix(node, range, open.start);
        }
        self.require(Tok::Colon, "subquery or range", "\":\" or \"]\"")?;
        if self.accept(Tok::RightBracket) {
            return self.subquery(node, range, None);
        }
        if !self.starts_duration() {
            return Err(self.unexpected("subquery selector", "number, duration, step(), range(), or \"]\""));
        }
        let step = self.positive_duration()?;
        self.require(Tok::RightBracket, "subquery selector", "\"]\"")?;
        self.subquery(node, range, Some(step))
    }

    fn matrix(&mut self, node: Node, range: Duration, open: usize) -> Parsed<Node> {
        let (extended, inner) = unwrap_extended(node.expr);
        let error = match &inner {
            Expr::VectorSelector(vs) if vs.offset.is_some() => "no offset modifiers allowed before range",
            Expr::VectorSelector(vs) if vs.at.is_some() => "no @ modifiers allowed before range",
            Expr::VectorSelector(_) => "",
            _ => "ranges only allowed for vector selectors",
        };
        if !error.is_empty() {
            self.early(open, error.to_owned());
        }
        let expr = match inner {
            Expr::VectorSelector(vs) => Expr::MatrixSelector(MatrixSelector { vs, range }),
            other => other,
        };
        let below = if extended.is_some() { vec![Place::leaf(node.start)] } else { Vec::new() };
        let expr = extended.map_or_else(|| expr.clone(), |name| wrap_extended(expr.clone(), name));
        Ok(Node { expr, below, ..node_at(node.start, node.depth) })
    }

    fn subquery(&mut self, node: Node, range: Duration, step: Option<Duration>) -> Parsed<Node> {
        let found = node.expr.value_type();
        if found != ValueType::Vector {
            self.late(node.start, format!("subquery is only allowed on instant vector, got {found} instead"));
        }
        let depth = node.depth + 1;
        let (inner, place) = node.split();
        let start = place.start;
        let expr = SubqueryExpr { expr: Box::new(inner), offset: None, at: None, range, step };
        self.bounded(Node { expr: Expr::Subquery(expr), start, depth, below: vec![place] })
    }

    fn offset(&mut self, mut node: Node) -> Parsed<Node> {
        self.bump();
        let ms = self.offset_duration()?;
        let ahead = Duration::from_millis(ms.unsigned_abs());
        let offset = match ms {
            0 => None,
            1.. => Some(Offset::Pos(ahead)),
            _ => Some(Offset::Neg(ahead)),
        };
        let start = node.start;
        let Some((current, _)) = modifiers(&mut node.expr) else {
            let message = "offset modifier must be preceded by an instant vector selector or range vector selector or \
                           a subquery";
            self.early(start, message.to_owned());
            return Ok(node);
        };
        if current.is_some() {
            self.early(start, "offset may not be set multiple times".to_owned());
        } else {
            *current = offset;
        }
        Ok(node)
    }

    fn at_modifier(&mut self, mut node: Node) -> Parsed<Node> {
        self.bump();
        let start = node.start;
        let at = match self.peek() {
            Tok::Word(Word::Start) => {
                self.preprocessor()?;
                AtModifier::Start
            }
            Tok::Word(Word::End) => {
                self.preprocessor()?;
                AtModifier::End
            }
            _ => AtModifier::At(self.timestamp(start)?),
        };
        let Some((_, current)) = modifiers(&mut node.expr) else {
            let message = "@ modifier must be preceded by an instant vector selector or range vector selector or a \
                           subquery";
            self.early(start, message.to_owned());
            return Ok(node);
        };
        if current.is_some() {
            self.early(start, "@ <timestamp> may not be set multiple times".to_owned());
        } else {
            *current = Some(at);
        }
        Ok(node)
    }

    fn preprocessor(&mut self) -> Parsed<()> {
        self.bump();
        self.require(Tok::LeftParen, "@", "timestamp")?;
        self.require(Tok::RightParen, "@", "timestamp")?;
        Ok(())
    }

    fn timestamp(&mut self, start: usize) -> Parsed<SystemTime> {
        let negative = self.accept(Tok::Operator(T_SUB));
        if !negative {
            self.accept(Tok::Operator(T_ADD));
        }
        if !matches!(self.peek(), Tok::Number | Tok::Duration) {
            return Err(self.unexpected("@", "timestamp"));
        }
        let seconds = self.number()?;
        let seconds = if negative { -seconds } else { seconds };
        let ms = (seconds * 1000.0).round();
        let distance = Duration::from_millis(ms.abs() as u64);
        let time = match ms < 0.0 {
            true => SystemTime::UNIX_EPOCH.checked_sub(distance),
            false => SystemTime::UNIX_EPOCH.checked_add(distance),
        };
        match time.filter(|_| ms.is_finite() && ms.abs() < i64::MAX as f64) {
            Some(time) => Ok(time),
            None => {
                self.early(start, format!("timestamp out of bounds for @ modifier: {seconds:.6}"));
                Ok(SystemTime::UNIX_EPOCH)
            }
        }
    }

    /// `anchored` or `smoothed`.
    fn extended(&mut self, node: Node, name: &'static str) -> Parsed<Node> {
        self.bump();
        let (before, inner) = unwrap_extended(node.expr);
        let error = match &inner {
            _ if before.is_some_and(|b| b != name) => "anchored and smoothed modifiers cannot be used together".into(),
            Expr::VectorSelector(_) | Expr::MatrixSelector(_) => String::new(),
            Expr::Subquery(_) => format!("{name} modifier is not supported for subqueries"),
            _ => format!("{name} modifier not implemented"),
        };
        if !error.is_empty() {
            self.early(node.start, error);
        }
        let depth = node.depth + usize::from(before.is_none());
        let below = vec![Place::leaf(node.start)];
        self.bounded(Node { expr: wrap_extended(inner, name), below, ..node_at(node.start, depth) })
    }
}

fn node_at(start: usize, depth: usize) -> Node {
    Node { expr: Expr::from(0.0), start, depth, below: Vec::new() }
}

/// Takes the wrapping pseudo call off a selector.
fn unwrap_extended(expr: Expr) -> (Option<&'static str>, Expr) {
    match expr {
        Expr::Call(mut call) if is_extended(&call) => match call.args.args.pop() {
            Some(arg) => (Some(call.func.name), *arg),
            None => (None, Expr::Call(call)),
        },
        other => (None, other),
    }
}

fn wrap_extended(expr: Expr, name: &'static str) -> Expr {
    let func = pseudo(name, expr.value_type());
    Expr::Call(Call { func, args: FunctionArgs::new_args(expr) })
}

fn is_extended(call: &Call) -> bool {
    matches!(call.func.name, ANCHORED | SMOOTHED)
}

/// The offset and `@` of a selector or subquery.
fn modifiers(expr: &mut Expr) -> Option<(&mut Option<Offset>, &mut Option<AtModifier>)> {
    match expr {
        Expr::VectorSelector(vs) => Some((&mut vs.offset, &mut vs.at)),
        Expr::MatrixSelector(ms) => Some((&mut ms.vs.offset, &mut ms.vs.at)),
        Expr::Subquery(subquery) => Some((&mut subquery.offset, &mut subquery.at)),
        Expr::Call(call) if is_extended(call) => call.args.args.first_mut().and_then(|arg| modifiers(arg)),
        _ => None,
    }
}

//! Duration expressions, folded to a number of milliseconds: `[5m * 2]`, `offset -(1h / 4)`, `[max_of(step(), 5s)]`.
//!
//! # Semantics
//! Seconds as f64, as Prometheus computes them; `step()` and `range()` come from the options. A literal is rounded to the
//! nearest millisecond, the result of an expression is cut to one.

use super::grammar::{Parsed, Parser};
use super::lex::{Tok, Word};
use promql_parser::parser::token::{T_ADD, T_DIV, T_MOD, T_MUL, T_POW, T_SUB};
use std::time::Duration;

/// Go's `time.Duration` ends at 2^63 nanoseconds.
const MAX_SECONDS: f64 = 9_223_372_036.854_775;

const POWER: u8 = 3;

/// What Prometheus says it expects.
pub(super) const EXPECTED: &str = "number, duration, step(), or range()";

/// A value in seconds, and whether it was written as a plain literal.
#[derive(Clone, Copy)]
struct Seconds {
    value: f64,
    literal: bool,
    start: usize,
}

impl Parser<'_> {
    /// Whether the current token can start a duration expression.
    pub(super) fn starts_duration(&self) -> bool {
        matches!(
            self.peek(),
            Tok::Number
                | Tok::Duration
                | Tok::LeftParen
                | Tok::Operator(T_ADD | T_SUB)
                | Tok::Word(Word::Step | Word::Range | Word::MaxOf | Word::MinOf)
        )
    }

    /// A range or a step: more than nothing.
    pub(super) fn positive_duration(&mut self) -> Parsed<Duration> {
        self.duration = Some(("subquery or range selector", EXPECTED));
        let seconds = self.duration_expr(0)?;
        self.duration = None;
        let ms = self.in_ms(seconds);
        if ms <= 0 {
            self.early(seconds.start, "duration must be greater than 0".to_owned());
        }
        Ok(Duration::from_millis(ms.unsigned_abs()))
    }

    /// The milliseconds after `offset`. Without parentheses it is one literal, so that `x offset -2 ^ 2` squares x.
    pub(super) fn offset_duration(&mut self) -> Parsed<i64> {
        if !self.starts_duration() {
            return Err(self.unexpected("offset", EXPECTED));
        }
        self.duration = Some(("offset", EXPECTED));
        let seconds = self.offset_seconds()?;
        self.duration = None;
        Ok(self.in_ms(seconds))
    }

    fn offset_seconds(&mut self) -> Parsed<Seconds> {
        if self.peek() == Tok::LeftParen {
            return self.duration_expr(0);
        }
        let start = self.token().start;
        let negative = self.accept(Tok::Operator(T_SUB));
        if !negative {
            self.accept(Tok::Operator(T_ADD));
        }
        let mut seconds = match self.peek() {
            Tok::Operator(T_ADD | T_SUB) => self.duration_expr(POWER)?,
            _ => self.duration_primary()?,
        };
        seconds.start = start;
        seconds.value = if negative { -seconds.value } else { seconds.value };
        Ok(seconds)
    }

    fn in_ms(&mut self, seconds: Seconds) -> i64 {
        if seconds.value.is_nan() || seconds.value.abs() > MAX_SECONDS {
            self.early(seconds.start, "duration out of range".to_owned());
            return 1;
        }
        let ms = seconds.value * 1000.0;
        if seconds.literal { ms.round() as i64 } else { ms.trunc() as i64 }
    }

    fn duration_expr(&mut self, min: u8) -> Parsed<Seconds> {
        self.deeper(|p| p.duration_chain(min))
    }

    fn duration_chain(&mut self, min: u8) -> Parsed<Seconds> {
        let mut lhs = self.duration_prefix()?;
        loop {
            let (op, binding) = match self.peek() {
                Tok::Operator(op @ (T_ADD | T_SUB)) => (op, 1),
                Tok::Operator(op @ (T_MUL | T_DIV | T_MOD)) => (op, 2),
                Tok::Operator(T_POW) => (T_POW, POWER),
                _ => return Ok(lhs),
            };
            if binding < min {
                return Ok(lhs);
            }
            let at = self.bump();
            let rhs = self.duration_expr(if binding == POWER { POWER } else { binding + 1 })?;
            let (a, b) = (lhs.value, rhs.value);
            if b == 0.0 && matches!(op, T_DIV | T_MOD) {
                let what = if op == T_DIV { "division" } else { "modulo" };
                self.early(at.start, format!("{what} by zero"));
            }
            let value = match op {
                T_ADD => a + b,
                T_SUB => a - b,
                T_MUL => a * b,
                T_DIV => a / b,
                T_MOD => a % b,
                _ => a.powf(b),
            };
            lhs = Seconds { value, literal: false, start: lhs.start };
        }
    }

    fn duration_prefix(&mut self) -> Parsed<Seconds> {
        let start = self.token().start;
        let sign = match self.peek() {
            Tok::Operator(T_ADD) => 1.0,
            Tok::Operator(T_SUB) => -1.0,
            _ => return self.duration_primary(),
        };
        self.bump();
        let operand = self.duration_expr(POWER)?;
        Ok(Seconds { value: sign * operand.value, start, ..operand })
    }

    fn duration_primary(&mut self) -> Parsed<Seconds> {
        let token = self.token();
        let folded = |value| Seconds { value, literal: false, start: token.start };
        match token.tok {
            Tok::Number | Tok::Duration => Ok(Seconds { literal: true, ..folded(self.number()?) }),
            Tok::LeftParen => {
                self.bump();
                let inner = self.duration_expr(0)?;
                self.require(Tok::RightParen, "", "")?;
                Ok(folded(inner.value))
            }
            Tok::Word(Word::Step) => self.duration_call(self.options.step_ms).map(folded),
            Tok::Word(Word::Range) => self.duration_call(self.options.range_ms).map(folded),
            Tok::Word(word @ (Word::MaxOf | Word::MinOf)) => {
                let (a, b) = self.duration_pair()?;
                Ok(folded(if word == Word::MaxOf { a.max(b) } else { a.min(b) }))
            }
            _ => Err(self.unexpected("", "")),
        }
    }

    /// `step()` or `range()`.
    fn duration_call(&mut self, ms: i64) -> Parsed<f64> {
        self.bump();
        self.require(Tok::LeftParen, "", "")?;
        self.require(Tok::RightParen, "", "")?;
        Ok(ms as f64 / 1000.0)
    }

    /// The two arguments of `max_of` or `min_of`.
    fn duration_pair(&mut self) -> Parsed<(f64, f64)> {
        self.bump();
        self.require(Tok::LeftParen, "", "")?;
        let a = self.duration_expr(0)?;
        self.require(Tok::Comma, "", "")?;
        let b = self.duration_expr(0)?;
        self.require(Tok::RightParen, "", "")?;
        Ok((a.value, b.value))
    }
}

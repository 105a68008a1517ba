//! `@`: what stands at one instant, whatever the step.
//!
//! # Semantics (Prometheus promql/engine.go, PreprocessExpr)
//! `@ start()` and `@ end()` are the first and the last step of a range query, and of a rule or an instant query the step.
//! An expression that reads at one fixed instant only, and whose functions ask for no time, is evaluated there once
//! and kept by a pin. Of a range function whose parameters change by step, the window is kept instead.
//! An expression that reads at several fixed instants is put together at the steps.
//!
//! # Errors
//! Refused: `@ start()` and `@ end()` of a rule within a subquery, because each step would need a subquery of its own; and
//! `@` in rules that read each other, because at the fixed instant a rule would wait for itself.

use super::context::{Lowering, Scope};
use super::range::Window;
use super::unit::Unit;
use super::walk::{inner, operands};
use bellwether_operators::functions::RangeFn;
use bellwether_operators::program::{Grid, NodeIdx, Op, PinnedWindow, Shape, Source};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{AtModifier, Expr};
use std::time::{Duration, SystemTime};

/// Where a selector or a subquery reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// At the step of its grid.
    Step,
    /// At one instant, ms.
    Instant(i64),
    /// At the step of the rule, from within a subquery.
    Outer,
}

/// What `@` says.
pub(super) fn at(unit: &Unit<'_>, modifier: Option<&AtModifier>, in_subquery: bool) -> At {
    let (start_ms, end_ms) = match unit.range_ms {
        Some((start_ms, end_ms)) => (At::Instant(start_ms), At::Instant(end_ms)),
        None if in_subquery => (At::Outer, At::Outer),
        None => (At::Step, At::Step),
    };
    match modifier {
        None => At::Step,
        Some(AtModifier::Start) => start_ms,
        Some(AtModifier::End) => end_ms,
        Some(AtModifier::At(time)) => At::Instant(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => millis(after),
            Err(before) => -millis(before.duration()),
        }),
    }
}

fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX / 4)
}

/// What the value of an expression depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depends {
    Nothing,
    Instant(i64),
    Step,
}

impl Depends {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, d) | (d, Self::Nothing) => d,
            (Self::Instant(a), Self::Instant(b)) if a == b => self,
            _ => Self::Step,
        }
    }

    fn of(unit: &Unit<'_>, expr: &Expr, in_subquery: bool) -> Self {
        let on = |modifier: &Option<AtModifier>| match at(unit, modifier.as_ref(), in_subquery) {
            At::Instant(at_ms) => Self::Instant(at_ms),
            At::Step | At::Outer => Self::Step,
        };
        match expr {
            Expr::VectorSelector(v) => on(&v.at),
            Expr::MatrixSelector(m) => on(&m.vs.at),
            Expr::Subquery(s) => on(&s.at),
            Expr::Call(c) if !is_timeless(c.func.name, c.args.args.first().map(|a| inner(a))) => Self::Step,
            other => {
                let parts = operands(other).into_iter().map(|e| Self::of(unit, e, in_subquery));
                parts.fold(Self::Nothing, Self::and)
            }
        }
    }
}

/// Whether a call gives the same for the same arguments at every step. An order of elements is no part of what a pin
/// keeps.
fn is_timeless(function: &str, first: Option<&Expr>) -> bool {
    match function {
        "timestamp" | "start_timestamp" => matches!(first, Some(Expr::VectorSelector(_))),
        "minute" | "hour" | "month" | "year" | "day_of_month" | "day_of_week" | "day_of_year" | "days_in_month" => {
            first.is_some()
        }
        // Of a rule, its step.
        "start" | "end" => false,
        "time" | "predict_linear" | "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => false,
        _ => true,
    }
}

impl Lowering<'_> {
    /// The instant at which a vector stands that is to be pinned.
    pub(super) fn fixed_at(&self, scope: Scope<'_>, expr: &Expr) -> Option<i64> {
        if !scope.unit.has_at || expr.value_type() != ValueType::Vector {
            return None;
        }
        match Depends::of(scope.unit, expr, scope.in_subquery) {
            Depends::Instant(at_ms) if scope.pinned_ms != Some(at_ms) => Some(at_ms),
            _ => None,
        }
    }

    fn pinned_scope<'s>(&mut self, scope: Scope<'s>, at_ms: i64, expr: &Expr) -> Scope<'s> {
        let ahead = self.ahead.at(self.catalogue, self.units, scope.unit, expr, at_ms);
        let grid = Grid {
            wait_ms: ahead.ms,
            not_before_ms: ahead.not_before_ms,
            only: Some((at_ms.saturating_sub(1), at_ms)),
            ..Grid::of_run(1, 0)
        };
        Scope { grid: self.dag.grid(grid), pinned_ms: Some(at_ms), ..scope }
    }

    /// A vector that stands at one instant.
    pub(super) fn pinned(&mut self, scope: Scope<'_>, at_ms: i64, expr: &Expr) -> Option<NodeIdx> {
        self.pinned_by(scope, at_ms, expr, |lower, there| lower.expr_at(there, expr))
    }

    /// The same with a way to lower it there.
    pub(super) fn pinned_by(
        &mut self,
        scope: Scope<'_>,
        at_ms: i64,
        expr: &Expr,
        lower: impl FnOnce(&mut Self, Scope<'_>) -> Option<NodeIdx>,
    ) -> Option<NodeIdx> {
        let there = self.pinned_scope(scope, at_ms, expr);
        let vector = lower(self, there)?;
        let text = self.text(vector).to_owned();
        let pin = self.node(there, Shape::Effect, Op::Pin { at_ms, window: None, of: 0 }, vec![vector], text.clone());
        // The pin keeps one sample of each element, with the stamp of the instant.
        let op = Op::Range {
            source: Source::Pin(pin),
            func: RangeFn::LastOverTime,
            range_ms: 1,
            offset_ms: 0,
            starts: false,
        };
        Some(self.vector(scope, op, Vec::new(), text))
    }

    /// A window that stands at one instant, of a function that does not.
    pub(super) fn pinned_window(&mut self, scope: Scope<'_>, at_ms: i64, arg: &Expr, function: &str) -> Option<Window> {
        let there = self.pinned_scope(scope, at_ms, arg);
        let Window { source, range_ms, offset_ms, text, extended } = self.window(there, arg, function)?;
        let window = Some(PinnedWindow { source, range_ms, offset_ms });
        let pin = self.node(there, Shape::Effect, Op::Pin { at_ms, window, of: 0 }, Vec::new(), text.clone());
        Some(Window { source: Source::Pin(pin), range_ms, offset_ms, text, extended })
    }

    /// Where a selector or subquery reads, seen from where it is lowered; `None` where that is refused.
    pub(super) fn reads_at(&mut self, scope: Scope<'_>, modifier: Option<&AtModifier>) -> Option<At> {
        match at(scope.unit, modifier, scope.in_subquery) {
            At::Instant(at_ms) if scope.pinned_ms == Some(at_ms) => Some(At::Step),
            At::Outer => {
                let message = "@ start() and @ end() within a subquery of a rule stand for the rule's step, and are not \
                               supported there";
                self.refuse(scope, "@", message.to_owned());
                None
            }
            found => Some(found),
        }
    }
}

/// Whether any part of an expression carries `@`.
pub(super) fn has_at(expr: &Expr) -> bool {
    let own = match expr {
        Expr::VectorSelector(v) => v.at.is_some(),
        Expr::MatrixSelector(m) => m.vs.at.is_some(),
        Expr::Subquery(s) => s.at.is_some(),
        _ => false,
    };
    own || operands(expr).into_iter().any(has_at)
}

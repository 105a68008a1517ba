//! Function calls: which file lowers which function.

use super::calendar::calendar_function;
use super::context::{Lowering, Scope};
use super::math::math_function;
use super::range::range_function;
use super::walk::inner;
use crate::promql::{ANCHORED, SMOOTHED};
use bellwether_operators::functions::{BinOp, HistogramFn, MathFn};
use bellwether_operators::program::{NodeIdx, Op, Reading, ScalarSide, Shape};
use promql_parser::parser::{Call, Expr};

impl Lowering<'_> {
    pub(super) fn call(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let name = call.func.name;
        if let Some((at, f)) = range_function(name) {
            return self.range_call(scope, call, at, f);
        }
        if let Some(f) = math_function(name) {
            return self.map_call(scope, call, f);
        }
        if let Some(f) = calendar_function(name) {
            return self.calendar_call(scope, call, f);
        }
        if let Some(f) = HistogramFn::from_name(name) {
            return self.histogram_stat(scope, call, f);
        }
        match name {
            ANCHORED | SMOOTHED => self.extended_selector(scope, call),
            "time" => Some(self.time(scope)),
            "start" | "end" | "step" | "range" => self.of_query(scope, name),
            "pi" => Some(self.number(scope, std::f64::consts::PI)),
            "max_of" => self.scalar_call(scope, call, MathFn::MaxOf),
            "min_of" => self.scalar_call(scope, call, MathFn::MinOf),
            "vector" => self.vector_of(scope, call),
            "scalar" => self.scalar_of(scope, call),
            "timestamp" => self.timestamp(scope, call),
            "start_timestamp" => self.start_timestamp(scope, call),
            "absent" => self.absent(scope, call),
            "absent_over_time" => self.absent_over_time(scope, call),
            "label_replace" => self.label_replace(scope, call),
            "label_join" => self.label_join(scope, call),
            "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => self.sort(scope, call),
            "info" => self.info(scope, call),
            "histogram_quantile" => self.histogram_quantile(scope, call),
            "histogram_fraction" => self.histogram_fraction(scope, call),
            "histogram_quantiles" => self.histogram_quantiles(scope, call),
            other => {
                for arg in &call.args.args {
                    self.look_for_errors(scope, arg);
                }
                self.unsupported(scope, other)
            }
        }
    }

    /// A function of two scalars.
    fn scalar_call(&mut self, scope: Scope<'_>, call: &Call, f: MathFn) -> Option<NodeIdx> {
        let inputs = self.args(scope, call, &[Shape::Scalar, Shape::Scalar])?;
        let text = self.call_text(call.func.name, &inputs);
        Some(self.node(scope, Shape::Scalar, Op::ScalarMap(f), inputs, text))
    }

    /// What a query was asked with, s. A rule is asked for its step alone.
    fn of_query(&mut self, scope: Scope<'_>, name: &str) -> Option<NodeIdx> {
        let interval_ms = scope.unit.interval_ms;
        let ms = match (name, scope.unit.range_ms) {
            ("start", Some((start_ms, _))) => start_ms,
            ("end", Some((_, end_ms))) => end_ms,
            ("range", Some((start_ms, end_ms))) => end_ms.saturating_sub(start_ms),
            ("step", Some((start_ms, end_ms))) if start_ms != end_ms => interval_ms,
            ("start" | "end", None) if !scope.in_subquery => return Some(self.time(scope)),
            ("start" | "end", None) => {
                let message = format!("{name}() within a subquery of a rule stands for the rule's step: not supported");
                return self.refuse(scope, name, message);
            }
            _ => 0,
        };
        Some(self.number(scope, ms as f64 / 1000.0))
    }

    /// Lowers an argument of an unsupported function for its errors only.
    fn look_for_errors(&mut self, scope: Scope<'_>, arg: &Expr) {
        match inner(arg) {
            Expr::MatrixSelector(_) | Expr::StringLiteral(_) => {}
            Expr::Subquery(s) => drop(self.expr(scope, &s.expr)),
            other => drop(self.expr(scope, other)),
        }
    }

    /// `timestamp(selector)` reads the samples' own times; of other expressions it is the evaluation instant.
    fn timestamp(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let arg = call.args.args.first()?;
        if let Expr::VectorSelector(v) = inner(arg) {
            return self.instant(scope, v, Reading::Time);
        }
        let vector = self.vector_expr(scope, arg, "timestamp")?;
        let text = self.call_text("timestamp", &[vector]);
        let time = self.time(scope);
        let one_text = format!("present({})", self.text(vector));
        let ones = self.vector(scope, Op::Map(MathFn::Present), vec![vector], one_text);
        let times = Op::Arith { op: BinOp::Mul, side: ScalarSide::Right, bool_mode: false };
        Some(self.vector(scope, times, vec![ones, time], text))
    }

    /// `start_timestamp(selector)` reads when the samples' counters began to count; of other expressions, and where start
    /// timestamps do not count, nothing is known of any.
    fn start_timestamp(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let arg = call.args.args.first()?;
        if let Expr::VectorSelector(v) = inner(arg)
            && self.options.start_timestamps
        {
            return self.instant(scope, v, Reading::StartTime);
        }
        let vector = self.vector_expr(scope, arg, "start_timestamp")?;
        let (text, zero) = (self.call_text("start_timestamp", &[vector]), self.number(scope, 0.0));
        let one_text = format!("present({})", self.text(vector));
        let ones = self.vector(scope, Op::Map(MathFn::Present), vec![vector], one_text);
        // None is.
        let are_zero = Op::Arith { op: BinOp::Eq, side: ScalarSide::Right, bool_mode: false };
        Some(self.vector(scope, are_zero, vec![ones, zero], text))
    }

    /// The arguments of a call: vectors and scalars as `shapes` says; of fewer arguments fewer.
    pub(super) fn args(&mut self, scope: Scope<'_>, call: &Call, shapes: &[Shape]) -> Option<Vec<NodeIdx>> {
        let name = call.func.name;
        let lowered: Vec<Option<NodeIdx>> = call
            .args
            .args
            .iter()
            .zip(shapes)
            .map(|(arg, shape)| match shape {
                Shape::Scalar => self.scalar_expr(scope, arg, name),
                _ => self.vector_expr(scope, arg, name),
            })
            .collect();
        lowered.into_iter().collect()
    }
}

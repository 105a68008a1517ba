//! Range functions over selectors and subqueries.
//!
//! # Semantics
//! A subquery's expression is evaluated on the grid (its step, phase 0), once an inner step, and kept in a ring;
//! the function reads the ring as it reads a series: left-open, with the subquery's offset.

use super::at::At;
use super::context::{Lowering, Scope};
use super::extended::{Extension, bare, extended_function};
use super::text;
use super::walk::{Use, offset_ms, usage};
use bellwether_operators::annotation::is_counter_name;
use bellwether_operators::functions::{Extended, ExtendedFn, RangeFn};
use bellwether_operators::program::{Grid, HISTOGRAMS, NodeIdx, Op, Shape, Source};
use promql_parser::parser::{Call, Expr, SubqueryExpr};
use std::time::Duration;

/// Position of the range vector among the arguments, and the function.
pub(super) fn range_function(name: &str) -> Option<(usize, RangeFn)> {
    let f = match name {
        "rate" => RangeFn::Rate,
        "increase" => RangeFn::Increase,
        "delta" => RangeFn::Delta,
        "irate" => RangeFn::Irate,
        "idelta" => RangeFn::Idelta,
        "changes" => RangeFn::Changes,
        "resets" => RangeFn::Resets,
        "deriv" => RangeFn::Deriv,
        "predict_linear" => RangeFn::PredictLinear,
        "avg_over_time" => RangeFn::AvgOverTime,
        "min_over_time" => RangeFn::MinOverTime,
        "max_over_time" => RangeFn::MaxOverTime,
        "sum_over_time" => RangeFn::SumOverTime,
        "count_over_time" => RangeFn::CountOverTime,
        "last_over_time" => RangeFn::LastOverTime,
        "first_over_time" => RangeFn::FirstOverTime,
        "present_over_time" => RangeFn::PresentOverTime,
        "stddev_over_time" => RangeFn::StddevOverTime,
        "stdvar_over_time" => RangeFn::StdvarOverTime,
        "quantile_over_time" => return Some((1, RangeFn::QuantileOverTime)),
        "mad_over_time" => RangeFn::MadOverTime,
        "double_exponential_smoothing" => RangeFn::DoubleExponentialSmoothing,
        "integral" => RangeFn::Integral,
        "ts_of_first_over_time" => RangeFn::TsOfFirstOverTime,
        "ts_of_last_over_time" => RangeFn::TsOfLastOverTime,
        "ts_of_min_over_time" => RangeFn::TsOfMinOverTime,
        "ts_of_max_over_time" => RangeFn::TsOfMaxOverTime,
        _ => return None,
    };
    Some((0, f))
}

fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX / 4)
}

/// A window of a range function.
pub(super) struct Window {
    pub(super) source: Source,
    pub(super) range_ms: i64,
    pub(super) offset_ms: i64,
    pub(super) text: String,
    /// What an `anchored` or `smoothed` window is itself; the one above is what it reads.
    pub(super) extended: Option<Border>,
}

/// An `anchored` or `smoothed` window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Border {
    smoothed: bool,
    range_ms: i64,
    offset_ms: i64,
}

impl Border {
    /// A function of it.
    pub(super) fn of(self, func: ExtendedFn) -> Extended {
        let Self { smoothed, range_ms, offset_ms } = self;
        Extended { func, smoothed, range_ms, offset_ms }
    }
}

impl Lowering<'_> {
    pub(super) fn range_call(&mut self, scope: Scope<'_>, call: &Call, at: usize, func: RangeFn) -> Option<NodeIdx> {
        let name = call.func.name;
        self.check_extension(scope, call.args.args.get(at)?, name)?;
        let window = call.args.args.get(at).and_then(|arg| self.window(scope, arg, name));
        let others = call.args.args.iter().enumerate().filter(|(i, _)| *i != at);
        let params: Vec<Option<NodeIdx>> = others.map(|(_, e)| self.scalar_expr(scope, e, name)).collect();
        let params: Vec<NodeIdx> = params.into_iter().collect::<Option<_>>()?;
        let window = window?;
        let mut args: Vec<String> = params.iter().map(|p| self.text(*p).to_owned()).collect();
        args.insert(at.min(args.len()), window.text);
        let func = match (window.extended, extended_function(func)) {
            (Some(border), Some(func)) => RangeFn::Extended(border.of(func)),
            _ => func,
        };
        let Window { source, range_ms, offset_ms, .. } = window;
        let starts = self.options.start_timestamps && func.reads_starts();
        let op = Op::Range { source, func, range_ms, offset_ms, starts };
        let node = self.vector(scope, op, params, format!("{name}({})", args.join(", ")));
        self.annotate_range(scope, call, node, at);
        if let Some(arg) = call.args.args.get(at) {
            self.annotate(scope, node, HISTOGRAMS, arg);
        }
        Some(node)
    }

    /// `rate` says what it has to say about names that are no counter's; a selector of a counter's name never will.
    fn annotate_range(&mut self, scope: Scope<'_>, call: &Call, node: NodeIdx, at: usize) {
        let Op::Range { source, func, .. } = &self.dag.nodes[node].op else { return };
        let counter = match source {
            Source::Selector(s) => self.dag.selectors[*s].metric_name().is_some_and(is_counter_name),
            Source::Ring(_) | Source::Pin(_) => false,
        };
        let about = match func {
            f if f.reads_counter() && !counter => (0, call.args.args.get(at)),
            RangeFn::QuantileOverTime => (1, call.args.args.first()),
            RangeFn::Integral => (1, call.args.args.get(1)),
            _ => return,
        };
        if let (operand, Some(arg)) = about {
            self.annotate(scope, node, operand, arg);
        }
    }

    pub(super) fn window(&mut self, scope: Scope<'_>, arg: &Expr, function: &str) -> Option<Window> {
        let (extension, bare) = bare(arg);
        let stands = match bare {
            Expr::MatrixSelector(m) => self.reads_at(scope, m.vs.at.as_ref())?,
            Expr::Subquery(s) => self.reads_at(scope, s.at.as_ref())?,
            _ => At::Step,
        };
        if let At::Instant(at_ms) = stands {
            return self.pinned_window(scope, at_ms, arg, function);
        }
        match bare {
            Expr::MatrixSelector(m) => {
                let plain = scope.reads(usage(&m.vs, scope.in_subquery));
                let lookback_ms = self.options.lookback_ms;
                let ahead_ms = extension.map_or(0, |e| e.ahead_ms(lookback_ms));
                let back_ms = extension.map_or(0, |_| lookback_ms);
                let used = Use { offset_ms: plain.offset_ms - ahead_ms, ..plain };
                let (range_ms, offset_ms) = (millis(m.range), plain.offset_ms);
                self.within_reach(scope, "[", range_ms.saturating_add(offset_ms).saturating_add(back_ms))?;
                let source = Source::Selector(self.selector(scope, used)?);
                let smoothed = extension == Some(Extension::Smoothed);
                let extended = extension.map(|_| Border { smoothed, range_ms, offset_ms });
                let word = extension.map_or(String::new(), |e| format!(" {}", e.word()));
                let (range, modifiers) = (text::duration(range_ms), text::modifiers(scope.pinned_ms, offset_ms));
                let text = format!("{}[{range}]{modifiers}{word}", self.source_text(source));
                let (range_ms, offset_ms) = (range_ms + back_ms + ahead_ms, used.offset_ms);
                Some(Window { source, range_ms, offset_ms, text, extended })
            }
            Expr::Subquery(s) => self.subquery(scope, s),
            other => {
                self.refuse(scope, function, format!("expected type range vector in call to function {function:?}"));
                // The argument's own errors are worth reporting with this one.
                self.expr(scope, other);
                None
            }
        }
    }

    fn subquery(&mut self, scope: Scope<'_>, s: &SubqueryExpr) -> Option<Window> {
        let step_ms = s.step.map(millis).filter(|ms| *ms > 0).unwrap_or(self.options.subquery_step_ms()).max(1);
        let (range_ms, offset_ms) = (millis(s.range), offset_ms(s.offset.as_ref()));
        self.few_inner_steps(scope, range_ms, step_ms)?;
        self.within_reach(scope, "[", range_ms.saturating_add(offset_ms))?;
        let ahead = self.ahead.of(self.catalogue, self.units, scope.unit, &s.expr, true);
        // Below a fixed instant only what its window covers is evaluated.
        let only = self.dag.grids[scope.grid].only.map(|(after_ms, upto_ms)| {
            let back_ms = range_ms.saturating_add(offset_ms);
            (after_ms.saturating_add(1).saturating_sub(back_ms), upto_ms.saturating_sub(offset_ms))
        });
        let (wait_ms, not_before_ms) = (ahead.ms, ahead.not_before_ms);
        let grid = self.dag.grid(Grid { wait_ms, not_before_ms, only, ..Grid::of_run(step_ms, 0) });
        let below = Scope { grid, in_subquery: true, pinned_ms: None, ..scope };
        let vector = self.vector_expr(below, &s.expr, "subquery")?;
        let text = self.text(vector).to_owned();
        // An effect: it writes samples, and its operand's rows are its own.
        let ring = self.node(below, Shape::Effect, Op::Ring { retain_ms: 0, of: 0 }, vec![vector], text);
        let text = format!(
            "{}[{}:{}]{}",
            self.operand(vector),
            text::duration(range_ms),
            text::duration(step_ms),
            text::modifiers(scope.pinned_ms, offset_ms)
        );
        Some(Window { source: Source::Ring(ring), range_ms, offset_ms, text, extended: None })
    }
}

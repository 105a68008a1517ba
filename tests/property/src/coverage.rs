//! What cases make use of, so that a construct which nobody generates is noticed.
//!
//! # Semantics
//! The lists are the parser's functions, the aggregations and binary operators, and the variants of [`Op`]: whoever adds
//! one must generate it, or say in [`LEFT_OUT`] why not.

use crate::case::Case;
use crate::engine::Compiled;
use bellwether_dataflow::promql::{self, Expr};
use bellwether_operators::functions::AggOp;
use bellwether_operators::program::Op;
use std::collections::BTreeSet;

/// What no case makes use of, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("function start_timestamp", "samples have no start timestamps here"),
    ("op Broadcast", "the oracle expands no query of a template"),
    ("op DropName", "the oracle drops names at once"),
];

macro_rules! variants {
    ($($variant:ident)*) => {
        /// The variants of [`Op`].
        const OPS: &[&str] = &[$(stringify!($variant)),*];

        fn name_of(op: &Op) -> &'static str {
            match op {
                $(Op::$variant { .. } => stringify!($variant),)*
            }
        }
    };
}

variants! {
    Number Time ScalarBinary ScalarMap ScalarOf VectorOf Instant Range Ring Pin Map Arith LabelReplace LabelJoin Aggregate
    TopK LimitRatio CountValues Absent HistogramQuantile HistogramFraction HistogramStat Binary Set Exchange Alert Record
    Tap Info DropName Broadcast
}

const OTHER_AGGREGATIONS: &[&str] = &["topk", "bottomk", "limitk", "limit_ratio", "count_values"];

const OPERATORS: &[&str] =
    &["+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless"];

const FEATURES: &[&str] = &[
    "@",
    "anchored",
    "bool",
    "fill_left",
    "fill_right",
    "for",
    "group_left",
    "group_right",
    "keep_firing_for",
    "limit",
    "negative offset",
    "offset",
    "query_offset",
    "smoothed",
    "subquery",
    "template",
    "unary minus",
];

/// All that cases should make use of, as `kind name`.
pub fn wanted() -> BTreeSet<String> {
    let functions = promql::function_names().map(|n| format!("function {n}"));
    let aggregations = AggOp::all().map(AggOp::name).chain(OTHER_AGGREGATIONS.iter().copied());
    let all = functions.chain(aggregations.map(|n| format!("aggregation {n}")));
    let all = all.chain(OPERATORS.iter().map(|n| format!("operator {n}")));
    let all = all.chain(OPS.iter().map(|n| format!("op {n}")));
    all.chain(FEATURES.iter().map(|n| format!("feature {n}"))).collect()
}

/// What a set of cases made use of.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// As `kind name`.
    pub seen: BTreeSet<String>,
}

impl Coverage {
    /// Takes a case in.
    pub fn add(&mut self, case: &Case, compiled: &Compiled) {
        compiled.exprs.iter().for_each(|expr| self.expr(expr));
        compiled.program.nodes.iter().for_each(|n| self.note("op", name_of(&n.op)));
        for group in &case.groups {
            self.feature(group.limit > 0, "limit");
            self.feature(group.query_offset_s > 0, "query_offset");
            for rule in &group.rules {
                self.feature(rule.for_s > 0, "for");
                self.feature(rule.keep_firing_for_s > 0, "keep_firing_for");
                self.feature(rule.is_alert && rule.labels.iter().any(|(_, v)| v.contains("{{")), "template");
            }
        }
    }

    fn note(&mut self, kind: &str, name: &str) {
        self.seen.insert(format!("{kind} {name}"));
    }

    fn feature(&mut self, is_there: bool, name: &str) {
        if is_there {
            self.note("feature", name);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        // Modifiers of selectors and subqueries are read off their text, which is in Prometheus's normal form.
        let text = expr.to_string();
        match expr {
            Expr::Aggregate(a) => {
                self.note("aggregation", &a.op.to_string());
                a.param.iter().for_each(|p| self.expr(p));
                self.expr(&a.expr);
            }
            Expr::Unary(u) => {
                self.feature(true, "unary minus");
                self.expr(&u.expr);
            }
            Expr::Binary(b) => {
                self.note("operator", &b.op.to_string());
                let fills = b.modifier.as_ref().map(|m| (m.fill_values.lhs.is_some(), m.fill_values.rhs.is_some()));
                let (left, right) = fills.unwrap_or_default();
                self.feature(left, "fill_left");
                self.feature(right, "fill_right");
                self.feature(b.return_bool(), "bool");
                self.feature(text.contains(" group_left "), "group_left");
                self.feature(text.contains(" group_right "), "group_right");
                self.expr(&b.lhs);
                self.expr(&b.rhs);
            }
            Expr::Paren(p) => self.expr(&p.expr),
            Expr::Subquery(s) => {
                self.feature(true, "subquery");
                self.expr(&s.expr);
            }
            Expr::Call(c) if [promql::ANCHORED, promql::SMOOTHED].contains(&c.func.name) => {
                self.note("feature", c.func.name);
                c.args.args.iter().for_each(|a| self.expr(a));
            }
            Expr::Call(c) => {
                self.note("function", c.func.name);
                c.args.args.iter().for_each(|a| self.expr(a));
            }
            Expr::VectorSelector(_) | Expr::MatrixSelector(_) => {
                self.feature(text.contains(" @ "), "@");
                self.feature(text.contains(" offset "), "offset");
                self.feature(text.contains(" offset -"), "negative offset");
            }
            _ => {}
        }
    }

    /// What nobody made use of and nobody left out.
    pub fn missing(&self) -> Vec<String> {
        let left_out = |name: &String| LEFT_OUT.iter().any(|(n, _)| n == name);
        wanted().into_iter().filter(|name| !self.seen.contains(name) && !left_out(name)).collect()
    }
}

//! Normal form of expressions: the text of a node, for messages and explanations.
//!
//! # Semantics
//! One space around operators, sorted matchers, parentheses around operators only where they are operands of operators.

use super::context::Lowering;
use bellwether_operators::functions::{BinOp, MathFn};
use bellwether_operators::program::{Grouping, Matcher, NodeIdx, Op, Source};
use promql_parser::util::display_duration;
use std::time::Duration;

/// A duration as PromQL writes it, with its sign.
pub(super) fn duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}", display_duration(&Duration::from_millis(ms.unsigned_abs())))
}

/// ` offset 5m`, or nothing.
pub(super) fn offset(ms: i64) -> String {
    if ms == 0 { String::new() } else { format!(" offset {}", duration(ms)) }
}

/// ` @ 100.000 offset 5m`, or less.
pub(super) fn modifiers(at_ms: Option<i64>, offset_ms: i64) -> String {
    let at = at_ms.map_or(String::new(), |ms| format!(" @ {}", crate::plan::seconds(ms)));
    format!("{at}{}", offset(offset_ms))
}

/// `name{a="b"}`.
pub(super) fn selector(matchers: &[Matcher]) -> String {
    use bellwether_operators::program::MatchOp;
    let is_name = |m: &&Matcher| m.name == bellwether_model::METRIC_NAME && m.op == MatchOp::Equal;
    let name = matchers.iter().find(is_name).filter(|_| matchers.iter().filter(is_name).count() == 1);
    let rest: Vec<String> =
        matchers.iter().filter(|m| !(name.is_some() && is_name(m))).map(ToString::to_string).collect();
    let name = name.map_or("", |m| m.value.as_str());
    if rest.is_empty() && !name.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", rest.join(",")) }
}

/// ` by (a, b)`, ` without (a)`; nothing for the empty `by`.
pub(super) fn grouping(g: &Grouping) -> String {
    match g {
        Grouping::By(l) if l.is_empty() => String::new(),
        Grouping::By(l) => format!(" by ({})", l.join(", ")),
        Grouping::Without(l) => format!(" without ({})", l.join(", ")),
    }
}

/// The sign of an operator.
pub(super) fn sign(op: BinOp) -> &'static str {
    match op {
        BinOp::Add => "+",
        BinOp::Sub => "-",
        BinOp::Mul => "*",
        BinOp::Div => "/",
        BinOp::Mod => "%",
        BinOp::Pow => "^",
        BinOp::Atan2 => "atan2",
        BinOp::Eq => "==",
        BinOp::Ne => "!=",
        BinOp::Gt => ">",
        BinOp::Lt => "<",
        BinOp::Ge => ">=",
        BinOp::Le => "<=",
        BinOp::TrimUpper => "</",
        BinOp::TrimLower => ">/",
    }
}

impl Lowering<'_> {
    /// A node's text as an operand of an operator.
    pub(super) fn operand(&self, node: NodeIdx) -> String {
        let n = &self.dag.nodes[node];
        match n.op {
            Op::Arith { .. }
            | Op::Binary { .. }
            | Op::Set { .. }
            | Op::ScalarBinary(_)
            | Op::Map(MathFn::Negate)
            | Op::ScalarMap(MathFn::Negate) => format!("({})", n.text),
            _ => n.text.clone(),
        }
    }

    /// `name(a, b)`.
    pub(super) fn call_text(&self, name: &str, args: &[NodeIdx]) -> String {
        let args: Vec<&str> = args.iter().map(|a| self.text(*a)).collect();
        format!("{name}({})", args.join(", "))
    }

    /// Text of what a window is made of.
    pub(super) fn source_text(&self, source: Source) -> String {
        match source {
            Source::Selector(s) => selector(&self.dag.selectors[s].matchers),
            Source::Ring(r) | Source::Pin(r) => self.operand(r),
        }
    }
}

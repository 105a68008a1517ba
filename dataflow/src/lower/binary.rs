//! Operators of two vectors: arithmetic, comparisons, `and`, `or`, `unless`, with their matching.

use super::aggregate::sorted;
use super::context::{Lowering, Scope};
use super::text::sign;
use crate::plan::passes::fold::number_text;
use crate::plan::set_text;
use bellwether_operators::functions::BinOp;
use bellwether_operators::program::{Cardinality, Grouping, Matching, NodeIdx, Op, SetOp};
use promql_parser::parser::token::{T_LAND, T_LOR};
use promql_parser::parser::{BinModifier, BinaryExpr, LabelModifier, VectorMatchCardinality};

/// `on` or `ignoring`; without either all labels but the name are matched.
fn match_key(modifier: Option<&BinModifier>) -> Grouping {
    match modifier.and_then(|m| m.matching.as_ref()) {
        Some(LabelModifier::Include(l)) => Grouping::By(sorted(&l.labels)),
        Some(LabelModifier::Exclude(l)) => Grouping::Without(sorted(&l.labels)),
        None => Grouping::Without(Vec::new()),
    }
}

fn key_text(key: &Grouping) -> String {
    match key {
        Grouping::By(l) => format!(" on ({})", l.join(", ")),
        Grouping::Without(l) if l.is_empty() => String::new(),
        Grouping::Without(l) => format!(" ignoring ({})", l.join(", ")),
    }
}

fn fill_text(matching: &Matching) -> String {
    let one = |name: &str, bits: Option<u64>| {
        bits.map_or(String::new(), |b| format!(" {name} ({})", number_text(f64::from_bits(b))))
    };
    match (matching.fill_left, matching.fill_right) {
        (Some(l), Some(r)) if l == r => one("fill", Some(l)),
        (l, r) => format!("{}{}", one("fill_left", l), one("fill_right", r)),
    }
}

fn cardinality(modifier: Option<&BinModifier>) -> (Cardinality, Vec<String>) {
    match modifier.map(|m| &m.card) {
        Some(VectorMatchCardinality::ManyToOne(l)) => (Cardinality::ManyToOne, sorted(&l.labels)),
        Some(VectorMatchCardinality::OneToMany(l)) => (Cardinality::OneToMany, sorted(&l.labels)),
        _ => (Cardinality::OneToOne, Vec::new()),
    }
}

impl Lowering<'_> {
    pub(super) fn binary(
        &mut self,
        scope: Scope<'_>,
        op: BinOp,
        b: &BinaryExpr,
        operands: (NodeIdx, NodeIdx),
    ) -> Option<NodeIdx> {
        let modifier = b.modifier.as_ref();
        let (card, include) = cardinality(modifier);
        let (left, right) = (operands.0, operands.1);
        let fill = |of: fn(&BinModifier) -> Option<f64>| modifier.and_then(of).map(f64::to_bits);
        let (fill_left, fill_right) = (fill(|m| m.fill_values.lhs), fill(|m| m.fill_values.rhs));
        let matching = Matching { key: match_key(modifier), card, include, fill_left, fill_right };
        let bool_mode = b.return_bool();
        let word = if bool_mode { " bool" } else { "" };
        let group = match matching.card {
            Cardinality::OneToOne => String::new(),
            Cardinality::ManyToOne => format!(" group_left ({})", matching.include.join(", ")),
            Cardinality::OneToMany => format!(" group_right ({})", matching.include.join(", ")),
        };
        let (key, fills) = (key_text(&matching.key), fill_text(&matching));
        let text = format!("{} {}{word}{key}{group}{fills} {}", self.operand(left), sign(op), self.operand(right));
        Some(self.vector(scope, Op::Binary { op, bool_mode, matching }, vec![left, right], text))
    }

    pub(super) fn set(&mut self, scope: Scope<'_>, b: &BinaryExpr, left: NodeIdx, right: NodeIdx) -> Option<NodeIdx> {
        let op = match b.op.id() {
            T_LAND => SetOp::And,
            T_LOR => SetOp::Or,
            _ => SetOp::Unless,
        };
        let key = match_key(b.modifier.as_ref());
        let (left, right) = if op == SetOp::Or { self.both_marked(scope, left, right) } else { (left, right) };
        let text = format!("{} {}{} {}", self.operand(left), set_text(op), key_text(&key), self.operand(right));
        Some(self.vector(scope, Op::Set { op, key }, vec![left, right], text))
    }
}

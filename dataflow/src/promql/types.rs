//! Prometheus's type checker, run on each node as it is built.

use super::grammar::{Node, Parsed, Parser, documented};
use super::lex::Token;
use bellwether_operators::template::quote::quote;
use promql_parser::parser::token::{T_LAND, T_LOR, T_LUNLESS, TokenId, TokenType};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{BinModifier, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality};

impl Parser<'_> {
    pub(super) fn check_unary(&mut self, operand: &Node, start: usize) {
        let found = operand.expr.value_type();
        if !matches!(found, ValueType::Scalar | ValueType::Vector) {
            let found = quote(documented(found));
            self.late(
                start,
                format!("unary expression only allowed on expressions of type scalar or instant vector, got {found}"),
            );
        }
    }

    /// Builds and checks a binary expression.
    pub(super) fn binary(
        &mut self,
        lhs: Node,
        op: TokenId,
        at: Token,
        modifier: BinModifier,
        rhs: Node,
    ) -> Parsed<Node> {
        let op = TokenType::new(op);
        let types = (lhs.expr.value_type(), rhs.expr.value_type());
        self.check_binary_modifier(op, at.start, &modifier, types);
        for (side, found) in [(&lhs, types.0), (&rhs, types.1)] {
            if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                self.late(side.start, message.to_owned());
            }
        }
        self.check_matching(op, lhs.start, &modifier, types);
        let modifier = normal_modifier(op, modifier);
        let (start, depth) = (lhs.start, lhs.depth.max(rhs.depth) + 1);
        let ((lhs, left), (rhs, right)) = (lhs.split(), rhs.split());
        let expr = BinaryExpr { op, lhs: Box::new(lhs), rhs: Box::new(rhs), modifier };
        self.bounded(Node { expr: Expr::Binary(expr), start, depth, below: vec![left, right] })
    }

    fn check_binary_modifier(
        &mut self,
        op: TokenType,
        at: usize,
        modifier: &BinModifier,
        types: (ValueType, ValueType),
    ) {
        if modifier.return_bool && !op.is_comparison_operator() {
            self.late(at, "bool modifier can only be used on comparison operators".to_owned());
        }
        let scalars = types == (ValueType::Scalar, ValueType::Scalar);
        if op.is_comparison_operator() && !modifier.return_bool && scalars {
            self.late(at, "comparisons between scalars must use BOOL modifier".to_owned());
        }
        let Some(LabelModifier::Include(on)) = &modifier.matching else { return };
        let group = modifier.card.labels().map_or(&[][..], |l| &l.labels);
        if let Some(label) = on.labels.iter().find(|l| group.contains(l)) {
            self.late(at, format!("label {} must not occur in ON and GROUP clause at once", quote(label)));
        }
    }

    fn check_matching(&mut self, op: TokenType, start: usize, modifier: &BinModifier, types: (ValueType, ValueType)) {
        let fills = modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some();
        if types != (ValueType::Vector, ValueType::Vector) {
            if modifier.is_matching_labels_not_empty() {
                self.late(start, "vector matching only allowed between instant vectors".to_owned());
            }
            if fills {
                self.late(start, "filling in missing series only allowed between instant vectors".to_owned());
            }
        } else if op.is_set_operator() {
            if modifier.card != VectorMatchCardinality::OneToOne {
                self.late(start, format!("no grouping allowed for {} operation", quote(operator_name(op))));
            }
            if fills {
                self.late(start, "filling in missing series not allowed for set operators".to_owned());
            }
        }
        if op.is_set_operator() && (types.0 == ValueType::Scalar || types.1 == ValueType::Scalar) {
            let name = quote(operator_name(op));
            self.late(start, format!("set operator {name} not allowed in binary scalar expression"));
        }
    }

    /// Checks the number of a call's arguments and their types.
    pub(super) fn check_call(&mut self, call: &Call, start: usize, arg_starts: &[usize]) {
        let (name, variadic) = (quote(call.func.name), call.func.variadic);
        let (declared, given) = (call.func.arg_types.len(), call.args.len());
        let least = declared.saturating_sub(1);
        let most = least + usize::try_from(variadic).unwrap_or(0);
        if variadic == 0 && given != declared {
            self.late(start, format!("expected {declared} argument(s) in call to {name}, got {given}"));
        } else if variadic != 0 && given < least {
            self.late(start, format!("expected at least {least} argument(s) in call to {name}, got {given}"));
        } else if variadic > 0 && given > most {
            self.late(start, format!("expected at most {most} argument(s) in call to {name}, got {given}"));
        }
        self.check_info(call, start, arg_starts);
        for (i, (arg, at)) in call.args.args.iter().zip(arg_starts).enumerate() {
            if i >= declared && variadic == 0 {
                break;
            }
            let Some(wanted) = call.func.arg_types.get(i.min(least)).copied() else { break };
            let found = arg.value_type();
            if found != wanted {
                let (wanted, found) = (documented(wanted), documented(found));
                self.late(*at, format!("expected type {wanted} in call to function {name}, got {found}"));
            }
        }
    }

    /// The second argument of `info` is a selector without a metric name.
    fn check_info(&mut self, call: &Call, start: usize, arg_starts: &[usize]) {
        let (Some(arg), "info", Some(at)) = (call.args.args.get(1), call.func.name, arg_starts.get(1)) else { return };
        let found = arg.value_type();
        if found != ValueType::Vector {
            let message =
                format!("expected type instant vector in call to function \"info\", got {}", documented(found));
            self.late(start, message);
        }
        match &**arg {
            Expr::VectorSelector(selector) if selector.name.is_none() => {}
            Expr::VectorSelector(_) => {
                self.late(*at, "expected label selectors only, got vector selector instead".to_owned());
            }
            _ => self.late(*at, "expected label selectors only".to_owned()),
        }
    }
}

/// Set operators always say many-to-many; other operators carry a modifier only if something was written.
fn normal_modifier(op: TokenType, mut modifier: BinModifier) -> Option<BinModifier> {
    if op.is_set_operator() {
        modifier.card = VectorMatchCardinality::ManyToMany;
        return Some(modifier);
    }
    (modifier != BinModifier::default()).then_some(modifier)
}

fn operator_name(op: TokenType) -> &'static str {
    match op.id() {
        T_LAND => "and",
        T_LOR => "or",
        T_LUNLESS => "unless",
        _ => "",
    }
}

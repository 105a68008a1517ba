//! Operators with a scalar operand: `1 + 2`, `foo > 5`, `5 < bool foo`.

use super::context::{Lowering, Scope};
use super::text::sign;
use crate::promql::{TRIM_LOWER, TRIM_UPPER};
use bellwether_operators::functions::BinOp;
use bellwether_operators::program::{NodeIdx, Op, ScalarSide, Shape};
use promql_parser::parser::BinaryExpr;
use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_POW,
    T_SUB, TokenId,
};

/// The operator of a token; `None` for set operators.
fn bin_op(token: TokenId) -> Option<BinOp> {
    Some(match token {
        T_ADD => BinOp::Add,
        T_SUB => BinOp::Sub,
        T_MUL => BinOp::Mul,
        T_DIV => BinOp::Div,
        T_MOD => BinOp::Mod,
        T_POW => BinOp::Pow,
        T_ATAN2 => BinOp::Atan2,
        T_EQLC => BinOp::Eq,
        T_NEQ => BinOp::Ne,
        T_GTR => BinOp::Gt,
        T_LSS => BinOp::Lt,
        T_GTE => BinOp::Ge,
        T_LTE => BinOp::Le,
        TRIM_UPPER => BinOp::TrimUpper,
        TRIM_LOWER => BinOp::TrimLower,
        _ => return None,
    })
}

impl Lowering<'_> {
    /// Any binary operator.
    pub(super) fn operator(&mut self, scope: Scope<'_>, b: &BinaryExpr) -> Option<NodeIdx> {
        let (left, right) = (self.expr(scope, &b.lhs), self.expr(scope, &b.rhs));
        let (left, right) = (left?, right?);
        let vectors = (self.shape(left) == Shape::Vector, self.shape(right) == Shape::Vector);
        match bin_op(b.op.id()) {
            Some(op) => match vectors {
                (true, true) => self.binary(scope, op, b, (left, right)),
                _ => self.with_scalar(scope, op, b, left, right),
            },
            None if !matches!(b.op.id(), T_LAND | T_LOR | T_LUNLESS) => self.unsupported(scope, &b.op.to_string()),
            None if vectors == (true, true) => self.set(scope, b, left, right),
            None => {
                let message = format!("set operator {:?} not allowed in binary scalar expression", b.op.to_string());
                self.refuse(scope, &b.op.to_string(), message)
            }
        }
    }

    fn with_scalar(
        &mut self,
        scope: Scope<'_>,
        op: BinOp,
        b: &BinaryExpr,
        left: NodeIdx,
        right: NodeIdx,
    ) -> Option<NodeIdx> {
        let bool_mode = b.return_bool();
        let word = if bool_mode { " bool" } else { "" };
        let text = format!("{} {}{word} {}", self.operand(left), sign(op), self.operand(right));
        Some(match (self.shape(left), self.shape(right)) {
            (Shape::Scalar, Shape::Scalar) if op.is_comparison() && !bool_mode => {
                let message = "comparisons between scalars must use BOOL modifier".to_owned();
                return self.refuse(scope, sign(op), message);
            }
            (Shape::Scalar, Shape::Scalar) if op.is_trim() => {
                let message = format!("operator {:?} not allowed for Scalar operations", sign(op));
                return self.refuse(scope, sign(op), message);
            }
            (Shape::Scalar, Shape::Scalar) => {
                self.node(scope, Shape::Scalar, Op::ScalarBinary(op), vec![left, right], text)
            }
            (Shape::Scalar, _) => {
                self.vector(scope, Op::Arith { op, side: ScalarSide::Left, bool_mode }, vec![right, left], text)
            }
            _ => self.vector(scope, Op::Arith { op, side: ScalarSide::Right, bool_mode }, vec![left, right], text),
        })
    }
}

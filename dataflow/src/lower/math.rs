//! Element-wise functions of a vector and scalar parameters.

use super::context::{Lowering, Scope};
use bellwether_operators::functions::MathFn;
use bellwether_operators::program::{NodeIdx, Op, Shape};
use promql_parser::parser::Call;

/// The function of that name.
pub(super) fn math_function(name: &str) -> Option<MathFn> {
    Some(match name {
        "abs" => MathFn::Abs,
        "ceil" => MathFn::Ceil,
        "floor" => MathFn::Floor,
        "exp" => MathFn::Exp,
        "ln" => MathFn::Ln,
        "log2" => MathFn::Log2,
        "log10" => MathFn::Log10,
        "sqrt" => MathFn::Sqrt,
        "sgn" => MathFn::Sgn,
        "round" => MathFn::Round,
        "clamp" => MathFn::Clamp,
        "clamp_min" => MathFn::ClampMin,
        "clamp_max" => MathFn::ClampMax,
        "sin" => MathFn::Sin,
        "cos" => MathFn::Cos,
        "tan" => MathFn::Tan,
        "asin" => MathFn::Asin,
        "acos" => MathFn::Acos,
        "atan" => MathFn::Atan,
        "sinh" => MathFn::Sinh,
        "cosh" => MathFn::Cosh,
        "tanh" => MathFn::Tanh,
        "asinh" => MathFn::Asinh,
        "acosh" => MathFn::Acosh,
        "atanh" => MathFn::Atanh,
        "deg" => MathFn::Deg,
        "rad" => MathFn::Rad,
        _ => return None,
    })
}

impl Lowering<'_> {
    pub(super) fn map_call(&mut self, scope: Scope<'_>, call: &Call, f: MathFn) -> Option<NodeIdx> {
        let inputs = self.args(scope, call, &[Shape::Vector, Shape::Scalar, Shape::Scalar])?;
        let text = self.call_text(call.func.name, &inputs);
        Some(self.vector(scope, Op::Map(f), inputs, text))
    }
}

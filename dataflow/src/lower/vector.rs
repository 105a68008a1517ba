//! `vector(s)` and `scalar(v)`.

use super::context::{Lowering, Scope};
use bellwether_operators::program::{NodeIdx, Op, Shape};
use promql_parser::parser::Call;

impl Lowering<'_> {
    pub(super) fn vector_of(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let inputs = self.args(scope, call, &[Shape::Scalar])?;
        let text = self.call_text("vector", &inputs);
        Some(self.vector(scope, Op::VectorOf, inputs, text))
    }

    pub(super) fn scalar_of(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let inputs = self.args(scope, call, &[Shape::Vector])?;
        let text = self.call_text("scalar", &inputs);
        Some(self.node(scope, Shape::Scalar, Op::ScalarOf, inputs, text))
    }
}

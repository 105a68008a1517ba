//! `histogram_quantile` over classic buckets.

use super::context::{Lowering, Scope};
use bellwether_operators::program::{NodeIdx, Op, Shape};
use promql_parser::parser::Call;

impl Lowering<'_> {
    pub(super) fn histogram_quantile(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let inputs = self.args(scope, call, &[Shape::Scalar, Shape::Vector])?;
        let text = self.call_text("histogram_quantile", &inputs);
        let node = self.vector(scope, Op::HistogramQuantile, inputs, text);
        for (operand, arg) in call.args.args.iter().enumerate() {
            self.annotate(scope, node, operand as u8, arg);
        }
        Some(node)
    }
}

//! Functions of histograms: `histogram_quantile`, `histogram_fraction`, and those that give a float of a native one.

use super::context::{Lowering, Scope};
use bellwether_operators::functions::HistogramFn;
use bellwether_operators::program::{HISTOGRAMS, NodeIdx, Op, Shape};
use promql_parser::parser::Call;

impl Lowering<'_> {
    pub(super) fn histogram_quantile(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let inputs = self.args(scope, call, &[Shape::Scalar, Shape::Vector])?;
        let text = self.call_text("histogram_quantile", &inputs);
        let node = self.vector(scope, Op::HistogramQuantile, inputs, text);
        for (operand, arg) in call.args.args.iter().enumerate() {
            self.annotate(scope, node, operand as u8, arg);
        }
        self.annotate_last(scope, node, call);
        Some(node)
    }

    pub(super) fn histogram_fraction(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let inputs = self.args(scope, call, &[Shape::Scalar, Shape::Scalar, Shape::Vector])?;
        let text = self.call_text("histogram_fraction", &inputs);
        let node = self.vector(scope, Op::HistogramFraction, inputs, text);
        self.annotate_last(scope, node, call);
        Some(node)
    }

    /// What is said of native histograms is about the last argument.
    fn annotate_last(&mut self, scope: Scope<'_>, node: NodeIdx, call: &Call) {
        if let Some(arg) = call.args.args.last() {
            self.annotate(scope, node, HISTOGRAMS, arg);
        }
    }

    pub(super) fn histogram_stat(&mut self, scope: Scope<'_>, call: &Call, f: HistogramFn) -> Option<NodeIdx> {
        let inputs = self.args(scope, call, &[Shape::Vector])?;
        let text = self.call_text(call.func.name, &inputs);
        Some(self.vector(scope, Op::HistogramStat(f), inputs, text))
    }
}

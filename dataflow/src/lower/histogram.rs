//! Functions of histograms: `histogram_quantile`, `histogram_quantiles`, `histogram_fraction`, and those that give a float
//! of a native one.
//!
//! # Semantics
//! `histogram_quantiles` is the union of `histogram_quantile` for each quantile, under a label that says which: no node of
//! its own. The label's text is known when rules are compiled, so quantiles are numbers.

use super::context::{Lowering, Scope};
use bellwether_model::is_metadata;
use bellwether_operators::functions::HistogramFn;
use bellwether_operators::program::{Grouping, HISTOGRAMS, NodeIdx, Op, SetOp, Shape};
use bellwether_operators::template::go_float;
use promql_parser::parser::Call;

/// A number as OpenMetrics writes it: always with a point or an exponent.
fn open_metrics(v: f64) -> String {
    let text = go_float(v);
    if v.is_finite() && !text.contains(['.', 'e']) { format!("{text}.0") } else { text }
}

impl Lowering<'_> {
    pub(super) fn histogram_quantiles(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let name = call.func.name;
        let [v, label, quantiles @ ..] = call.args.args.as_slice() else { return None };
        let vector = self.vector_expr(scope, v, name);
        let label = self.string(scope, Some(label), name)?;
        let qs: Vec<Option<NodeIdx>> = quantiles.iter().map(|q| self.scalar_expr(scope, q, name)).collect();
        let (vector, qs) = (vector?, qs.into_iter().collect::<Option<Vec<NodeIdx>>>()?);
        // An `or` takes elements for one that differ in the name only, as it takes those of one quantile.
        if is_metadata(&label) {
            return self.refuse(scope, name, format!("{name} under the label {label} is not supported yet"));
        }
        if (1..qs.len()).any(|i| qs[..i].contains(&qs[i])) {
            let why = "vector cannot contain metrics with the same labelset";
            return self.refuse(scope, name, format!("{name} with one quantile twice: {why}"));
        }
        let mut all: Option<NodeIdx> = None;
        for (q, written) in qs.into_iter().zip(quantiles) {
            let Op::Number(value) = self.dag.nodes[q].op else {
                let message = "histogram_quantiles with a quantile that is no number is not supported yet".to_owned();
                return self.refuse(scope, name, message);
            };
            let text = self.call_text("histogram_quantile", &[q, vector]);
            let node = self.vector(scope, Op::HistogramQuantile, vec![q, vector], text);
            self.annotate(scope, node, 0, written);
            self.annotate(scope, node, 1, v);
            self.annotate(scope, node, HISTOGRAMS, v);
            let one = self.labelled(scope, node, &label, &open_metrics(value));
            all = Some(all.map_or(one, |before| self.union(scope, before, one)));
        }
        all
    }

    /// An element with a label set.
    fn labelled(&mut self, scope: Scope<'_>, node: NodeIdx, label: &str, value: &str) -> NodeIdx {
        let text = format!("label_replace({}, {label:?}, {value:?}, \"\", \"\")", self.text(node));
        let (dst, replacement) = (label.to_owned(), value.to_owned());
        let op = Op::LabelReplace { dst, replacement, src: String::new(), regex: String::new() };
        self.vector(scope, op, vec![node], text)
    }

    fn union(&mut self, scope: Scope<'_>, left: NodeIdx, right: NodeIdx) -> NodeIdx {
        let text = format!("{} or {}", self.operand(left), self.operand(right));
        let op = Op::Set { op: SetOp::Or, key: Grouping::Without(Vec::new()) };
        self.vector(scope, op, vec![left, right], text)
    }

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
        if let Some(arg) = call.args.args.last() {
            self.annotate(scope, node, 1, arg);
        }
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

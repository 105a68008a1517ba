//! What the templates of an alert query, as operands of the alert.
//!
//! # Semantics
//! An instant query at the alert's step, lowered as a part of its rule: it sees of other rules what evaluations before the
//! rule's left. Its grid is ready when the alert's is, whatever the group's query offset, so the answer is there when
//! templates are expanded.
//!
//! # Errors
//! None of the rule: a query that cannot be compiled has its error as an answer.

use super::context::{Lowering, Scope};
use super::sort::result_order;
use super::unit::Unit;
use bellwether_operators::program::{Grid, NodeIdx, Op, Shape, TemplateQuery};

impl Lowering<'_> {
    /// The queries of a unit, and the operands behind the alert's vector that answer them.
    pub(super) fn template_queries(&mut self, unit: &Unit<'_>, of_unit: Grid) -> (Vec<TemplateQuery>, Vec<NodeIdx>) {
        let (mut queries, mut operands) = (Vec::new(), Vec::new());
        for query in &unit.queries {
            let answer = match (&query.expr, unit.asking(query)) {
                (Ok(_), Some(asking)) => self.answered(&asking, of_unit, unit.query_offset_ms),
                (Err(why), _) => Err(why.clone()),
                (Ok(_), None) => continue,
            };
            let answer = answer.map(|node| {
                operands.push(node);
                operands.len()
            });
            queries.push(TemplateQuery { text: query.text.clone(), answer });
        }
        (queries, operands)
    }

    /// The node that answers a query, or why none can.
    fn answered(&mut self, asking: &Unit<'_>, of_unit: Grid, query_offset_ms: i64) -> Result<NodeIdx, String> {
        let (errors, marked, nodes) = (self.errors.len(), self.marked[asking.index].len(), self.dag.nodes.len());
        let wait_ms = of_unit.wait_ms.saturating_sub(query_offset_ms);
        let grid = self.dag.grid(Grid { phase_ms: asking.phase_ms, wait_ms, ..of_unit });
        let scope = Scope { unit: asking, grid, in_subquery: false, pinned_ms: None };
        let result = self.expr(scope, asking.expr).map(|result| self.finished(scope, result));
        let result = result.filter(|_| self.few_nodes(scope, nodes).is_some());
        // It has places in a text of its own, and nobody to tell.
        self.marked[asking.index].truncate(marked);
        let first = self.errors.drain(errors..).next();
        let (Some(result), None) = (result, &first) else {
            return Err(first.map(|e| e.message).unwrap_or_default());
        };
        let vector = match self.shape(result) {
            Shape::Scalar => {
                let text = self.call_text("vector", &[result]);
                self.vector(scope, Op::VectorOf, vec![result], text)
            }
            _ => result,
        };
        let order = result_order(asking.expr);
        Ok(self.node(scope, Shape::Effect, Op::Broadcast(order), vec![vector], self.text(vector).to_owned()))
    }
}

//! Limits of a running program: looked at before memory is taken for a node.

use super::Evaluator;
use crate::program::{Exceeded, NodeIdx, Op, Source};

impl Evaluator {
    /// What a node would take beyond its limit, if it does.
    pub(super) fn beyond_limit(&self, n: NodeIdx) -> Option<Exceeded> {
        let node = &self.program.nodes[n];
        let limits = self.program.limits;
        let (limit, allowed, found) = match &node.op {
            Op::Instant { selector: s, .. } | Op::Range { source: Source::Selector(s), .. } => {
                ("elements", limits.elements, self.selectors[*s].elements.rows() as u64)
            }
            Op::Ring { retain_ms, .. } => {
                let step_ms = self.program.grids[node.grid].interval_ms.max(1);
                let held = (retain_ms / step_ms).max(0) as u64;
                ("samples", limits.samples, (self.view().rows(node.inputs[0]) as u64).saturating_mul(held))
            }
            _ => return None,
        };
        let (limit, expression) = (limit.to_owned(), node.text.clone());
        (found > allowed).then(|| Exceeded { limit, allowed, found, expression, rules: self.program.rules_with(n) })
    }
}

//! Leaves and row-wise nodes whose result is written to a block: selectors, range functions, element-wise functions,
//! vector-scalar operators. Their rows are their operand's.

use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::unique::Unique;
use super::view::RowScratch;
use crate::annotation::Issues;
use crate::arith::vector_scalar;
use crate::math::apply as apply_math;
use crate::native;
use crate::program::{NodeIdx, Op};
use bellwether_model::block::{ones, words};
use bellwether_model::{Block, Row, RowMut};

/// State of one row-wise node.
#[derive(Debug, Default)]
pub struct Rowwise {
    unique: Unique,
    scratch: RowScratch,
}

impl Context<'_> {
    /// Applies a row-wise node to its operand's row, in place.
    pub(super) fn apply_rowwise(&self, n: NodeIdx, mut out: RowMut<'_>) {
        let node = self.node(n);
        let mut scratch: [RowScratch; 2] = Default::default();
        let [a, b] = &mut scratch;
        match &node.op {
            Op::Map(f) => {
                let args: Vec<Row<'_>> = match node.inputs.get(1..) {
                    Some([x]) => vec![self.block_row(n, *x, 0, a)],
                    Some([x, y]) => vec![self.block_row(n, *x, 0, a), self.block_row(n, *y, 0, b)],
                    _ => Vec::new(),
                };
                native::map(*f, &args, &mut out);
                apply_math(*f, &args, out);
            }
            Op::Arith { op, side, bool_mode } => {
                let scalar = self.block_row(n, node.inputs[1], 0, a);
                let mut issues = Issues::default();
                native::vector_scalar(*op, *side, scalar, &mut out, &mut issues);
                self.note_issues(n, &issues, String::new);
                vector_scalar(*op, *side, *bool_mode, scalar, out);
            }
            Op::HistogramStat(f) => native::stat(*f, &mut out),
            _ => {}
        }
    }
}

/// The steps whose windows cannot be read, because the expression below failed at an instant that they hold.
fn kept_failures(cx: &Context<'_>, n: NodeIdx) -> Option<VerdictPart> {
    let Op::Range { source, range_ms, offset_ms, .. } = cx.node(n).op else { return None };
    let (steps, state) = (cx.steps(n), cx.states[source.sampled()?].as_ref()?);
    let failure = |i: usize| {
        let upto_ms = steps.at(i).saturating_sub(offset_ms);
        state.failure(upto_ms.saturating_sub(range_ms), upto_ms)
    };
    let mut failed = vec![0; words(steps.count)];
    (0..steps.count).filter(|i| failure(*i).is_some()).for_each(|i| failed[i / 64] |= 1 << (i % 64));
    let message = ones(&failed).next().and_then(failure)?.to_owned();
    Some(VerdictPart::failed(failed, || message))
}

impl NodeState for Rowwise {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let steps = cx.steps(n).count;
        out.reset(cx.rows(n), steps);
        for row in cx.live(n) {
            cx.compute(n, row, None, &mut self.scratch.kernel, out.row_mut(row as usize));
        }
        if !cx.node(n).fallible {
            return None;
        }
        let twice = cx.node(n).check_unique.then(|| {
            let changes = cx.changes(n, &mut self.unique.cursor);
            self.unique.follow(changes, |row| cx.is_live(n, row).then(|| cx.labels(n, row)));
            self.unique.check(out)
        });
        // In the order in which Prometheus comes to them.
        let parts = [kept_failures(cx, n), cx.refused_factors(n, &mut self.scratch), twice];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).reduce(VerdictPart::or)
    }
}

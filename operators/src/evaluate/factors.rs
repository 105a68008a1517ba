//! Which steps of a smoothing fail: those where a window has samples and the factors are none that Prometheus takes.
//!
//! # Semantics (Prometheus `funcDoubleExponentialSmoothing`)
//! The function is called for windows that hold anything, and refuses the factors before it looks at the samples. So an
//! error depends on the samples of all series, and a query without any has none.

use super::leaf::{Context, Wanted};
use super::packet::VerdictPart;
use super::view::RowScratch;
use crate::functions::{RangeFn, smoothing_refuses};
use crate::program::{NodeIdx, Op};
use bellwether_model::block::{ones, words};

impl Context<'_> {
    /// The verdict of a smoothing; `None` of any other node.
    pub(super) fn refused_factors(&self, n: NodeIdx, scratch: &mut RowScratch) -> Option<VerdictPart> {
        let node = self.node(n);
        let (Op::Range { source, func: RangeFn::DoubleExponentialSmoothing, .. }, [smoothing, trend]) =
            (&node.op, &node.inputs[..])
        else {
            return None;
        };
        let [mut a, mut b]: [RowScratch; 2] = Default::default();
        let (smoothing, trend) = (self.block_row(n, *smoothing, 0, &mut a), self.block_row(n, *trend, 0, &mut b));
        let refuses = |i: usize| smoothing_refuses(smoothing.values[i], trend.values[i]);
        let steps = self.steps(n).count;
        let mut refused = vec![0u64; words(steps)];
        (0..steps).filter(|i| refuses(*i).is_some()).for_each(|i| refused[i / 64] |= 1 << (i % 64));
        let mut failed = vec![0u64; refused.len()];
        for row in self.live(n).filter(|_| refused.iter().any(|w| *w != 0)) {
            let Some(slot) = self.slot_of(*source, row) else { continue };
            scratch.start(steps);
            let (kernel, out) = scratch.parts();
            let present = Wanted { n, func: RangeFn::PresentOverTime, row, mask: Some(&refused) };
            self.compute_source(present, (*source, slot), kernel, out);
            failed.iter_mut().zip(scratch.row().bits).for_each(|(f, b)| *f |= b);
        }
        let first = ones(&failed).next();
        Some(VerdictPart::failed(failed, || first.and_then(refuses).unwrap_or_default()))
    }
}

//! `limit_ratio(r, v)`: the share of the elements whose hash says so.
//!
//! # Semantics (Prometheus promql/engine.go, `HashRatioSampler`)
//! The hash of an element's labels over 2^64 is its place in 0 to 1. A ratio of 0 or more keeps the places below it, a
//! negative one those from `1 + r` on, so that `r` and `r - 1` keep complements. Ratios beyond -1 and 1 are cut, with a
//! warning; NaN is an error. A grouping changes nothing: each element is looked at by itself, where it is.
//!
//! # State
//! None: rows are the operand's.

use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::view::RowScratch;
use crate::annotation::invalid_ratio;
use crate::program::NodeIdx;
use bellwether_model::block::words;
use bellwether_model::xxh64::prometheus_hash;
use bellwether_model::{Block, Labels};

/// A `limit_ratio` has no memory.
#[derive(Debug, Default)]
pub struct LimitRatio {
    scratch: RowScratch,
}

/// An element's place in 0 to 1.
fn place(labels: &Labels) -> f64 {
    prometheus_hash(labels.iter()) as f64 / u64::MAX as f64
}

fn keeps(ratio: f64, place: f64) -> bool {
    if ratio >= 0.0 { place < ratio } else { place >= 1.0 + ratio }
}

impl NodeState for LimitRatio {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let (input, steps) = (cx.node(n).inputs[0], cx.steps(n).count);
        let mut scratch = RowScratch::default();
        let ratio = cx.block_row(n, cx.node(n).inputs[1], 0, &mut scratch);
        let cut = |r: f64| r.clamp(-1.0, 1.0);
        cx.note_values(n, 1, ratio, |r| r != cut(r) && !r.is_nan(), |r| invalid_ratio(r, cut(r)));
        let mut kept = vec![0u64; words(steps)];
        out.reset(cx.rows(input), steps);
        for row in cx.live(input) {
            let place = place(&cx.labels(input, row));
            kept.fill(0);
            for (step, _) in ratio.present().filter(|(_, r)| *r != 0.0 && keeps(cut(*r), place)) {
                kept[step / 64] |= 1 << (step % 64);
            }
            let values = cx.row(n, input, row, None, &mut self.scratch);
            let mut to = out.row_mut(row as usize);
            to.copy_from(values);
            to.mask(&kept);
        }
        if !cx.node(n).fallible {
            return None;
        }
        let mut failed = vec![0u64; words(steps)];
        ratio.present().filter(|(_, r)| r.is_nan()).for_each(|(step, _)| failed[step / 64] |= 1 << (step % 64));
        Some(VerdictPart::failed(failed, || "Ratio value is NaN".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_and_its_complement_share_the_elements() {
        for i in 0..200 {
            let place = place(&Labels::from_pairs([("instance", i.to_string())]));
            assert!((0.0..=1.0).contains(&place));
            for ratio in [0.1, 0.5, 0.9] {
                assert_ne!(keeps(ratio, place), keeps(ratio - 1.0, place), "{place}");
            }
        }
    }
}

//! Scalars: literals, `time()`, their operators, `scalar(v)` and `vector(s)`. A scalar is a block of one row, present at
//! every step and equal on all workers.

use super::elements::Elements;
use super::leaf::Context;
use super::node::{NodeState, Post};
use super::packet::{Packet, Payload, VerdictPart};
use super::view::RowScratch;
use crate::arith::scalar_scalar;
use crate::functions::MathFn;
use crate::math::apply as apply_math;
use crate::program::{NodeIdx, Op, Placement};
use bellwether_model::block::{all, words};
use bellwether_model::{Block, Labels, Row};

/// A scalar without memory.
#[derive(Debug, Default)]
pub struct Scalar;

impl NodeState for Scalar {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let steps = cx.steps(n);
        out.reset(1, steps.count);
        let node = cx.node(n);
        let mut row = out.row_mut(0);
        row.bits.copy_from_slice(&all(steps.count));
        let mut scratch: [RowScratch; 3] = Default::default();
        let [a, b, c] = &mut scratch;
        match &node.op {
            Op::Number(x) => row.values.fill(*x),
            Op::Time => {
                for (value, t) in row.values.iter_mut().zip(steps.iter()) {
                    *value = t as f64 / 1000.0;
                }
            }
            Op::ScalarBinary(op) => {
                let (l, r) = (cx.block_row(n, node.inputs[0], 0, a), cx.block_row(n, node.inputs[1], 0, b));
                for (i, value) in row.values.iter_mut().enumerate() {
                    *value = scalar_scalar(*op, l.values[i], r.values[i]);
                }
            }
            Op::ScalarMap(f) => {
                if let Some(first) = node.inputs.first() {
                    row.copy_from(cx.block_row(n, *first, 0, a));
                }
                let args: Vec<Row<'_>> = match node.inputs.get(1..) {
                    Some([x]) => vec![cx.block_row(n, *x, 0, b)],
                    Some([x, y]) => vec![cx.block_row(n, *x, 0, b), cx.block_row(n, *y, 0, c)],
                    _ => Vec::new(),
                };
                let f: MathFn = *f;
                apply_math(f, &args, row);
            }
            _ => {}
        }
        None
    }
}

/// `scalar(v)`: the value where exactly one element is present anywhere, else NaN.
#[derive(Debug, Default)]
pub struct ScalarOf {
    scratch: RowScratch,
}

impl NodeState for ScalarOf {
    fn send(&mut self, cx: &Context<'_>, n: NodeIdx, post: &mut Post<'_>) -> Option<VerdictPart> {
        let steps = cx.steps(n).count;
        let (mut counts, mut values) = (vec![0u32; steps], vec![0.0; steps]);
        let input = cx.node(n).inputs[0];
        for row in cx.live(input) {
            for (step, value) in cx.row(n, input, row, None, &mut self.scratch).present() {
                counts[step] += 1;
                values[step] = value;
            }
        }
        if counts.iter().any(|c| *c > 0) {
            post.broadcast(n, &Payload::Single(counts, values));
        }
        None
    }

    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let steps = cx.steps(n).count;
        out.reset(1, steps);
        let row = out.row_mut(0);
        row.bits.copy_from_slice(&all(steps));
        let mut counts = vec![0u32; steps];
        for packet in inbox {
            let Payload::Single(c, v) = packet.payload else { continue };
            for step in 0..steps.min(c.len()) {
                counts[step] += c[step];
                if c[step] == 1 {
                    row.values[step] = v[step];
                }
            }
        }
        for (value, count) in row.values.iter_mut().zip(counts) {
            if count != 1 {
                *value = f64::NAN;
            }
        }
        None
    }
}

/// `vector(s)`: one element without labels, on the owner of the empty key.
#[derive(Debug, Default)]
pub struct VectorOf {
    elements: Elements,
}

/// Whether this worker owns the empty key.
pub fn is_home(cx: &Context<'_>) -> bool {
    cx.owner(&Placement::By(Vec::new()), &Labels::empty()) == cx.worker
}

impl NodeState for VectorOf {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        if is_home(cx) && self.elements.rows() == 0 {
            self.elements.add(Labels::empty());
        }
        out.reset(self.elements.rows(), cx.steps(n).count);
        if out.rows() == 1 {
            let mut scratch = RowScratch::default();
            out.row_mut(0).copy_from(cx.block_row(n, cx.node(n).inputs[0], 0, &mut scratch));
        }
        None
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.elements)
    }
}

/// `absent(v)`: one element, on the owner of the empty key, at steps without any element anywhere.
#[derive(Debug, Default)]
pub struct Absent {
    elements: Elements,
    scratch: RowScratch,
}

impl NodeState for Absent {
    fn send(&mut self, cx: &Context<'_>, n: NodeIdx, post: &mut Post<'_>) -> Option<VerdictPart> {
        let mut any = vec![0u64; words(cx.steps(n).count)];
        let input = cx.node(n).inputs[0];
        for row in cx.live(input) {
            cx.row(n, input, row, None, &mut self.scratch).presence(&mut any);
        }
        let home = cx.owner(&Placement::By(Vec::new()), &Labels::empty());
        if any.iter().any(|w| *w != 0) {
            post.to(home, n, Payload::Presence(any));
        }
        None
    }

    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        if is_home(cx)
            && self.elements.rows() == 0
            && let Op::Absent { labels } = &cx.node(n).op
        {
            self.elements.add(Labels::from_pairs(labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))));
        }
        let steps = cx.steps(n).count;
        out.reset(self.elements.rows(), steps);
        if out.rows() == 0 {
            return None;
        }
        let row = out.row_mut(0);
        row.values.fill(1.0);
        row.bits.copy_from_slice(&all(steps));
        for packet in inbox {
            if let Payload::Presence(any) = packet.payload {
                row.bits.iter_mut().zip(any).for_each(|(b, a)| *b &= !a);
            }
        }
        None
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.elements)
    }
}

//! `and`, `or`, `unless`.
//!
//! # Semantics
//! Presence by match key and step decides; values are never combined and nothing here can fail. The left side is
//! computed first, and a fused right side only for the elements and steps at which the left side has its key.

use super::elements::Elements;
use super::groups::{GroupChange, Groups, key_of};
use super::leaf::Context;
use super::node::NodeState;
use super::packet::{Packet, VerdictPart};
use super::shared_elements::SharedElements;
use super::verdict::{put_masked, put_row};
use super::view::RowScratch;
use crate::program::{NodeIdx, Op, SetOp};
use bellwether_model::Block;
use bellwether_model::block::words;

/// State of one set operator.
#[derive(Debug, Default)]
pub struct Set {
    left: Groups,
    right: Groups,
    /// Rows of `or`: one label set may come from the left side at some steps and from the right at others.
    rows: SharedElements,
    own: [Vec<Option<u32>>; 2],
    scratch: RowScratch,
}

impl Set {
    /// `or` mints rows: one for each row of either side.
    fn follow_own(&mut self, cx: &Context<'_>, n: NodeIdx, side: usize, changes: &[GroupChange]) {
        let input = cx.node(n).inputs[side];
        for change in changes {
            match change {
                GroupChange::Restart => {
                    for row in std::mem::take(&mut self.own[side]).into_iter().flatten() {
                        self.rows.release(row);
                    }
                }
                GroupChange::Added(_, row) => {
                    let at = *row as usize;
                    if self.own[side].len() <= at {
                        self.own[side].resize(at + 1, None);
                    }
                    if self.own[side][at].is_none() && cx.is_live(input, *row) {
                        self.own[side][at] = Some(self.rows.acquire(&cx.labels(input, *row)));
                    }
                }
                GroupChange::Removed(_, row) => {
                    if let Some(own) = self.own[side].get_mut(*row as usize).and_then(Option::take) {
                        self.rows.release(own);
                    }
                }
            }
        }
    }

    /// Presence of any member of a group's rows by step.
    fn presence(&mut self, cx: &Context<'_>, n: NodeIdx, side: usize, g: u32, mask: Option<&[u64]>, any: &mut [u64]) {
        let input = cx.node(n).inputs[side];
        let groups = if side == 0 { &self.left } else { &self.right };
        for member in groups.get(g).into_iter().flat_map(|x| &x.members) {
            let row = cx.row(n, input, member.row, mask, &mut self.scratch);
            row.presence(any);
        }
    }

    fn eval_filter(&mut self, cx: &Context<'_>, n: NodeIdx, keep_matched: bool, out: &mut Block) {
        let left = cx.node(n).inputs[0];
        let steps = cx.steps(n).count;
        out.reset(cx.rows(left), steps);
        let groups: Vec<(u32, Option<u32>)> = self.left.iter().map(|(g, x)| (g, self.right.find(&x.key))).collect();
        let (mut lhs, mut rhs) = (vec![0; words(steps)], vec![0; words(steps)]);
        for (g, other) in groups {
            lhs.fill(0);
            self.presence(cx, n, 0, g, None, &mut lhs);
            if lhs.iter().all(|w| *w == 0) {
                continue;
            }
            rhs.fill(0);
            if let Some(other) = other {
                self.presence(cx, n, 1, other, Some(&lhs), &mut rhs);
            }
            let mask: Vec<u64> = rhs.iter().map(|r| if keep_matched { *r } else { !*r }).collect();
            for member in self.left.get(g).into_iter().flat_map(|x| &x.members) {
                let row = cx.row(n, left, member.row, None, &mut self.scratch);
                let mut to = out.row_mut(member.row as usize);
                to.copy_from(row);
                to.mask(&mask);
            }
        }
    }

    fn eval_or(&mut self, cx: &Context<'_>, n: NodeIdx, out: &mut Block) {
        let (left, right) = (cx.node(n).inputs[0], cx.node(n).inputs[1]);
        let steps = cx.steps(n).count;
        out.reset(self.rows.elements.rows(), steps);
        let mut twice = vec![0; words(steps)];
        for (row, own) in self.own[0].iter().enumerate() {
            let Some(own) = own else { continue };
            // A right row of the same labels has the same key: where both are present the left one counts.
            let values = cx.row(n, left, row as u32, None, &mut self.scratch);
            put_row(&mut out.row_mut(*own as usize), values, &mut twice);
        }
        let groups: Vec<(u32, Option<u32>)> = self.right.iter().map(|(g, x)| (g, self.left.find(&x.key))).collect();
        let mut lhs = vec![0; words(steps)];
        for (g, other) in groups {
            lhs.fill(0);
            if let Some(other) = other {
                self.presence(cx, n, 0, other, None, &mut lhs);
            }
            let rest: Vec<u64> = lhs.iter().map(|l| !l).collect();
            for member in self.right.get(g).into_iter().flat_map(|x| &x.members) {
                let Some(own) = self.own[1].get(member.row as usize).copied().flatten() else { continue };
                let row = cx.row(n, right, member.row, None, &mut self.scratch);
                put_masked(&mut out.row_mut(own as usize), row, &rest, &mut twice);
            }
        }
    }
}

impl NodeState for Set {
    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, _inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let Op::Set { op, key } = &cx.node(n).op else { return None };
        let inputs = &cx.node(n).inputs;
        let left = self.left.follow(cx, inputs[0], |l| key_of(key, l));
        let right = self.right.follow(cx, inputs[1], |l| key_of(key, l));
        self.left.sweep_all(&left);
        self.right.sweep_all(&right);
        match op {
            SetOp::And => self.eval_filter(cx, n, true, out),
            SetOp::Unless => self.eval_filter(cx, n, false, out),
            SetOp::Or => {
                self.follow_own(cx, n, 0, &left);
                self.follow_own(cx, n, 1, &right);
                self.eval_or(cx, n, out);
            }
        }
        None
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.rows.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.rows.elements)
    }
}

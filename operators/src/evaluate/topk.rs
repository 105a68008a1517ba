//! `topk`, `bottomk` and `limitk`: elements keep their labels; which ones are present changes by step.
//!
//! # Position
//! Where groups are local, rows are the operand's own. Else each worker sends its own best elements to the group's
//! home, which selects among them. Ties go to the lower labels, wherever the elements are: so senders and home agree.

use super::elements::Elements;
use super::exchange::{Inbound, Outbound};
use super::groups::{Groups, key_of};
use super::leaf::Context;
use super::node::{NodeState, Post};
use super::packet::{Packet, VerdictPart};
use super::view::{RowScratch, View};
use crate::aggregate::{Choice, TopK as Kernel, limit_fault};
use crate::annotation::{Issue, Issues};
use crate::program::{Grouping, NodeIdx, Op};
use bellwether_model::block::{has, words};
use bellwether_model::{Block, Row};

/// State of one `topk`.
#[derive(Debug, Default)]
pub struct TopK {
    groups: Groups,
    received: Groups,
    inbound: Inbound,
    outbound: Outbound,
    scratch: RowScratch,
}

fn spec(view: &View<'_>, n: NodeIdx) -> Option<(Choice, Grouping)> {
    match &view.node(n).op {
        Op::TopK { choice, grouping } => Some((*choice, grouping.clone())),
        _ => None,
    }
}

/// The bits by row that each group of operand rows keeps.
fn select(
    groups: &Groups,
    rows: usize,
    steps: usize,
    k: Row<'_>,
    choice: Choice,
    mut row_of: impl FnMut(u32, &mut dyn FnMut(Row<'_>)),
) -> Vec<Option<Vec<u64>>> {
    let mut kept: Vec<Option<Vec<u64>>> = vec![None; rows];
    for (_, group) in groups.iter() {
        let mut kernel = Kernel::new(choice, k, steps);
        for (rank, member) in group.members.iter().enumerate() {
            row_of(member.row, &mut |row| kernel.add(row, rank as u64));
        }
        for (step, rank) in kernel.selected() {
            let row = group.members[rank as usize].row as usize;
            let bits = kept[row].get_or_insert_with(|| vec![0; words(steps)]);
            bits[step / 64] |= 1 << (step % 64);
        }
    }
    kept
}

impl TopK {
    fn choose(&mut self, cx: &Context<'_>, n: NodeIdx, choice: Choice, grouping: &Grouping) -> Vec<Option<Vec<u64>>> {
        let input = cx.node(n).inputs[0];
        let changes = self.groups.follow_by_labels(cx, input, |l| key_of(grouping, l));
        self.groups.sweep_all(&changes);
        let mut k = RowScratch::default();
        let k = cx.block_row(n, cx.node(n).inputs[1], 0, &mut k);
        let (scratch, mut issues) = (&mut self.scratch, Issues::default());
        let kept = select(&self.groups, cx.rows(input), cx.steps(n).count, k, choice, |row, take| {
            let row = cx.row(n, input, row, None, scratch);
            for (step, _) in row.histograms.iter().filter(|_| choice != Choice::Any) {
                issues.add(*step as usize, Issue::IgnoredInChoice(choice == Choice::Least));
            }
            take(row);
        });
        cx.note_issues(n, &issues, String::new);
        kept
    }
}

/// Steps at which the limit is none; it is the same on every worker.
fn limits(view: &View<'_>, n: NodeIdx) -> Option<VerdictPart> {
    if !view.node(n).fallible {
        return None;
    }
    let mut scratch = RowScratch::default();
    let k = view.block_row(n, view.node(n).inputs[1], 0, &mut scratch);
    let faults: Vec<(usize, String)> = k.present().filter_map(|(step, k)| Some((step, limit_fault(k)?))).collect();
    let mut failed = vec![0u64; words(view.steps(n).count)];
    faults.iter().for_each(|(step, _)| failed[step / 64] |= 1 << (step % 64));
    Some(VerdictPart::failed(failed, || faults.into_iter().next().map(|f| f.1).unwrap_or_default()))
}

fn keep_only(out: &mut Block, kept: &[Option<Vec<u64>>]) {
    let none = vec![0; words(out.steps())];
    for row in 0..out.rows() {
        match kept.get(row).and_then(Option::as_ref) {
            Some(bits) => out.row_mut(row).mask(bits),
            None => out.row_mut(row).mask(&none),
        }
    }
}

impl NodeState for TopK {
    fn send(&mut self, cx: &Context<'_>, n: NodeIdx, post: &mut Post<'_>) -> Option<VerdictPart> {
        let (choice, grouping) = spec(cx, n)?;
        let home = cx.node(n).exchange.clone()?;
        let kept = self.choose(cx, n, choice, &grouping);
        let none = vec![0; words(cx.steps(n).count)];
        self.outbound.pack(cx, n, cx.node(n).inputs[0], &home, post, |row| {
            Some(kept.get(row as usize).cloned().flatten().unwrap_or_else(|| none.clone()))
        });
        None
    }

    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let (choice, grouping) = spec(cx, n)?;
        let steps = cx.steps(n).count;
        if cx.node(n).exchange.is_none() {
            let input = cx.node(n).inputs[0];
            let kept = self.choose(cx, n, choice, &grouping);
            out.reset(cx.rows(input), steps);
            for (row, bits) in kept.iter().enumerate() {
                let Some(bits) = bits else { continue };
                let values = cx.row(n, input, row as u32, Some(bits), &mut self.scratch);
                let mut to = out.row_mut(row);
                for (step, value) in values.points().filter(|(s, _)| has(bits, *s)) {
                    to.put(step, value);
                }
            }
            return limits(cx, n);
        }
        self.inbound.unpack(inbox, steps, out);
        let changes = self.received.follow_own(&self.inbound.rows.elements, |l| key_of(&grouping, l));
        self.received.sweep_all(&changes);
        let mut k = RowScratch::default();
        let k = cx.block_row(n, cx.node(n).inputs[1], 0, &mut k);
        let kept = select(&self.received, out.rows(), steps, k, choice, |row, take| take(out.row(row as usize)));
        keep_only(out, &kept);
        limits(cx, n)
    }

    fn elements(&self) -> Option<&Elements> {
        Some(&self.inbound.rows.elements)
    }

    fn elements_mut(&mut self) -> Option<&mut Elements> {
        Some(&mut self.inbound.rows.elements)
    }
}

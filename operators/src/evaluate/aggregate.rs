//! Aggregations over a fixed binary tree: `sum by (…) (v)` and its kin.
//!
//! # Semantics
//! A leaf of the tree is a shard's elements in label order; inner nodes merge their halves. So the bits of a result
//! depend neither on the number of workers, nor on arrival, nor on rows.
//!
//! # Position
//! Where a group's elements are on one worker the tree is walked to its root here. Else each worker sends the roots
//! of the aligned subtrees in its range of shards to the group's home, which merges them along the same tree.

use super::elements::Elements;
use super::groups::{GroupChange, Groups, Member, key_of};
use super::leaf::Context;
use super::node::{NodeState, Post};
use super::packet::{Packet, PartialsPayload, Payload, VerdictPart};
use super::senders::Senders;
use super::shared_elements::SharedElements;
use super::view::RowScratch;
use crate::aggregate::Partial;
use crate::annotation::{invalid_quantile, is_invalid_quantile};
use crate::functions::AggOp;
use crate::program::{Grouping, NodeIdx, Op};
use bellwether_model::{Block, Row, SHARDS, worker_shards};
use std::collections::BTreeMap;

/// Levels of the tree: `1 << LEVELS` leaves.
const LEVELS: u8 = SHARDS.trailing_zeros() as u8;

/// State of one aggregation.
#[derive(Debug, Default)]
pub struct Aggregate {
    groups: Groups,
    /// Results: by local group, or by what senders announced.
    rows: SharedElements,
    row_of_group: Vec<Option<u32>>,
    senders: Senders,
    pool: Vec<Partial>,
    scratch: RowScratch,
    /// Which groups each receiver knows, by worker.
    announced: Vec<Vec<bool>>,
}

struct Walk<'w, 'a> {
    cx: &'w Context<'a>,
    n: NodeIdx,
    input: NodeIdx,
    op: AggOp,
    steps: usize,
    pool: &'w mut Vec<Partial>,
    scratch: &'w mut RowScratch,
}

impl Walk<'_, '_> {
    fn fresh(&mut self) -> Partial {
        match self.pool.pop() {
            Some(mut p) => {
                p.reset(self.op, self.steps);
                p
            }
            None => Partial::new(self.op, self.steps),
        }
    }

    fn merged(&mut self, a: Option<Partial>, b: Option<Partial>) -> Option<Partial> {
        match (a, b) {
            (Some(mut a), Some(b)) => {
                a.merge(&b);
                self.pool.push(b);
                Some(a)
            }
            (a, b) => a.or(b),
        }
    }

    /// The root of the subtree `(level, index)` over `members`, which are all in it.
    fn subtree(&mut self, level: u8, index: usize, members: &[Member]) -> Option<Partial> {
        let (first, last) = (members.first()?, members.last()?);
        if first.shard == last.shard {
            let mut leaf = self.fresh();
            for m in members {
                let row = self.cx.row(self.n, self.input, m.row, None, self.scratch);
                if !row.is_absent() {
                    leaf.add(row);
                }
            }
            return Some(leaf);
        }
        let half = (index * 2 + 1) << (level - 1);
        let cut = members.partition_point(|m| usize::from(m.shard) < half);
        let left = self.subtree(level - 1, index * 2, &members[..cut]);
        let right = self.subtree(level - 1, index * 2 + 1, &members[cut..]);
        self.merged(left, right)
    }

    /// Merges disjoint aligned subtrees, sorted by first shard, along the tree.
    fn join(&mut self, level: u8, index: usize, parts: &mut BTreeMap<(usize, u8), Partial>) -> Option<Partial> {
        let first = index << level;
        if let Some(whole) = parts.remove(&(first, level)) {
            return Some(whole);
        }
        let none_inside = parts.range((first, 0)..(first + (1 << level), 0)).next().is_none();
        if level == 0 || none_inside {
            return None;
        }
        let left = self.join(level - 1, index * 2, parts);
        let right = self.join(level - 1, index * 2 + 1, parts);
        self.merged(left, right)
    }
}

/// The maximal aligned subtrees of a range of shards: (level, index).
fn aligned(shards: std::ops::Range<usize>) -> Vec<(u8, usize)> {
    let (mut at, mut all) = (shards.start, Vec::new());
    while at < shards.end {
        let mut level = if at == 0 { LEVELS } else { (at.trailing_zeros() as u8).min(LEVELS) };
        while at + (1 << level) > shards.end {
            level -= 1;
        }
        all.push((level, at >> level));
        at += 1 << level;
    }
    all
}

impl Aggregate {
    fn walk<'w, 'a>(
        pool: &'w mut Vec<Partial>,
        scratch: &'w mut RowScratch,
        cx: &'w Context<'a>,
        n: NodeIdx,
        op: AggOp,
    ) -> Walk<'w, 'a> {
        let node = cx.node(n);
        Walk { cx, n, input: node.inputs[0], op, steps: cx.steps(n).count, pool, scratch }
    }

    fn op(cx: &Context<'_>, n: NodeIdx) -> Option<(AggOp, Grouping)> {
        match &cx.node(n).op {
            Op::Aggregate { op, grouping } => Some((*op, grouping.clone())),
            _ => None,
        }
    }

    fn parameter<'s>(cx: &'s Context<'_>, n: NodeIdx, scratch: &'s mut RowScratch) -> Option<Row<'s>> {
        cx.node(n).inputs.get(1).map(|p| cx.block_row(n, *p, 0, scratch))
    }

    fn follow(&mut self, cx: &Context<'_>, n: NodeIdx, grouping: &Grouping) -> Vec<GroupChange> {
        self.groups.follow(cx, cx.node(n).inputs[0], |l| key_of(grouping, l))
    }

    fn eval_local(&mut self, cx: &Context<'_>, n: NodeIdx, op: AggOp, grouping: &Grouping, out: &mut Block) {
        for change in self.follow(cx, n, grouping) {
            match change {
                GroupChange::Restart => self.forget_rows(),
                GroupChange::Added(g, _) => self.ensure_row(g),
                GroupChange::Removed(g, _) => {
                    if self.groups.sweep(g)
                        && let Some(row) = self.row_of_group[g as usize].take()
                    {
                        self.rows.release(row);
                    }
                }
            }
        }
        let steps = cx.steps(n).count;
        out.reset(self.rows.elements.rows(), steps);
        let mut param = RowScratch::default();
        let param = Self::parameter(cx, n, &mut param);
        for (g, group) in self.groups.iter() {
            let Some(row) = self.row_of_group[g as usize] else { continue };
            let mut walk = Self::walk(&mut self.pool, &mut self.scratch, cx, n, op);
            if let Some(root) = walk.subtree(LEVELS, 0, &group.members) {
                if let Some(issues) = root.issues() {
                    let first = group.members.first().map(|m| m.labels.metric_name().to_owned());
                    cx.note_issues(n, &issues, || first.unwrap_or_default());
                }
                root.finish(param, out.row_mut(row as usize));
                self.pool.push(root);
            }
        }
    }

    fn ensure_row(&mut self, g: u32) {
        let at = g as usize;
        if self.row_of_group.len() <= at {
            self.row_of_group.resize(at + 1, None);
        }
        if self.row_of_group[at].is_none()
            && let Some(group) = self.groups.get(g)
        {
            self.row_of_group[at] = Some(self.rows.acquire(&group.key));
        }
    }

    fn forget_rows(&mut self) {
        for row in std::mem::take(&mut self.row_of_group).into_iter().flatten() {
            self.rows.release(row);
        }
    }

    fn eval_received(&mut self, cx: &Context<'_>, n: NodeIdx, op: AggOp, inbox: Vec<Packet>, out: &mut Block) {
        let mut parts: BTreeMap<u32, BTreeMap<(usize, u8), Partial>> = BTreeMap::new();
        for packet in inbox {
            let Payload::Partials(p) = packet.payload else { continue };
            self.senders.define(packet.from, &p.defs, &p.removed, &mut self.rows);
            for (group, level, index, partial) in p.partials {
                if let Some(row) = self.senders.row(packet.from, group) {
                    let first = usize::from(index) << level;
                    parts.entry(row).or_default().insert((first, level), partial);
                }
            }
        }
        out.reset(self.rows.elements.rows(), cx.steps(n).count);
        let mut param = RowScratch::default();
        let param = Self::parameter(cx, n, &mut param);
        for (row, mut parts) in parts {
            let mut walk = Self::walk(&mut self.pool, &mut self.scratch, cx, n, op);
            if let Some(root) = walk.join(LEVELS, 0, &mut parts) {
                if let Some(issues) = root.issues() {
                    cx.note_issues(n, &issues, String::new);
                }
                root.finish(param, out.row_mut(row as usize));
                self.pool.push(root);
            }
        }
    }
}

impl NodeState for Aggregate {
    fn send(&mut self, cx: &Context<'_>, n: NodeIdx, post: &mut Post<'_>) -> Option<VerdictPart> {
        let (op, grouping) = Self::op(cx, n)?;
        let home = cx.node(n).exchange.clone()?;
        let mut payloads: Vec<PartialsPayload> = vec![PartialsPayload::default(); post.peers()];
        self.announced.resize(post.peers(), Vec::new());
        let mut swept = Vec::new();
        for change in self.follow(cx, n, &grouping) {
            match change {
                GroupChange::Restart => {
                    for (payload, known) in payloads.iter_mut().zip(&mut self.announced) {
                        let gone = known.iter().enumerate().filter(|(_, k)| **k).map(|(g, _)| g as u32);
                        payload.removed.extend(gone);
                        known.clear();
                    }
                }
                GroupChange::Added(..) => {}
                GroupChange::Removed(g, _) => swept.push(g),
            }
        }
        for g in swept {
            if self.groups.get(g).is_some() && self.groups.sweep(g) {
                for (payload, known) in payloads.iter_mut().zip(&mut self.announced) {
                    if known.get_mut(g as usize).is_some_and(std::mem::take) {
                        payload.removed.push(g);
                    }
                }
            }
        }
        let roots = aligned(worker_shards(cx.worker, cx.peers));
        for (g, group) in self.groups.iter() {
            let to = cx.owner(&home, &group.key);
            let known = &mut self.announced[to];
            if known.len() <= g as usize {
                known.resize(g as usize + 1, false);
            }
            if !std::mem::replace(&mut known[g as usize], true) {
                payloads[to].defs.push((g, group.key.clone()));
            }
            let mut walk = Self::walk(&mut self.pool, &mut self.scratch, cx, n, op);
            for (level, index) in &roots {
                let shards = (index << level)..((index + 1) << level);
                let from = group.members.partition_point(|m| usize::from(m.shard) < shards.start);
                let upto = group.members.partition_point(|m| usize::from(m.shard) < shards.end);
                if let Some(root) = walk.subtree(*level, *index, &group.members[from..upto])
                    && !root.is_absent()
                {
                    payloads[to].partials.push((g, *level, *index as u8, root));
                }
            }
        }
        for (to, payload) in payloads.into_iter().enumerate() {
            if payload != PartialsPayload::default() {
                post.to(to, n, Payload::Partials(payload));
            }
        }
        None
    }

    fn eval(&mut self, cx: &Context<'_>, n: NodeIdx, inbox: Vec<Packet>, out: &mut Block) -> Option<VerdictPart> {
        let (op, grouping) = Self::op(cx, n)?;
        if op == AggOp::Quantile && cx.node(n).notes {
            let mut scratch = RowScratch::default();
            if let Some(q) = Self::parameter(cx, n, &mut scratch) {
                cx.note_values(n, 1, q, is_invalid_quantile, invalid_quantile);
            }
        }
        if cx.node(n).exchange.is_some() {
            self.eval_received(cx, n, op, inbox, out);
        } else {
            self.eval_local(cx, n, op, &grouping, out);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_subtrees_cover_a_range_once() {
        for (a, b) in [(0, 64), (0, 32), (21, 43), (43, 64), (63, 64), (5, 5)] {
            let covered: Vec<usize> = aligned(a..b).into_iter().flat_map(|(l, i)| (i << l)..((i + 1) << l)).collect();
            assert_eq!(covered, (a..b).collect::<Vec<_>>());
        }
        assert_eq!(aligned(0..64), [(6, 0)]);
        assert_eq!(aligned(32..64), [(5, 1)]);
    }
}

//! Verdicts: facts about a whole node at a step, on all workers.
//!
//! # Position
//! A fallible node's partial verdicts go to its home at the end of their stage; the home joins them and sends the
//! joint verdict to every worker with the next round. An error fails every rule that contains the node; it is data
//! that retracts when its cause goes, because each epoch brings new verdicts.

use super::node::Post;
use super::packet::{Payload, Verdict, VerdictPart};
use super::view::View;
use crate::program::NodeIdx;
use bellwether_model::block::{has, ones, words};
use bellwether_model::column::Entry;
use bellwether_model::{Row, RowMut};
use std::collections::BTreeMap;

/// Prometheus's words for two equal label sets in a result.
pub const SAME_LABELSET: &str = "vector cannot contain metrics with the same labelset";

/// Puts a row into another; steps that were there already are marked in `twice` and keep their first value.
pub fn put_row(out: &mut RowMut<'_>, row: Row<'_>, twice: &mut [u64]) {
    if out.as_row().is_absent() {
        out.copy_from(row);
        return;
    }
    if !(row.histograms.is_empty() && out.histograms.as_slice().is_empty()) {
        for (step, value) in row.points() {
            match out.as_row().value(step) {
                Some(_) => twice[step / 64] |= 1 << (step % 64),
                None => out.put(step, value),
            }
        }
        return;
    }
    for (w, bits) in row.bits.iter().enumerate() {
        twice[w] |= out.bits[w] & bits;
        let mut fresh = bits & !out.bits[w];
        while fresh != 0 {
            let step = w * 64 + fresh.trailing_zeros() as usize;
            fresh &= fresh - 1;
            out.set(step, row.values[step]);
        }
    }
}

/// The same of the steps of a mask only.
pub fn put_masked(out: &mut RowMut<'_>, row: Row<'_>, mask: &[u64], twice: &mut [u64]) {
    let bits: Vec<u64> = row.bits.iter().zip(mask).map(|(b, m)| b & m).collect();
    let histograms = row.histograms.iter().filter(|(step, _)| has(mask, *step as usize));
    let histograms: Vec<Entry> = histograms.cloned().collect();
    put_row(out, Row { values: row.values, bits: &bits, histograms: &histograms }, twice);
}

impl VerdictPart {
    /// A part that says only which steps failed.
    pub fn failed(failed: Vec<u64>, message: impl FnOnce() -> String) -> Self {
        let first = ones(&failed).next();
        Self { message: first.map(|s| (s as u32, message())), failed, ..Self::default() }
    }

    /// The failed steps of both; the words are those of the first step, of one step this one's.
    pub fn or(mut self, other: Self) -> Self {
        or_into(&mut self.failed, &other.failed);
        let first = |m: &Option<(u32, String)>| m.as_ref().map_or(u32::MAX, |m| m.0);
        if first(&other.message) < first(&self.message) {
            self.message = other.message;
        }
        self
    }

    /// Whether there is nothing that the home must know.
    pub fn is_empty(&self) -> bool {
        let zero = |bits: &[u64]| bits.iter().all(|w| *w == 0);
        zero(&self.failed) && zero(&self.failed_if_other) && zero(&self.other_side) && self.counts.is_empty()
    }
}

fn or_into(into: &mut Vec<u64>, bits: &[u64]) {
    if into.len() < bits.len() {
        into.resize(bits.len(), 0);
    }
    into.iter_mut().zip(bits).for_each(|(a, b)| *a |= b);
}

/// Joins the parts of all workers.
pub fn join<'a>(parts: impl IntoIterator<Item = &'a VerdictPart>) -> Verdict {
    let (mut joint, mut if_other, mut other) = (Verdict::default(), Vec::new(), Vec::new());
    for part in parts {
        or_into(&mut joint.failed, &part.failed);
        or_into(&mut if_other, &part.failed_if_other);
        or_into(&mut other, &part.other_side);
        if joint.counts.len() < part.counts.len() {
            joint.counts.resize(part.counts.len(), 0);
        }
        joint.counts.iter_mut().zip(&part.counts).for_each(|(a, b)| *a += b);
        if let Some(m) = &part.message
            && joint.message.as_ref().is_none_or(|have| m < have)
        {
            joint.message = Some(m.clone());
        }
    }
    other.resize(if_other.len(), 0);
    if_other.iter_mut().zip(&other).for_each(|(a, b)| *a &= b);
    or_into(&mut joint.failed, &if_other);
    if joint.failed.iter().all(|w| *w == 0) {
        joint.message = None;
    }
    joint
}

/// Joint verdicts of an epoch, by node.
#[derive(Debug, Default)]
pub struct Board {
    parts: BTreeMap<NodeIdx, Vec<VerdictPart>>,
    joint: BTreeMap<NodeIdx, Verdict>,
    /// Verdicts of a stepwise phase's instants, put together for later phases.
    gathered: BTreeMap<NodeIdx, Verdict>,
}

impl Board {
    /// Begins an epoch, or an instant of a stepwise phase.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.joint.clear();
        self.gathered.clear();
    }

    /// Puts a node's verdict on one instant of a stepwise phase aside, as step `at` of `steps`.
    pub fn put_aside(&mut self, n: NodeIdx, at: usize, steps: usize) {
        let Some(one) = self.joint.remove(&n) else { return };
        let all = self.gathered.entry(n).or_default();
        all.failed.resize(words(steps), 0);
        if ones(&one.failed).next().is_some() {
            all.failed[at / 64] |= 1 << (at % 64);
            let words = one.message.map(|m| m.1).unwrap_or_default();
            all.message.get_or_insert((at as u32, words));
        }
    }

    /// The stepwise phase is over: its verdicts count for whole epochs now.
    pub fn settle(&mut self) {
        self.joint.append(&mut self.gathered);
    }

    /// Sends a part to the node's home, unless it says nothing.
    pub fn send(n: NodeIdx, home: usize, part: VerdictPart, post: &mut Post<'_>) {
        if !part.is_empty() {
            post.to(home, n, Payload::Part(part));
        }
    }

    /// A part arrived at this home.
    pub fn part(&mut self, n: NodeIdx, part: VerdictPart) {
        self.parts.entry(n).or_default().push(part);
    }

    /// A joint verdict arrived.
    pub fn joint(&mut self, n: NodeIdx, verdict: Verdict) {
        self.joint.insert(n, verdict);
    }

    /// Joins what arrived and sends it to every worker.
    pub fn conclude(&mut self, post: &mut Post<'_>) {
        for (n, parts) in std::mem::take(&mut self.parts) {
            let verdict = join(&parts);
            if verdict != Verdict::default() && (verdict.message.is_some() || !verdict.counts.is_empty()) {
                post.broadcast(n, &Payload::Joint(verdict));
            }
        }
    }

    /// The joint verdict of a node, if it has anything to say.
    pub fn get(&self, n: NodeIdx) -> Option<&Verdict> {
        self.joint.get(&n)
    }

    /// Union of the failed steps of the nodes that effect `n` contains, and the words of the first of them.
    pub fn union(&self, view: &View<'_>, n: NodeIdx) -> (Vec<u64>, Option<(u32, String)>) {
        let mut failed = vec![0; words(view.steps(n).count)];
        let mut message: Option<(u32, String)> = None;
        for m in &view.node(n).verdicts {
            let Some(verdict) = self.get(*m) else { continue };
            let bits = view.bits_of(n, *m, &verdict.failed);
            if ones(&bits).next().is_none() {
                continue;
            }
            or_into(&mut failed, &bits);
            if let Some(words) = &verdict.message
                && message.as_ref().is_none_or(|have| words.0 < have.0)
            {
                message = Some(words.clone());
            }
        }
        (failed, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_counts_only_if_the_other_side_has_anything_anywhere() {
        let dup = VerdictPart { failed_if_other: vec![0b11], message: Some((0, "dup".into())), ..Default::default() };
        let other = VerdictPart { other_side: vec![0b10], ..Default::default() };
        assert_eq!(join([&dup]).failed, [0]);
        assert_eq!(join([&dup]).message, None);
        assert_eq!(join([&dup, &other]).failed, [0b10]);
        assert_eq!(join([&other, &dup]), join([&dup, &other]));
    }
}

//! Identities of a rule: the label sets under which its elements are kept, recorded or alerted on.
//!
//! # Semantics
//! Labels are written once for an element, unless a label template depends on the value: then at each present step. Two
//! elements with one identity at one step fail the rule at that step.

use super::elements::{Change, Cursor};
use super::verdict::put_row;
use super::view::{RowScratch, View};
use crate::program::NodeIdx;
use bellwether_model::block::words;
use bellwether_model::{Block, Labels};
use std::collections::HashMap;

/// One identity.
#[derive(Debug)]
pub struct Identity {
    /// Its labels.
    pub labels: Labels,
    /// Operand rows that have it, with their own labels.
    pub members: Vec<(u32, Labels)>,
}

/// All identities of a rule.
#[derive(Debug, Default)]
pub struct Identities {
    cursor: Cursor,
    by_labels: HashMap<Labels, u32>,
    list: Vec<Option<Identity>>,
    free: Vec<u32>,
    of_row: Vec<Vec<u32>>,
    live: Vec<(u32, Labels)>,
    /// Presence and values by identity, at the instants of the block.
    pub block: Block,
}

impl Identities {
    /// The number of an identity, added if it is new.
    pub fn ensure(&mut self, labels: Labels) -> u32 {
        if let Some(id) = self.by_labels.get(&labels) {
            return *id;
        }
        let identity = Some(Identity { labels: labels.clone(), members: Vec::new() });
        let id = match self.free.pop() {
            Some(id) => {
                self.list[id as usize] = identity;
                id
            }
            None => {
                self.list.push(identity);
                (self.list.len() - 1) as u32
            }
        };
        self.by_labels.insert(labels, id);
        id
    }

    fn join(&mut self, id: u32, row: u32, labels: &Labels) {
        if self.of_row.len() <= row as usize {
            self.of_row.resize(row as usize + 1, Vec::new());
        }
        if !self.of_row[row as usize].contains(&id) {
            self.of_row[row as usize].push(id);
            if let Some(identity) = self.list[id as usize].as_mut() {
                identity.members.push((row, labels.clone()));
            }
        }
    }

    fn leave(&mut self, row: u32) {
        for id in self.of_row.get_mut(row as usize).map(std::mem::take).unwrap_or_default() {
            if let Some(identity) = self.list[id as usize].as_mut() {
                identity.members.retain(|m| m.0 != row);
            }
        }
    }

    /// Follows the operand's rows and gathers their values by identity; returns the steps at which two elements have
    /// one. `write` gives the identity's labels of an element, at a step where `dynamic`.
    pub fn gather(
        &mut self,
        view: &View<'_>,
        n: NodeIdx,
        dynamic: bool,
        write: impl Fn(&Labels, i64, f64) -> Labels,
    ) -> Vec<u64> {
        let input = view.node(n).inputs[0];
        let changes = view.changes(input, &mut self.cursor);
        if changes.restart {
            (0..self.of_row.len() as u32).for_each(|row| self.leave(row));
            self.live.clear();
        }
        for change in changes.list {
            let (Change::Added(row) | Change::Removed(row)) = change;
            self.leave(row);
            self.live.retain(|(r, _)| *r != row);
            if matches!(change, Change::Added(_)) && view.is_live(input, row) {
                let labels = view.labels(input, row);
                if dynamic {
                    self.live.push((row, labels));
                } else {
                    let id = self.ensure(write(&labels, 0, 0.0));
                    self.join(id, row, &labels);
                }
            }
        }
        let steps = view.steps(n);
        let mut twice = vec![0u64; words(steps.count)];
        let mut scratch = RowScratch::default();
        if dynamic {
            self.gather_by_step(view, n, write, &mut twice, &mut scratch);
            return twice;
        }
        self.block.reset(self.list.len(), steps.count);
        for (id, identity) in self.list.iter().enumerate() {
            for (row, _) in identity.iter().flat_map(|x| &x.members) {
                let row = view.block_row(n, input, *row, &mut scratch);
                if !row.is_absent() {
                    put_row(&mut self.block.row_mut(id), row, &mut twice);
                }
            }
        }
        twice
    }

    fn gather_by_step(
        &mut self,
        view: &View<'_>,
        n: NodeIdx,
        write: impl Fn(&Labels, i64, f64) -> Labels,
        twice: &mut [u64],
        scratch: &mut RowScratch,
    ) {
        let (input, steps) = (view.node(n).inputs[0], view.steps(n));
        let mut found = Vec::new();
        for (row, labels) in std::mem::take(&mut self.live) {
            let present: Vec<(usize, f64)> = view.block_row(n, input, row, scratch).present().collect();
            for (step, value) in present {
                let id = self.ensure(write(&labels, steps.at(step), value));
                self.join(id, row, &labels);
                found.push((id, step, value));
            }
            self.live.push((row, labels));
        }
        self.block.reset(self.list.len(), steps.count);
        for (id, step, value) in found {
            let mut row = self.block.row_mut(id as usize);
            if row.as_row().get(step).is_some() {
                twice[step / 64] |= 1 << (step % 64);
            } else {
                row.set(step, value);
            }
        }
    }

    /// Number of identities, free numbers included.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// An identity.
    pub fn get(&self, id: u32) -> Option<&Identity> {
        self.list.get(id as usize)?.as_ref()
    }

    /// The operand's labels behind an identity at a step: of the member that is present there, else of the first.
    pub fn source(&self, view: &View<'_>, n: NodeIdx, id: u32, step: usize) -> Labels {
        let Some(identity) = self.get(id) else { return Labels::empty() };
        let input = view.node(n).inputs[0];
        let mut scratch = RowScratch::default();
        let members = &identity.members;
        let at = members
            .iter()
            .find(|m| members.len() == 1 || view.block_row(n, input, m.0, &mut scratch).get(step).is_some());
        at.or(members.first()).map_or_else(|| identity.labels.clone(), |m| m.1.clone())
    }

    /// Drops identities without members for which `keep` is false.
    pub fn sweep(&mut self, keep: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut gone = Vec::new();
        for id in 0..self.list.len() as u32 {
            let idle = self.get(id).is_some_and(|x| x.members.is_empty());
            if idle
                && !keep(id)
                && let Some(identity) = self.list[id as usize].take()
            {
                self.by_labels.remove(&identity.labels);
                self.free.push(id);
                gone.push(id);
            }
        }
        gone
    }
}

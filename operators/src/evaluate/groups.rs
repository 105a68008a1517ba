//! Rows grouped by a key of their labels, kept as rows come and go.
//!
//! # State
//! A group for each key that has a member; its members in canonical order: by shard, then by labels. Labels are looked
//! at when a row is first seen, never by step.

use super::elements::{Change, Changes, Cursor, Elements};
use super::view::View;
use crate::program::{Grouping, NodeIdx};
use bellwether_model::{Labels, is_metadata};
use std::collections::{BTreeMap, HashMap};

/// A row in a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Leaf of the aggregation tree; 0 where that is not what the groups are for.
    pub shard: u16,
    /// Row of the operand.
    pub row: u32,
    /// Labels of the row.
    pub labels: Labels,
}

/// A key and its members.
#[derive(Debug)]
pub struct Group {
    /// The key.
    pub key: Labels,
    /// Members by (shard, labels).
    pub members: Vec<Member>,
}

/// What happened to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// Everything that was known is void.
    Restart,
    /// A row was added to the group (which may be new).
    Added(u32, u32),
    /// A row was taken from the group; the group is still there, perhaps empty.
    Removed(u32, u32),
}

/// All groups of an operand.
#[derive(Debug, Default)]
pub struct Groups {
    cursor: Cursor,
    by_key: HashMap<Labels, u32>,
    groups: Vec<Option<Group>>,
    free: Vec<u32>,
    of_row: Vec<Option<(u32, Labels, u16)>>,
    /// Groups with unsorted members at their end, with the number of sorted ones.
    dirty: BTreeMap<u32, usize>,
}

/// Up to so many new members are inserted one by one; more are appended and sorted, because each insertion moves the
/// members behind it.
const INSERT_AT_MOST: usize = 8;

/// The key of a label set.
pub fn key_of(grouping: &Grouping, labels: &Labels) -> Labels {
    match grouping {
        Grouping::By(names) => labels.filter(|n| names.iter().any(|x| x == n)),
        Grouping::Without(names) => labels.filter(|n| !is_metadata(n) && !names.iter().any(|x| x == n)),
    }
}

impl Groups {
    /// Follows the rows of operand `n`. Groups that lost their last member stay, empty, until [`Groups::sweep`].
    pub fn follow(&mut self, view: &View<'_>, n: NodeIdx, key: impl Fn(&Labels) -> Labels) -> Vec<GroupChange> {
        let changes = view.changes(n, &mut self.cursor);
        let placement = &view.node(n).placement;
        self.take_changes(changes, key, |row| {
            let labels = view.is_live(n, row).then(|| view.labels(n, row))?;
            let shard = view.shard(placement, &labels) as u16;
            Some((labels, shard))
        })
    }

    /// The same with members by labels alone, wherever they are.
    pub fn follow_by_labels(
        &mut self,
        view: &View<'_>,
        n: NodeIdx,
        key: impl Fn(&Labels) -> Labels,
    ) -> Vec<GroupChange> {
        let changes = view.changes(n, &mut self.cursor);
        self.take_changes(changes, key, |row| Some((view.is_live(n, row).then(|| view.labels(n, row))?, 0)))
    }

    /// Follows elements that the node itself holds; members by labels alone.
    pub fn follow_own(&mut self, elements: &Elements, key: impl Fn(&Labels) -> Labels) -> Vec<GroupChange> {
        let changes = elements.changes(&mut self.cursor);
        self.take_changes(changes, key, |row| Some((elements.get(row)?.clone(), 0)))
    }

    fn take_changes(
        &mut self,
        changes: Changes,
        key: impl Fn(&Labels) -> Labels,
        look: impl Fn(u32) -> Option<(Labels, u16)>,
    ) -> Vec<GroupChange> {
        let mut done = Vec::new();
        if changes.restart {
            if !self.groups.is_empty() {
                done.push(GroupChange::Restart);
            }
            self.by_key.clear();
            self.groups.clear();
            self.free.clear();
            self.of_row.clear();
            self.dirty.clear();
        }
        for change in changes.list {
            match change {
                // A row that came and went again between two looks has no labels any more.
                Change::Added(row) => {
                    let Some((labels, shard)) = look(row) else { continue };
                    done.extend(self.take(row));
                    done.push(self.put(row, labels, shard, &key));
                }
                Change::Removed(row) => done.extend(self.take(row)),
            }
        }
        self.sort_dirty();
        done
    }

    fn sort_dirty(&mut self) {
        for (g, sorted) in std::mem::take(&mut self.dirty) {
            let Some(group) = self.groups[g as usize].as_mut() else { continue };
            let members = &mut group.members;
            if members.len() - sorted > INSERT_AT_MOST {
                members.sort_by(|a, b| (a.shard, &a.labels).cmp(&(b.shard, &b.labels)));
                continue;
            }
            for m in members.split_off(sorted) {
                let at = members.partition_point(|x| (x.shard, &x.labels) <= (m.shard, &m.labels));
                members.insert(at, m);
            }
        }
    }

    fn put(&mut self, row: u32, labels: Labels, shard: u16, key: impl Fn(&Labels) -> Labels) -> GroupChange {
        let key = key(&labels);
        let g = match self.by_key.get(&key) {
            Some(g) => *g,
            None => {
                let group = Some(Group { key: key.clone(), members: Vec::new() });
                let g = match self.free.pop() {
                    Some(g) => {
                        self.groups[g as usize] = group;
                        g
                    }
                    None => {
                        self.groups.push(group);
                        (self.groups.len() - 1) as u32
                    }
                };
                self.by_key.insert(key, g);
                g
            }
        };
        if let Some(group) = self.groups[g as usize].as_mut() {
            self.dirty.entry(g).or_insert(group.members.len());
            group.members.push(Member { shard, row, labels: labels.clone() });
        }
        let at = row as usize;
        if self.of_row.len() <= at {
            self.of_row.resize(at + 1, None);
        }
        self.of_row[at] = Some((g, labels, shard));
        GroupChange::Added(g, row)
    }

    fn take(&mut self, row: u32) -> Option<GroupChange> {
        let (g, labels, shard) = self.of_row.get_mut(row as usize)?.take()?;
        let group = self.groups[g as usize].as_mut()?;
        let sorted = self.dirty.get(&g).copied().unwrap_or(group.members.len());
        let from = group.members[..sorted].partition_point(|m| (m.shard, &m.labels) < (shard, &labels));
        let at = group.members[from..].iter().position(|m| m.row == row)? + from;
        group.members.remove(at);
        if at < sorted
            && let Some(sorted) = self.dirty.get_mut(&g)
        {
            *sorted -= 1;
        }
        Some(GroupChange::Removed(g, row))
    }

    /// Drops a group if it is empty; returns whether it did.
    pub fn sweep(&mut self, g: u32) -> bool {
        let empty = self.groups[g as usize].as_ref().is_some_and(|x| x.members.is_empty());
        if empty && let Some(group) = self.groups[g as usize].take() {
            self.by_key.remove(&group.key);
            self.free.push(g);
        }
        empty
    }

    /// Drops the groups that changes left empty: for readers that keep nothing by group.
    pub fn sweep_all(&mut self, changes: &[GroupChange]) {
        for change in changes {
            if let GroupChange::Removed(g, _) = change {
                self.sweep(*g);
            }
        }
    }

    /// The group of a key.
    pub fn find(&self, key: &Labels) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// A group.
    pub fn get(&self, g: u32) -> Option<&Group> {
        self.groups.get(g as usize)?.as_ref()
    }

    /// The member of a row.
    pub fn member(&self, row: u32) -> Option<Member> {
        let (_, labels, shard) = self.of_row.get(row as usize)?.as_ref()?;
        Some(Member { shard: *shard, row, labels: labels.clone() })
    }

    /// Group numbers in use, in order of creation or reuse.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Group)> {
        self.groups.iter().enumerate().filter_map(|(g, x)| Some((g as u32, x.as_ref()?)))
    }
}

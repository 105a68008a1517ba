//! Identities of a rule: the label sets under which its elements are kept, recorded or alerted on.
//!
//! # Semantics
//! Labels are written once for an element, unless a label template depends on the value: then at each present step. Two
//! elements with one identity at one step fail the rule at that step.
//!
//! # State
//! An identity for each label set that an element has at some step of the last block, or that the rule still needs
//! (an alert that fires, a recorded series that is read): most elements of most rules are never present and cost nothing.

use super::elements::{Change, Changes, Cursor};
use super::verdict::put_row;
use super::view::{RowScratch, View};
use crate::program::NodeIdx;
use bellwether_model::block::words;
use bellwether_model::{Block, Labels, Value};
use std::collections::HashMap;

/// One identity.
#[derive(Debug)]
pub struct Identity {
    /// Its labels.
    pub labels: Labels,
    /// Operand rows that have it at some step of the last block, with their own labels.
    pub members: Vec<(u32, Labels)>,
}

/// All identities of a rule.
#[derive(Debug, Default)]
pub struct Identities {
    cursor: Cursor,
    by_labels: HashMap<Labels, u32>,
    list: Vec<Option<Identity>>,
    free: Vec<u32>,
    /// (operand row, identity) of all members, ascending.
    joined: Vec<(u32, u32)>,
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

    /// The number of an identity, if it is known.
    pub fn find(&self, labels: &Labels) -> Option<u32> {
        self.by_labels.get(labels).copied()
    }

    fn join(&mut self, id: u32, row: u32, labels: &Labels) {
        if let Some(identity) = self.list[id as usize].as_mut() {
            // Nearly all have one member.
            identity.members.reserve_exact(1);
            identity.members.push((row, labels.clone()));
        }
    }

    fn leave(&mut self, id: u32, row: u32) {
        if let Some(identity) = self.list[id as usize].as_mut() {
            identity.members.retain(|m| m.0 != row);
        }
    }

    /// Rows whose element is another one now are no members any more.
    fn forget(&mut self, changes: Changes) {
        if changes.restart {
            self.forget_all();
        }
        if self.joined.is_empty() {
            return;
        }
        let mut rows: Vec<u32> = changes.list.iter().map(|(Change::Added(row) | Change::Removed(row))| *row).collect();
        rows.sort_unstable();
        let (gone, stay) = std::mem::take(&mut self.joined).into_iter().partition(|m| rows.binary_search(&m.0).is_ok());
        self.joined = stay;
        gone.into_iter().for_each(|(row, id)| self.leave(id, row));
    }

    fn forget_all(&mut self) {
        for (row, id) in std::mem::take(&mut self.joined) {
            self.leave(id, row);
        }
    }

    /// Gathers the operand's values by identity; returns the steps at which two elements have one. `write` gives the
    /// identity's labels of an element, at a step where `dynamic`.
    pub fn gather(
        &mut self,
        view: &View<'_>,
        n: NodeIdx,
        dynamic: bool,
        write: impl Fn(&Labels, i64, &Value) -> Labels,
    ) -> Vec<u64> {
        let changes = view.changes(view.node(n).inputs[0], &mut self.cursor);
        self.forget(changes);
        if dynamic {
            self.gather_by_step(view, n, write)
        } else {
            self.join_present(view, n, |labels| write(labels, 0, &Value::Float(0.0)));
            self.gather_whole(view, n)
        }
    }

    /// Makes members of the rows that are present at some step, and of no others.
    fn join_present(&mut self, view: &View<'_>, n: NodeIdx, write: impl Fn(&Labels) -> Labels) {
        let input = view.node(n).inputs[0];
        let mut before = std::mem::take(&mut self.joined).into_iter().peekable();
        let mut scratch = RowScratch::default();
        for row in 0..view.block_rows(input) as u32 {
            let known = before.next_if(|m| m.0 == row);
            let absent = view.block_row(n, input, row, &mut scratch).is_absent();
            match known {
                Some((_, id)) if absent => self.leave(id, row),
                Some(member) => self.joined.push(member),
                None if absent || !view.is_live(input, row) => {}
                None => {
                    let labels = view.labels(input, row);
                    let id = self.ensure(write(&labels));
                    self.join(id, row, &labels);
                    self.joined.push((row, id));
                }
            }
        }
        before.for_each(|(row, id)| self.leave(id, row));
    }

    fn gather_whole(&mut self, view: &View<'_>, n: NodeIdx) -> Vec<u64> {
        let (input, steps) = (view.node(n).inputs[0], view.steps(n));
        let mut twice = vec![0u64; words(steps.count)];
        let mut scratch = RowScratch::default();
        self.block.reset(self.list.len(), steps.count);
        for (row, id) in &self.joined {
            let row = view.block_row(n, input, *row, &mut scratch);
            put_row(&mut self.block.row_mut(*id as usize), row, &mut twice);
        }
        twice
    }

    fn gather_by_step(
        &mut self,
        view: &View<'_>,
        n: NodeIdx,
        write: impl Fn(&Labels, i64, &Value) -> Labels,
    ) -> Vec<u64> {
        let (input, steps) = (view.node(n).inputs[0], view.steps(n));
        self.forget_all();
        let mut scratch = RowScratch::default();
        let mut found = Vec::new();
        for row in 0..view.block_rows(input) as u32 {
            let values = view.block_row(n, input, row, &mut scratch);
            if values.is_absent() || !view.is_live(input, row) {
                continue;
            }
            let (labels, of_row) = (view.labels(input, row), self.joined.len());
            for (step, value) in values.points() {
                let id = self.ensure(write(&labels, steps.at(step), &value));
                if !self.joined[of_row..].contains(&(row, id)) {
                    self.join(id, row, &labels);
                    self.joined.push((row, id));
                }
                found.push((id, step, value));
            }
        }
        self.block.reset(self.list.len(), steps.count);
        let mut twice = vec![0u64; words(steps.count)];
        for (id, step, value) in found {
            let mut row = self.block.row_mut(id as usize);
            if row.as_row().value(step).is_some() {
                twice[step / 64] |= 1 << (step % 64);
            } else {
                row.put(step, value);
            }
        }
        twice
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
            .find(|m| members.len() == 1 || view.block_row(n, input, m.0, &mut scratch).value(step).is_some());
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
        self.shrink();
        gone
    }

    /// After a burst the numbers at the end are free: they go.
    fn shrink(&mut self) {
        let used = self.list.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        if used < self.list.len() {
            self.list.truncate(used);
            self.free.retain(|id| (*id as usize) < used);
            self.list.shrink_to(2 * used);
            self.by_labels.shrink_to(2 * used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::elements::Elements;
    use super::super::leaf::Context;
    use super::super::node::NodeState;
    use super::super::packet::{Packet, VerdictPart};
    use super::super::view::{Owner, RowsOf};
    use super::*;
    use crate::program::{Grid, Node, Op, Program, Shape};
    use bellwether_model::StepRange;

    /// A node that has elements and nothing else.
    #[derive(Debug, Default)]
    struct Rows(Elements);

    impl NodeState for Rows {
        fn eval(&mut self, _: &Context<'_>, _: NodeIdx, _: Vec<Packet>, _: &mut Block) -> Option<VerdictPart> {
            None
        }
        fn elements(&self) -> Option<&Elements> {
            Some(&self.0)
        }
        fn elements_mut(&mut self) -> Option<&mut Elements> {
            Some(&mut self.0)
        }
    }

    /// A rule over elements `a`, `b`; its identities are the elements' `a`, with the value where they are dynamic.
    struct Rule {
        program: Program,
        states: Vec<Option<Box<dyn NodeState>>>,
        identities: Identities,
        dynamic: bool,
    }

    impl Rule {
        fn new(elements: &[(&str, &str)], dynamic: bool) -> Self {
            let node = |inputs| Node::new(0, Op::Time, inputs, 0, Shape::Vector, String::new());
            let grids = vec![Grid::of_run(1, 0)];
            let program = Program { nodes: vec![node(Vec::new()), node(vec![0])], grids, ..Program::default() };
            let states = vec![Some(Box::<Rows>::default() as Box<dyn NodeState>), None];
            let mut rule = Self { program, states, identities: Identities::default(), dynamic };
            for (a, b) in elements {
                rule.rows(|rows| rows.add(Labels::from_pairs([("a", a), ("b", b)])));
            }
            rule
        }

        fn rows<T>(&mut self, f: impl FnOnce(&mut Elements) -> T) -> Option<T> {
            self.states[0].as_mut().and_then(|s| s.elements_mut()).map(f)
        }

        /// A block of four steps with what is present in it, as (row, steps). Returns the bits of the steps that fail, and
        /// the identities that are left, with the number of their members.
        fn block(&mut self, present: &[(u32, &[usize])]) -> (u64, Vec<(String, usize)>) {
            let mut block = Block::with_rows(self.rows(|rows| rows.rows()).unwrap_or(0), 4);
            for (row, steps) in present {
                steps.iter().for_each(|s| block.row_mut(*row as usize).set(*s, *s as f64));
            }
            let own = RowsOf { owner: Owner::Node(0), drop_name: false };
            let view = View {
                program: &self.program,
                states: &self.states,
                rows_of: &[own, own],
                selectors: &[],
                blocks: &[block, Block::default()],
                steps: &[StepRange { first_ms: 0, interval_ms: 1, count: 4 }],
                subs: &[],
                instant: None,
                worker: 0,
                peers: 1,
            };
            let dynamic = self.dynamic;
            let twice = self.identities.gather(&view, 1, dynamic, |labels, _, value| {
                let mut b = labels.filter(|n| n == "a").to_builder();
                b.set("v", &if dynamic { value.float().to_string() } else { String::new() });
                b.build()
            });
            self.identities.sweep(|_| false);
            let list = self.identities.list.iter().flatten();
            (twice[0], list.map(|x| (x.labels.to_string(), x.members.len())).collect())
        }
    }

    fn left(list: &[(&str, usize)]) -> Vec<(String, usize)> {
        list.iter().map(|(labels, members)| ((*labels).to_owned(), *members)).collect()
    }

    /// A rule that minted an identity for each element, present or not, took 600 bytes for each series that it read.
    #[test]
    fn an_element_that_is_not_present_has_no_identity() {
        let mut rule = Rule::new(&[("x", "1"), ("y", "1"), ("x", "2")], false);
        assert_eq!(rule.block(&[]), (0, left(&[])));
        assert_eq!(rule.block(&[(1, &[3])]), (0, left(&[("{a=\"y\"}", 1)])));
        assert_eq!(rule.block(&[(0, &[0]), (2, &[1])]), (0, left(&[("{a=\"x\"}", 2)])));
        assert_eq!(rule.block(&[]), (0, left(&[])));
        assert!(rule.identities.list.is_empty() && rule.identities.free.is_empty(), "nothing is left");
    }

    #[test]
    fn two_elements_with_one_identity_at_one_step_fail_it() {
        let mut rule = Rule::new(&[("x", "1"), ("x", "2")], false);
        assert_eq!(rule.block(&[(0, &[0, 1]), (1, &[1, 2])]).0, 0b0010);
        assert_eq!(rule.block(&[(0, &[0, 1]), (1, &[2, 3])]).0, 0);
        assert_eq!(rule.block(&[(0, &[0]), (1, &[0])]).0, 0b0001);
    }

    #[test]
    fn a_row_whose_element_changed_has_the_new_one_s_identity() {
        let mut rule = Rule::new(&[("x", "1"), ("y", "1")], false);
        rule.block(&[(0, &[0]), (1, &[0])]);
        rule.rows(|rows| {
            rows.remove(0);
            rows.add(Labels::from_pairs([("a", "z")]))
        });
        assert_eq!(rule.block(&[(0, &[0]), (1, &[0])]).1, left(&[("{a=\"y\"}", 1), ("{a=\"z\"}", 1)]));
        rule.rows(|rows| rows.remove(1));
        assert_eq!(rule.block(&[(0, &[0])]).1, left(&[("{a=\"z\"}", 1)]));
    }

    #[test]
    fn an_identity_with_the_value_is_one_step_s() {
        let mut rule = Rule::new(&[("x", "1"), ("x", "2")], true);
        let (failed, list) = rule.block(&[(0, &[0, 1]), (1, &[1])]);
        assert_eq!((failed, list), (0b0010, left(&[("{a=\"x\", v=\"0\"}", 1), ("{a=\"x\", v=\"1\"}", 2)])));
        assert_eq!(rule.block(&[(1, &[1])]).1, left(&[("{a=\"x\", v=\"1\"}", 1)]));
    }
}

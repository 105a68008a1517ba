//! What operators have to say beside their results, by node and step, until the epoch ends.
//!
//! # Position
//! operators, by [`Context::note`] → **notes** → [`annotations`] (by rule, at the end of the epoch) → `EpochOutput`
//!
//! # Semantics
//! A note belongs to a node, one of its operands and some of its instants. A rule gets the notes of the nodes that it
//! contains (`Node::sites`), at the steps at which it did not fail. A node inside a subquery runs on another grid: its
//! note counts for the rule's first step from that instant on, within the run. Each worker hands out what its own
//! elements gave; equal annotations are put together where results of all workers meet.
//!
//! # State
//! Of one epoch; at most [`MOST_NOTES`] texts a node and level, the first in order of texts, because texts name metrics.
//! Where nothing is said nothing is kept or walked through.

use super::leaf::Context;
use super::output::EpochTimes;
use super::verdict::Board;
use super::view::View;
use crate::annotation::{Annotation, Issues, MOST_NOTES, Measure, Note, sort_in_range};
use crate::program::{HISTOGRAMS, Node, NodeIdx, Op, SORTED, Site};
use bellwether_model::Row;
use bellwether_model::block::{has, ones};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Instants of a note, ms, and its figures there.
type Instants = BTreeMap<i64, Measure>;

/// Notes of an epoch.
#[derive(Debug, Default)]
pub struct Notes(RefCell<BTreeMap<(NodeIdx, u8), BTreeMap<Note, Instants>>>);

impl Notes {
    /// Begins an epoch.
    pub fn clear(&mut self) {
        self.0.get_mut().clear();
    }

    fn add(&self, n: NodeIdx, operand: u8, note: Note, at: impl Iterator<Item = (i64, Measure)>) {
        let mut all = self.0.borrow_mut();
        let of_node = all.entry((n, operand)).or_default();
        if !of_node.contains_key(&note) {
            let of_level = of_node.keys().filter(|n| n.level == note.level);
            if of_level.clone().count() >= MOST_NOTES {
                match of_level.max().cloned() {
                    Some(last) if note < last => drop(of_node.remove(&last)),
                    _ => return,
                }
            }
        }
        let instants = of_node.entry(note).or_default();
        at.for_each(|(t, measure)| instants.entry(t).or_default().join(measure));
    }
}

impl Context<'_> {
    /// Says what came up in native histograms; `metric` is the name of the series.
    pub fn note_issues(&self, n: NodeIdx, issues: &Issues, metric: impl FnOnce() -> String) {
        let steps = self.steps(n).count;
        let mut found = issues.each(steps).peekable();
        if !self.node(n).notes || found.peek().is_none() {
            return;
        }
        let metric = metric();
        found.for_each(|(issue, bits)| self.note(n, HISTOGRAMS, &bits, || issue.note(&metric)));
    }

    /// Says something about operand `operand` of a node at some of its steps. Nodes ask `Node::notes` first, so that
    /// where no rule wants to know nothing is looked at.
    pub fn note(&self, n: NodeIdx, operand: u8, bits: &[u64], note: impl FnOnce() -> Note) {
        if self.node(n).notes && bits.iter().any(|w| *w != 0) {
            let steps = self.steps(n);
            self.notes.add(n, operand, note(), ones(bits).map(|i| (steps.at(i), Measure::default())));
        }
    }

    /// Says something about each value of a scalar operand for which `is` holds; a text for each different value.
    pub fn note_values(
        &self,
        n: NodeIdx,
        operand: u8,
        values: Row<'_>,
        is: impl Fn(f64) -> bool,
        note: impl Fn(f64) -> Note,
    ) {
        if !self.node(n).notes {
            return;
        }
        let steps = self.steps(n);
        for (i, value) in values.present().filter(|(_, v)| is(*v)) {
            self.notes.add(n, operand, note(value), std::iter::once((steps.at(i), Measure::default())));
        }
    }

    /// The same with figures, at one step. Called once for what it counts: figures add up.
    pub fn note_measured(&self, n: NodeIdx, operand: u8, step: usize, note: Note, measure: Measure) {
        if self.node(n).notes {
            self.notes.add(n, operand, note, std::iter::once((self.steps(n).at(step), measure)));
        }
    }
}

/// What the epoch's notes say about rules and queries.
pub fn annotations(notes: &Notes, view: &View<'_>, board: &Board, times: EpochTimes) -> Vec<Annotation> {
    let all = notes.0.borrow();
    let is_sorted = |s: &Site| s.operand == SORTED;
    let speaks = |node: &Node| if all.is_empty() { node.sites.iter().any(is_sorted) } else { !node.sites.is_empty() };
    let mut list = Vec::new();
    for (n, node) in view.program.nodes.iter().enumerate().filter(|(_, node)| speaks(node)) {
        let rule = Rule::new(view, board, n, node, times);
        for site in &node.sites {
            if is_sorted(site) {
                let steps = view.steps(n);
                let always = (0..steps.count).map(|i| (steps.at(i), Measure::default())).collect();
                let site = Site { node: n, ..*site };
                list.extend(rule.annotation(&site, &sort_in_range(), &always));
            }
            let found = all.get(&(site.node, site.operand)).into_iter().flatten();
            list.extend(found.filter_map(|(note, instants)| rule.annotation(site, note, instants)));
        }
    }
    crate::annotation::joined(list)
}

/// A rule whose annotations are put together.
struct Rule<'a> {
    view: &'a View<'a>,
    n: NodeIdx,
    name: String,
    tag: Option<u32>,
    query_offset_ms: i64,
    failed: Vec<u64>,
    times: EpochTimes,
}

impl<'a> Rule<'a> {
    fn new(view: &'a View<'a>, board: &Board, n: NodeIdx, node: &Node, times: EpochTimes) -> Self {
        let (name, tag, query_offset_ms) = match &node.op {
            Op::Alert(spec) => (format!("{}/{}", spec.group, spec.name), None, spec.query_offset_ms),
            Op::Record(spec) => (spec.name.clone(), None, spec.query_offset_ms),
            Op::Tap(spec) => (view.node(node.inputs[0]).text.clone(), Some(spec.tag as u32), spec.query_offset_ms),
            _ => (String::new(), None, 0),
        };
        Self { view, n, name, tag, query_offset_ms, failed: board.union(view, n).0, times }
    }

    fn annotation(&self, site: &Site, note: &Note, instants: &Instants) -> Option<Annotation> {
        let (mut steps_ms, mut measure) = (Vec::new(), Measure::default());
        for (t, one) in instants {
            if let Some(step) = self.step_of(site.node, *t) {
                measure.join(*one);
                steps_ms.push(step);
            }
        }
        steps_ms.dedup();
        let (rule, tag, note, place) = (self.name.clone(), self.tag, note.clone(), site.place);
        (!steps_ms.is_empty()).then_some(Annotation { rule, tag, note, place, steps_ms, measure })
    }

    /// The rule's step that an instant of one of its nodes counts for.
    fn step_of(&self, node: NodeIdx, t_ms: i64) -> Option<i64> {
        let grids = &self.view.program.grids;
        let grid = grids[self.view.node(self.n).grid];
        let EpochTimes { from_ms, to_ms, .. } = self.times;
        let inside = |s: i64| (from_ms..=to_ms).contains(&s).then_some(s);
        if self.view.node(node).grid != self.view.node(self.n).grid {
            let first_ms = from_ms.saturating_sub(self.query_offset_ms);
            // What `@` fixes is read by every step, older ones too.
            let is_pinned = grids[self.view.node(node).grid].only.is_some();
            let from = if is_pinned { first_ms } else { t_ms.max(first_ms) };
            let first = from + (grid.phase_ms - from).rem_euclid(grid.interval_ms.max(1));
            return inside(first + self.query_offset_ms);
        }
        let steps = self.view.steps(self.n);
        let at = (t_ms - steps.first_ms).checked_div(steps.interval_ms).and_then(|i| usize::try_from(i).ok())?;
        let failed = at / 64 < self.failed.len() && has(&self.failed, at);
        if failed { None } else { inside(t_ms + self.query_offset_ms) }
    }
}

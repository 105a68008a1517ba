//! The rows of selectors: which series and produced samples a leaf reads.
//!
//! # Position
//! join candidates, produced series → **selector rows** → leaf nodes, which share the rows of their selector.
//!
//! # Semantics
//! A candidate came through the join by one matcher; here all matchers are run, once a series. A missing label
//! equals "". Regexes are anchored and compiled once a program.

use super::elements::Elements;
use crate::lookup::Lookup;
use crate::program::{MatchOp, Matcher, ProducerRead, Selector};
use crate::template::regex::compile_anchored;
use crate::window::Slot;
use bellwether_model::Labels;
use regex::Regex;

/// A matcher, compiled.
#[derive(Debug)]
enum Test {
    Equal(String),
    NotEqual(String),
    Regex(Regex),
    NotRegex(Regex),
    /// A regex that does not compile: lowering refuses it, so this is never reached; it matches nothing.
    Never,
}

/// Matchers that all have to accept, compiled.
#[derive(Debug)]
pub struct Matchers(Vec<(String, Test)>);

impl Matchers {
    /// Compiles them.
    pub fn new(matchers: &[Matcher]) -> Self {
        Self(
            matchers
                .iter()
                .map(|m| {
                    let test = match m.op {
                        MatchOp::Equal => Test::Equal(m.value.clone()),
                        MatchOp::NotEqual => Test::NotEqual(m.value.clone()),
                        MatchOp::Regex => anchored(&m.value).map_or(Test::Never, Test::Regex),
                        MatchOp::NotRegex => anchored(&m.value).map_or(Test::Never, Test::NotRegex),
                    };
                    (m.name.clone(), test)
                })
                .collect(),
        )
    }

    /// Whether all matchers accept a label set.
    pub fn accept(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(name, test)| accepts(test, labels.get(name)))
    }

    /// Whether the matchers of the metric name accept a name.
    pub fn accept_name(&self, metric_name: &str) -> bool {
        let mut of_name = self.0.iter().filter(|(name, _)| name == bellwether_model::METRIC_NAME);
        of_name.all(|(_, test)| accepts(test, metric_name))
    }
}

fn accepts(test: &Test, value: &str) -> bool {
    match test {
        Test::Equal(v) => v == value,
        Test::NotEqual(v) => v != value,
        Test::Regex(r) => r.is_match(value),
        Test::NotRegex(r) => !r.is_match(value),
        Test::Never => false,
    }
}

/// A Prometheus regex: anchored at both ends, `.` matches newlines, Go's syntax.
pub fn anchored(pattern: &str) -> Option<Regex> {
    compile_anchored(pattern).ok()
}

/// The rows of one selector.
#[derive(Debug)]
pub struct SelectorRows {
    /// Which selector: by its id and by what it reads, so that rows are kept over a program swap.
    pub id: u128,
    /// How far back its readers look, ms.
    pub retain_ms: i64,
    /// Producers it reads.
    pub producers: Vec<ProducerRead>,
    /// Its compiled matchers.
    pub matchers: Matchers,
    /// Labels by row.
    pub elements: Elements,
    slots: Vec<Slot>,
    /// By row; only as long as the last row of a produced series.
    clips: Vec<Option<i64>>,
    row_of: Lookup,
}

impl SelectorRows {
    /// A selector without rows.
    pub fn new(selector: &Selector) -> Self {
        Self {
            id: selector.id,
            retain_ms: selector.retain_ms,
            producers: selector.producers.clone(),
            matchers: Matchers::new(&selector.matchers),
            elements: Elements::default(),
            slots: Vec::new(),
            clips: Vec::new(),
            row_of: Lookup::default(),
        }
    }

    /// Adds a series that matches; `clip_ms` as in [`ProducerRead`].
    pub fn add(&mut self, slot: Slot, labels: &Labels, clip_ms: Option<i64>) {
        if self.row_of.find(slot, |row| self.slots[row as usize]).is_some() {
            return;
        }
        let row = self.elements.add(labels.clone());
        let at = row as usize;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, Slot::MAX);
        }
        if clip_ms.is_some() && self.clips.len() <= at {
            self.clips.resize(at + 1, None);
        }
        if let Some(clip) = self.clips.get_mut(at) {
            *clip = clip_ms;
        }
        self.slots[at] = slot;
        self.row_of.insert(slot, row, |row| self.slots[row as usize]);
    }

    /// Adds a series of a producer, if the selector reads that one and its matchers accept the labels.
    pub fn offer(&mut self, producer: Option<usize>, slot: Slot, labels: &Labels) {
        let read = self.producers.iter().find(|p| Some(p.producer) == producer).copied();
        if let Some(read) = read
            && self.matchers.accept(labels)
        {
            self.add(slot, labels, read.clip_ms);
        }
    }

    /// Removes a series.
    pub fn remove(&mut self, slot: Slot) {
        if let Some(row) = self.row_of.remove(slot, |row| self.slots[row as usize]) {
            self.elements.remove(row);
        }
    }

    /// All series that have a row.
    pub fn live_slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.elements.live().map(|row| self.slots[row as usize])
    }

    /// The slot of a row and how far its newest samples are hidden.
    pub fn slot(&self, row: u32) -> (Slot, Option<i64>) {
        (self.slots[row as usize], self.clips.get(row as usize).copied().flatten())
    }
}

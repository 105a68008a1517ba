//! Where the results of a backtest go: decisions to a sink and to the summary, vectors to a file, errors to a list.
//!
//! # State
//! The summary's, the errors' first steps and texts, and the JSON text of every element's labels.

use super::sinks::Sinks;
use crate::exit::Failure;
use crate::report::summary::Summary;
use bellwether_connectors::sink::{SinkError, labels_json};
use bellwether_dataflow::render::{MergedOutput, Output, OutputError};
use bellwether_model::Labels;
use bellwether_operators::annotation::{Annotation, Note};
use bellwether_operators::evaluate::ExpressionError;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Texts of labels kept at most: churning series must not fill the memory.
const TEXTS: usize = 1 << 20;

/// What a rule's expression failed with.
#[derive(Clone, Debug)]
pub struct RuleErrors {
    /// Steps that failed.
    pub steps: u64,
    /// The first of them, ms.
    pub first_ms: i64,
    /// What was wrong there.
    pub message: String,
}

/// A warning or info about a rule.
#[derive(Clone, Debug)]
pub struct RuleNote {
    /// Steps that it is about.
    pub steps: u64,
    /// What it says; of its steps the first and the last.
    pub annotation: Annotation,
}

/// What a run gave, to be told at its end.
#[derive(Debug)]
pub struct Told {
    /// What became of each alert.
    pub summary: Summary,
    /// By rule.
    pub errors: BTreeMap<String, RuleErrors>,
    /// By rule and text.
    pub notes: BTreeMap<(String, Note), RuleNote>,
    /// Rows of vectors.
    pub vector_rows: u64,
}

/// Shared by the run, which owns the output, and the command, which tells.
pub type SharedTold = Arc<Mutex<Told>>;

/// The output of a backtest.
pub struct Results {
    told: SharedTold,
    sinks: Sinks,
    rules: Vec<Arc<str>>,
    texts: HashMap<Labels, Arc<str>>,
}

impl Results {
    /// An output to these sinks; `rules` are the names of vectors by tag.
    pub fn new(summary: Summary, sinks: Sinks, rules: Vec<Arc<str>>) -> (Self, SharedTold) {
        let told =
            Arc::new(Mutex::new(Told { summary, errors: BTreeMap::new(), notes: BTreeMap::new(), vector_rows: 0 }));
        (Self { told: told.clone(), sinks, rules, texts: HashMap::new() }, told)
    }

    fn text(&mut self, labels: Option<Labels>) -> Arc<str> {
        if self.texts.len() > TEXTS {
            self.texts.clear();
        }
        let labels = labels.unwrap_or_else(Labels::empty);
        let text = self.texts.entry(labels).or_insert_with_key(|l| Arc::from(labels_json(l)));
        text.clone()
    }

    fn write(&mut self, out: MergedOutput) -> Result<(), SinkError> {
        self.sinks.decisions(&out.decisions)?;
        let mut rows = 0;
        for row in out.vectors {
            let Some(rule) = self.rules.get(row.tag as usize).cloned() else { continue };
            rows += row.steps_ms.len() as u64;
            let labels = self.text(row.labels);
            self.sinks.vector(&rule, &labels, &row.steps_ms, &row.values)?;
            for (step_ms, histogram) in &row.histograms {
                self.sinks.histogram(&rule, &labels, *step_ms, histogram)?;
            }
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.vector_rows += rows;
        out.decisions.iter().for_each(|d| told.summary.add(&d.decision));
        out.errors.into_iter().for_each(|e| told.error(e));
        out.annotations.into_iter().for_each(|a| told.note(a));
        Ok(())
    }
}

impl Told {
    fn error(&mut self, e: ExpressionError) {
        // A tap of a rule fails with the rule: counted once.
        let Some(first_ms) = e.steps_ms.first().copied().filter(|_| e.tag.is_none()) else { return };
        let new = RuleErrors { steps: 0, first_ms, message: e.message };
        self.errors.entry(e.rule).or_insert(new).steps += e.steps_ms.len() as u64;
    }
}

impl Told {
    fn note(&mut self, annotation: Annotation) {
        // A rule's tap says what the rule says.
        if annotation.tag.is_some() {
            return;
        }
        let (key, steps) = ((annotation.rule.clone(), annotation.note.clone()), annotation.steps_ms.len() as u64);
        let known = match self.notes.get_mut(&key) {
            Some(known) => {
                known.steps += steps;
                known.annotation.join(annotation);
                known
            }
            None => self.notes.entry(key).or_insert(RuleNote { steps, annotation }),
        };
        let steps_ms = &mut known.annotation.steps_ms;
        if steps_ms.len() > 2 {
            steps_ms.drain(1..steps_ms.len() - 1);
        }
    }
}

impl Output for Results {
    fn epoch(&mut self, _: u64, out: MergedOutput) -> Result<(), OutputError> {
        self.write(out).map_err(OutputError::new)
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        self.sinks.finish().map_err(OutputError::new)
    }
}

/// The failure that a sink's error stands for, if it is one.
pub fn sink_failure(error: OutputError) -> Failure {
    match error.into_inner().downcast::<SinkError>() {
        Ok(e) => Failure::from(*e),
        Err(e) => Failure::Io(e.to_string()),
    }
}

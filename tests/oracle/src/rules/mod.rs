//! Rule groups, evaluated naively step by step: what every rule gave, and what became of every alert.
//!
//! # Semantics
//! Prometheus's `rules` package. Evaluations are ordered by (step, group as listed, rule as listed); each reads all
//! samples at `step - query_offset`, those that earlier evaluations wrote among them. What a rule writes has that same
//! stamp; an element that it wrote last time and not this time gets a stale marker. An evaluation that fails writes
//! nothing, neither samples nor markers, and leaves alerts as they were, unless it failed by its group's limit, which
//! drops them. Of two samples with one series and stamp the first stays.
//!
//! # Limits
//! Annotations are left out. An ingested series that a rule records is not set aside. Reads
//! see samples after the evaluated instant if the expression looks ahead.

mod alerting;
mod recording;

use crate::eval::{Bounds, Env, eval};
use crate::store::Store;
use crate::value::{Fault, Sampled, Value, fail};
use crate::{Oracle, parse};
use alerting::Alerting;
use bellwether_model::{Labels, Sample, Transition, stale_nan};
use promql_parser::parser::Expr;
use std::collections::BTreeSet;

/// A rule group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Rule file.
    pub file: String,
    /// Name.
    pub name: String,
    /// Distance of two steps, ms.
    pub interval_ms: i64,
    /// Steps are at `phase + n * interval`, ms.
    pub phase_ms: i64,
    /// How far before its step a rule reads and writes, ms.
    pub query_offset_ms: i64,
    /// The most series or alerts of a rule; 0 is no limit.
    pub limit: usize,
    /// Rules in order.
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Name of the recorded series, or of the alert.
    pub name: String,
    /// Expression.
    pub expr: String,
    /// Labels to set: templates in alerting rules.
    pub labels: Vec<(String, String)>,
    /// What is done with the result.
    pub kind: RuleKind,
}

/// What a rule does with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// Records it under the rule's name.
    Record,
    /// Raises alerts.
    Alert {
        /// Hold duration, ms.
        for_ms: i64,
        /// How long a firing alert outlives its condition, ms.
        keep_firing_for_ms: i64,
    },
}

/// What one evaluation gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The evaluation went well.
    Result {
        /// The result as the query answers it, in order of labels.
        rows: Vec<(Labels, Sampled)>,
        /// The samples written, without stale markers, in order of labels.
        written: Vec<(Labels, Sampled)>,
    },
    /// The evaluation failed, with Prometheus's words.
    Failed(String),
}

/// One evaluation of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Index of the group in the list.
    pub group: usize,
    /// Index of the rule in its group.
    pub rule: usize,
    /// Step, ms.
    pub step_ms: i64,
    /// What came of it.
    pub outcome: Outcome,
}

/// A change of an alert's state.
#[derive(Clone, Debug, PartialEq)]
pub struct TransitionRecord {
    /// Index of the group in the list.
    pub group: usize,
    /// Index of the rule in its group.
    pub rule: usize,
    /// Identity labels.
    pub labels: Labels,
    /// Step, ms.
    pub step_ms: i64,
    /// What happened.
    pub transition: Transition,
    /// Value of the expression, 0 of a histogram; where the alert ends, the last one before.
    pub value: f64,
    /// Step at which the episode began, ms.
    pub active_at_ms: i64,
    /// Step at which it fired, ms.
    pub fired_at_ms: Option<i64>,
}

/// All that came of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Evaluations in order.
    pub evaluations: Vec<Evaluation>,
    /// Transitions in order of evaluations, those of one evaluation in order of labels.
    pub transitions: Vec<TransitionRecord>,
    /// Samples written, stale markers included, in order.
    pub samples: Vec<Sample>,
}

/// A rule with its state.
struct Running<'a> {
    group: usize,
    index: usize,
    of: &'a Group,
    rule: &'a Rule,
    expr: Expr,
    alerting: Alerting,
    /// Series written by the last good evaluation.
    written: BTreeSet<Labels>,
}

impl Oracle {
    /// Runs rule groups over all steps in `[from_ms, to_ms]`. Fails as a whole only if an expression does not parse or
    /// needs what the evaluator leaves out.
    pub fn alerts(&self, groups: &[Group], from_ms: i64, to_ms: i64) -> Result<History, Fault> {
        self.alerts_from(groups, |_, _| from_ms, to_ms)
    }

    /// As [`Oracle::alerts`], each rule from a first step of its own: `begins(group, rule)`, ms.
    pub fn alerts_from(
        &self,
        groups: &[Group],
        begins: impl Fn(usize, usize) -> i64,
        to_ms: i64,
    ) -> Result<History, Fault> {
        let mut oracle = self.clone();
        let mut history = History::default();
        let mut running = start(groups)?;
        let from_ms = running.iter().map(|r| begins(r.group, r.index)).min().unwrap_or(to_ms);
        for step_ms in steps(groups, from_ms, to_ms) {
            let runs = |r: &&mut Running<'_>| is_step(r.of, step_ms) && step_ms >= begins(r.group, r.index);
            for r in running.iter_mut().filter(runs) {
                let outcome = match r.evaluate(&mut oracle, step_ms, &mut history) {
                    Ok(outcome) => outcome,
                    Err(Fault::Query(message)) => Outcome::Failed(message),
                    Err(fault) => return Err(fault),
                };
                history.evaluations.push(Evaluation { group: r.group, rule: r.index, step_ms, outcome });
            }
        }
        Ok(history)
    }
}

fn start(groups: &[Group]) -> Result<Vec<Running<'_>>, Fault> {
    let mut running = Vec::new();
    for (group, of) in groups.iter().enumerate() {
        for (index, rule) in of.rules.iter().enumerate() {
            let expr = parse(&rule.expr, 0, 0)?;
            let (alerting, written) = (Alerting::default(), BTreeSet::new());
            running.push(Running { group, index, of, rule, expr, alerting, written });
        }
    }
    Ok(running)
}

fn is_step(group: &Group, step_ms: i64) -> bool {
    (step_ms - group.phase_ms).rem_euclid(group.interval_ms) == 0
}

fn steps(groups: &[Group], from_ms: i64, to_ms: i64) -> BTreeSet<i64> {
    let mut all = BTreeSet::new();
    for g in groups {
        let mut step_ms = from_ms + (g.phase_ms - from_ms).rem_euclid(g.interval_ms);
        while step_ms <= to_ms {
            all.insert(step_ms);
            step_ms += g.interval_ms;
        }
    }
    all
}

impl Running<'_> {
    fn evaluate(&mut self, oracle: &mut Oracle, step_ms: i64, history: &mut History) -> Result<Outcome, Fault> {
        let at_ms = step_ms - self.of.query_offset_ms;
        let mut rows = self.query(oracle, at_ms)?;
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let mut written = match self.rule.kind {
            RuleKind::Record => recording::record(self.rule, self.of.limit, &rows)?,
            RuleKind::Alert { .. } => self.alert(&rows, step_ms, history)?,
        };
        written.sort_by(|a, b| a.0.cmp(&b.0));
        self.write(&mut oracle.store, at_ms, &written, history);
        Ok(Outcome::Result { rows, written })
    }

    fn query(&self, oracle: &Oracle, at_ms: i64) -> Result<Vec<(Labels, Sampled)>, Fault> {
        let bounds = Bounds::instant(at_ms);
        let env = Env { store: &oracle.store, options: oracle.options, at_ms, bounds };
        match eval(&self.expr, &env)? {
            value @ (Value::Scalar(_) | Value::Vector(_)) => value.into_rows(),
            _ => fail("rule result is not a vector or scalar"),
        }
    }

    fn alert(
        &mut self,
        rows: &[(Labels, Sampled)],
        step_ms: i64,
        history: &mut History,
    ) -> Result<Vec<(Labels, Sampled)>, Fault> {
        let result = self.alerting.step(self.rule, self.of.limit, rows, step_ms);
        let (group, rule) = (self.group, self.index);
        history.transitions.extend(self.alerting.changes.drain(..).map(|c| TransitionRecord {
            group,
            rule,
            step_ms,
            labels: c.labels,
            transition: c.transition,
            value: c.value,
            active_at_ms: c.active_at_ms,
            fired_at_ms: c.fired_at_ms,
        }));
        result
    }

    /// Writes the samples, and a stale marker for each series that was written last time and is not now.
    fn write(&mut self, store: &mut Store, at_ms: i64, written: &[(Labels, Sampled)], history: &mut History) {
        let now: BTreeSet<Labels> = written.iter().map(|(labels, _)| labels.clone()).collect();
        let ended = self.written.difference(&now).map(|labels| (labels.clone(), Sampled::Float(stale_nan())));
        for (labels, value) in written.iter().cloned().chain(ended) {
            store.push(&labels, at_ms, value.clone());
            history.samples.push(Sample { labels, timestamp_ms: at_ms, value, start_ms: 0 });
        }
        self.written = now;
    }
}

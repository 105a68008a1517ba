//! Which series there are: by selectors, and the names and values of their labels.
//!
//! # Semantics
//! Series of the log, and those that rules make: with a selector those that it selects at the end of the range, without one
//! what all of a rule's series have in common.
//!
//! # Limits
//! Series of the log are listed whenever they had samples, as Prometheus lists those of a block.

use super::{Data, Query, QueryError, over};
use crate::live::reads::Reads;
use crate::live::run::LiveHandle;
use bellwether_connectors::source::intake::Intake;
use bellwether_dataflow::lower::{self, RuleInput, RuleKind};
use bellwether_dataflow::promql;
use bellwether_model::{Labels, METRIC_NAME};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is wanted of series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Their labels.
    Series,
    /// The names of their labels.
    Names,
    /// The values of a label.
    Values(String),
}

/// A question about series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesQuery {
    /// What is wanted.
    pub wanted: Wanted,
    /// Selectors: any may match. None: all series.
    pub selectors: Vec<String>,
    /// The newest stamp that is of interest, ms.
    pub end_ms: i64,
    /// At most so many; 0 is any number.
    pub limit: usize,
}

/// What was found, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Series.
    pub series: Vec<Labels>,
    /// Names or values.
    pub texts: Vec<String>,
    /// What is missing.
    pub warnings: Vec<String>,
}

/// What is found, in order.
struct Finding<'a> {
    wanted: &'a Wanted,
    series: BTreeSet<Labels>,
    texts: BTreeSet<String>,
    warnings: Vec<String>,
}

impl Finding<'_> {
    fn add(&mut self, labels: &Labels) {
        match self.wanted {
            Wanted::Series => drop(self.series.insert(labels.clone())),
            Wanted::Names => labels.iter().for_each(|(name, _)| self.text(name)),
            Wanted::Values(name) => self.text(labels.get(name)),
        }
    }

    fn text(&mut self, text: &str) {
        if !text.is_empty() && !self.texts.contains(text) {
            self.texts.insert(text.to_owned());
        }
    }

    fn finish(self, limit: usize) -> Found {
        let most = if limit == 0 { usize::MAX } else { limit };
        let mut warnings = self.warnings;
        if self.series.len().max(self.texts.len()) > most {
            warnings.push("results truncated due to limit".to_owned());
        }
        Found {
            series: self.series.into_iter().take(most).collect(),
            texts: self.texts.into_iter().take(most).collect(),
            warnings,
        }
    }
}

/// What all series of a rule have in common.
fn common(rule: &RuleInput<'_>) -> Vec<Labels> {
    match rule.kind {
        RuleKind::Record => vec![Labels::from_pairs([(METRIC_NAME, rule.name)])],
        RuleKind::Alert => {
            let alerts =
                |state| Labels::from_pairs([(METRIC_NAME, "ALERTS"), ("alertname", rule.name), ("alertstate", state)]);
            let since = Labels::from_pairs([(METRIC_NAME, "ALERTS_FOR_STATE"), ("alertname", rule.name)]);
            vec![alerts("firing"), alerts("pending"), since]
        }
    }
}

/// What a selector reads of the log; its errors are Prometheus's.
fn selected(run: &LiveHandle, text: &str, end_ms: i64) -> Result<Reads, QueryError> {
    promql::parse_selector(text).map_err(|e| match e.to_string() {
        why if why.ends_with("must contain at least one non-empty matcher") => {
            QueryError::BadData("match[] must contain at least one non-empty matcher".to_owned())
        }
        why => QueryError::parameter("match[]", why),
    })?;
    Ok(Reads::of(&over::compile(run, &Query::at(text, end_ms), true)?.compiled.program))
}

/// Answers a question about series.
pub(super) fn find(run: &LiveHandle, asked: &SeriesQuery, stop: &Arc<AtomicBool>) -> Result<Found, QueryError> {
    if let Wanted::Values(name) = &asked.wanted
        && name.is_empty()
    {
        return Err(QueryError::BadData(format!("invalid label name: {name:?}")));
    }
    let (series, texts, warnings) = Default::default();
    let mut found = Finding { wanted: &asked.wanted, series, texts, warnings };
    let mut reads = Vec::with_capacity(asked.selectors.len());
    for text in &asked.selectors {
        reads.push(selected(run, text, asked.end_ms)?);
        let query = Query::at(text, asked.end_ms);
        let ready = over::compile(run, &query, false)?;
        if !ready.reads_rules() {
            continue;
        }
        match over::answer_ready(run, &query, &ready, Arc::clone(stop)) {
            Ok(answer) => {
                if let Data::Vector(elements) = answer.data {
                    elements.iter().for_each(|(labels, ..)| found.add(labels));
                }
            }
            // What the log holds is known all the same.
            Err(QueryError::Execution(why)) => {
                found.warnings.push(format!("series that rules make are left out of {text}: {why}"));
            }
            Err(other) => return Err(other),
        }
    }
    let table = run.table();
    if asked.selectors.is_empty() {
        lower::rule_inputs(&table.set).iter().flat_map(common).for_each(|labels| found.add(&labels));
    }
    // Samples of these names are not evaluated: the rules' own series are listed instead.
    let hidden: BTreeSet<&str> = table.program.recorded_names.iter().map(String::as_str).collect();
    run.intake().dictionary().for_each(|_, labels| {
        // Behind the log it is another series.
        if run.pairs().is_some_and(|pairs| pairs.is_of_pair(labels)) {
            return;
        }
        let taken = reads.is_empty() || reads.iter().any(|r| r.reach_ms(labels).is_some());
        if taken && !stop.load(Ordering::Relaxed) && !hidden.contains(labels.metric_name()) {
            found.add(labels);
        }
    });
    Ok(found.finish(asked.limit))
}

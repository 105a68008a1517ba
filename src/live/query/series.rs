//! Which series there are: by selectors, and the names and values of their labels.
//!
//! # Limits
//! Series are those of the log, whenever they had samples; of what rules record only the names are known without a query.

use super::{Query, QueryError, over};
use crate::live::reads::Reads;
use crate::live::run::LiveHandle;
use bellwether_connectors::source::intake::Intake;
use bellwether_model::{Labels, METRIC_NAME};
use std::collections::BTreeSet;
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
    /// Whether there are more.
    pub warnings: Vec<String>,
}

/// Answers a question about series.
pub(super) fn find(run: &LiveHandle, asked: &SeriesQuery, stop: &AtomicBool) -> Result<Found, QueryError> {
    let reads = |text: &String| {
        let compiled = over::compile(run, &Query::at(text, asked.end_ms), true)?;
        Ok(Reads::of(&compiled.compiled.program))
    };
    let reads = asked.selectors.iter().map(reads).collect::<Result<Vec<_>, QueryError>>()?;
    let (mut series, mut texts) = (BTreeSet::new(), BTreeSet::new());
    run.intake().dictionary().for_each(|_, labels| {
        if stop.load(Ordering::Relaxed) || !(reads.is_empty() || reads.iter().any(|r| r.reach_ms(labels).is_some())) {
            return;
        }
        match &asked.wanted {
            Wanted::Series => drop(series.insert(labels.clone())),
            Wanted::Names => texts.extend(labels.iter().map(|(name, _)| name.to_owned())),
            Wanted::Values(name) => {
                let value = labels.get(name);
                if !value.is_empty() && !texts.contains(value) {
                    texts.insert(value.to_owned());
                }
            }
        }
    });
    if reads.is_empty() && asked.wanted == Wanted::Values(METRIC_NAME.to_owned()) {
        texts.extend(run.table().program.recorded_names.iter().cloned());
    }
    let most = if asked.limit == 0 { usize::MAX } else { asked.limit };
    let truncated = series.len().max(texts.len()) > most;
    Ok(Found {
        series: series.into_iter().take(most).collect(),
        texts: texts.into_iter().take(most).collect(),
        warnings: truncated.then(|| "results truncated due to limit".to_owned()).into_iter().collect(),
    })
}

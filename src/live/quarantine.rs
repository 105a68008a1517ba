//! Quarantine: rules and series that are left out, because they brought the run down.
//!
//! # Semantics
//! A list in the state folder, which every start reads. Rules on it are taken out of every rule table, those of a replay
//! among them; samples of series on it stay in the log and reach no worker. Without them a replay may decide otherwise than
//! it did: that is counted, and what is in the ledger stays.
//!
//! # State
//! `quarantine.json`.

use super::error::LiveError;
use super::reads::Reads;
use bellwether_connectors::disk::{Disk, read_whole, write_whole};
use bellwether_dataflow::lower::{self, QueryInput};
use bellwether_dataflow::promql;
use bellwether_dataflow::rules::RuleSet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

const NAME: &str = "quarantine.json";

/// What is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// Rules, as `group/name`.
    pub rules: BTreeSet<String>,
    /// Selectors of series.
    pub series: BTreeSet<String>,
}

impl Quarantine {
    /// That of a state folder.
    pub fn read(disk: &dyn Disk, folder: &Path) -> Result<Self, LiveError> {
        let path = folder.join(NAME);
        let names = disk.list(folder).map_err(|e| LiveError::io(folder, "listing", e))?;
        if !names.iter().any(|name| name == NAME) {
            return Ok(Self::default());
        }
        let bytes = read_whole(disk, &path).map_err(|e| LiveError::io(&path, "reading", e))?;
        serde_json::from_slice(&bytes).map_err(|e| LiveError::Format {
            path: path.display().to_string(),
            what: format!("is no quarantine list: {e}; write it with bellwether quarantine"),
        })
    }

    /// Brings it to disk.
    pub fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), LiveError> {
        let path = folder.join(NAME);
        let bytes = serde_json::to_vec_pretty(self).map_err(|e| LiveError::Format {
            path: path.display().to_string(),
            what: format!("cannot be written: {e}"),
        })?;
        write_whole(disk, folder, NAME, &bytes).map_err(|e| LiveError::io(&path, "writing", e))
    }

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.series.is_empty()
    }

    /// Whether a rule is left out.
    pub fn has_rule(&self, group: &str, name: &str) -> bool {
        // Names may hold a slash.
        !self.rules.is_empty() && self.rules.contains(&format!("{group}/{name}"))
    }

    /// Takes its rules out of a set.
    pub(super) fn leave_out(&self, set: &mut RuleSet) {
        for group in set.files.iter_mut().flat_map(|file| &mut file.groups) {
            let name = group.name.clone();
            group.rules.retain(|rule| !self.has_rule(&name, &rule.name));
        }
    }

    /// What both leave out.
    pub(super) fn and(&self, other: &Self) -> Self {
        let both = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.union(b).cloned().collect();
        Self { rules: both(&self.rules, &other.rules), series: both(&self.series, &other.series) }
    }

    /// A reader of its series.
    pub(super) fn reads(&self) -> Result<Reads, LiveError> {
        let wrong = |what: String| LiveError::Format { path: NAME.to_owned(), what };
        let mut parsed = Vec::with_capacity(self.series.len());
        for text in &self.series {
            let failed = |e: promql::ParseError| wrong(format!("{text}: {e}"));
            promql::parse_selector(text).map_err(failed)?;
            parsed.push((text, promql::parse(text).map_err(failed)?));
        }
        let query =
            |(text, expr)| QueryInput { text, expr, interval_ms: 1, phase_ms: 0, range_ms: None, any_type: true };
        let queries: Vec<QueryInput<'_>> = parsed.iter().map(|(text, expr)| query((text.as_str(), expr))).collect();
        let compiled = lower::compile(&[], &queries, &lower::Options::default())
            .map_err(|errors| wrong(errors.into_iter().map(|e| e.message).collect::<Vec<_>>().join("; ")))?;
        Ok(Reads::of(&compiled.program))
    }

    /// Whether its selectors can be read.
    pub fn check(&self) -> Result<(), LiveError> {
        self.reads().map(drop)
    }
}

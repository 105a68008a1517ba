//! Rule tables of a live run: what is in force, and what was.
//!
//! # Semantics
//! A table's version is a hash of its files and of the settings it is compiled with. It is on disk before a binding names
//! it, so a replay runs each epoch under the rules it once had.

use super::LiveError;
use super::quarantine::Quarantine;
use bellwether_connectors::disk::{Disk, read_whole, write_whole};
use bellwether_dataflow::lower::{self, Compiled};
use bellwether_dataflow::promql;
use bellwether_dataflow::rules::{self, Diagnostic, RuleSet};
use bellwether_dataflow::time::Due;
use bellwether_model::{Labels, hash128};
use bellwether_operators::program::Program;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rules in force: files, plan, program.
#[derive(Clone, Debug)]
pub struct RuleTable {
    /// Hash of files and settings.
    pub version: u128,
    /// The files.
    pub set: Arc<RuleSet>,
    /// What they compile to.
    pub compiled: Arc<Compiled>,
    /// What the workers run.
    pub program: Arc<Program>,
    /// When its steps are ready.
    pub due: Due,
    /// Interval of groups that have none, ms.
    pub default_interval_ms: i64,
}

/// What decides, beside the files, what rules compile to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    tenant: String,
    entity_labels: Vec<String>,
    default_interval_ms: i64,
    grid: lower::GridKind,
    keep_recorded: bool,
    delayed_names: bool,
    lateness_ms: Option<i64>,
    #[serde(default)]
    late: lower::Late,
    withhold_absence: bool,
    external_labels: Labels,
    external_url: String,
    experimental_functions: bool,
    fill_modifiers: bool,
    unquoted_utf8_names: bool,
    /// Left out where it is not so: tables of before have the versions that they had.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hands_out: bool,
}

impl Settings {
    fn of(options: &lower::Options, promql: &promql::Options) -> Self {
        Self {
            tenant: options.tenant.clone(),
            entity_labels: options.entity_labels.clone(),
            default_interval_ms: options.default_interval_ms,
            grid: options.grid,
            keep_recorded: options.recorded == lower::Recorded::Keep,
            delayed_names: options.delayed_names,
            lateness_ms: options.lateness_ms,
            late: options.late.clone(),
            withhold_absence: options.withhold_absence,
            external_labels: options.external_labels.clone(),
            external_url: options.external_url.clone(),
            experimental_functions: promql.experimental_functions,
            fill_modifiers: promql.fill_modifiers,
            unquoted_utf8_names: promql.unquoted_utf8_names,
            hands_out: options.hands_out,
        }
    }

    fn apply(self, now: &lower::Options) -> (lower::Options, promql::Options) {
        let options = lower::Options {
            tenant: self.tenant,
            entity_labels: self.entity_labels,
            default_interval_ms: self.default_interval_ms,
            grid: self.grid,
            recorded: if self.keep_recorded { lower::Recorded::Keep } else { lower::Recorded::Recompute },
            delayed_names: self.delayed_names,
            lateness_ms: self.lateness_ms,
            late: self.late,
            withhold_absence: self.withhold_absence,
            external_labels: self.external_labels,
            external_url: self.external_url,
            hands_out: self.hands_out,
            ..now.clone()
        };
        let promql = promql::Options {
            experimental_functions: self.experimental_functions,
            fill_modifiers: self.fill_modifiers,
            unquoted_utf8_names: self.unquoted_utf8_names,
            ..promql::Options::default()
        };
        (options, promql)
    }
}

/// A table as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    settings: Settings,
    /// (path, text)
    files: Vec<(String, String)>,
    #[serde(default)]
    quarantine: Quarantine,
}

/// Compiles, stores and finds rule tables.
#[derive(Clone, Debug)]
pub struct RuleTables {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    options: lower::Options,
    promql: promql::Options,
    quarantine: Arc<Quarantine>,
}

fn compile(set: &RuleSet, options: &lower::Options) -> Result<Compiled, Vec<Diagnostic>> {
    let inputs = lower::rule_inputs(set);
    let all: Vec<_> = set.rules().collect();
    lower::compile(&inputs, &[], options).map_err(|errors| {
        let place = |e: lower::LowerError| match e.unit.and_then(|u| all.get(u)) {
            Some((file, group, rule)) => file.error_in_expr(group, rule, e.position, e.message),
            None => Diagnostic::error("the rules together", e.message),
        };
        errors.into_iter().map(place).collect()
    })
}

impl RuleTables {
    /// Tables in a folder, compiled with these settings.
    pub fn new(disk: Arc<dyn Disk>, folder: &Path, options: lower::Options, promql: promql::Options) -> Self {
        Self { disk, folder: folder.to_owned(), options, promql, quarantine: Arc::default() }
    }

    /// The same without what is in quarantine.
    pub fn without(self, quarantine: Quarantine) -> Self {
        Self { quarantine: Arc::new(quarantine), ..self }
    }

    /// How rules are compiled.
    pub fn options(&self) -> &lower::Options {
        &self.options
    }

    /// What is left out.
    pub fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    /// How expressions are read.
    pub fn promql(&self) -> &promql::Options {
        &self.promql
    }

    /// The table of the files that patterns stand for, brought to disk.
    pub fn load(&self, patterns: &[String]) -> Result<RuleTable, LiveError> {
        let set = rules::load_with(patterns, &self.promql).map_err(LiveError::Rules)?;
        self.table(set)
    }

    /// The table of files at hand, brought to disk.
    pub fn of_texts(&self, files: &[(String, String)]) -> Result<RuleTable, LiveError> {
        self.table(rules::load_texts(files, &self.promql).map_err(LiveError::Rules)?)
    }

    fn table(&self, set: RuleSet) -> Result<RuleTable, LiveError> {
        let table = self.compiled(set)?;
        let name = Self::name(table.version);
        let known = self.disk.list(&self.folder).map_err(|e| LiveError::io(&self.folder, "listing", e))?;
        if !known.contains(&name) {
            let files = table.set.files.iter().map(|f| (f.path.clone(), f.source.to_string())).collect();
            let settings = Settings::of(&self.options, &self.promql);
            let stored = Stored { settings, files, quarantine: self.quarantine.as_ref().clone() };
            let bytes = serde_json::to_vec(&stored)
                .map_err(|e| LiveError::Format { path: name.clone(), what: format!("cannot be written: {e}") })?;
            self.put(table.version, &bytes)?;
        }
        Ok(table)
    }

    /// A table as it is stored.
    pub(super) fn stored(&self, version: u128) -> Result<Vec<u8>, LiveError> {
        let path = self.folder.join(Self::name(version));
        read_whole(self.disk.as_ref(), &path).map_err(|e| LiveError::io(&path, "reading", e))
    }

    /// Stores a table that was stored elsewhere.
    pub(super) fn put(&self, version: u128, bytes: &[u8]) -> Result<(), LiveError> {
        self.disk.make_folder(&self.folder).map_err(|e| LiveError::io(&self.folder, "making", e))?;
        let name = Self::name(version);
        write_whole(self.disk.as_ref(), &self.folder, &name, bytes)
            .map_err(|e| LiveError::io(&self.folder.join(&name), "writing", e))
    }

    fn compiled(&self, mut set: RuleSet) -> Result<RuleTable, LiveError> {
        self.quarantine.leave_out(&mut set);
        let compiled = compile(&set, &self.options).map_err(LiveError::Rules)?;
        let settings = serde_json::to_vec(&Settings::of(&self.options, &self.promql)).unwrap_or_default();
        let mut parts: Vec<&[u8]> = vec![&settings];
        for file in &set.files {
            parts.extend([file.path.as_bytes(), file.source.as_bytes()]);
        }
        // As without a list, where nothing is on it.
        let left_out = serde_json::to_vec(&self.quarantine.rules).unwrap_or_default();
        if !self.quarantine.rules.is_empty() {
            parts.push(&left_out);
        }
        let version = hash128(&parts);
        let program = Arc::new(compiled.program.clone());
        let due = Due::of(&program);
        Ok(RuleTable {
            version,
            set: Arc::new(set),
            compiled: Arc::new(compiled),
            program,
            due,
            default_interval_ms: self.options.default_interval_ms,
        })
    }

    fn name(version: u128) -> String {
        format!("{version:032x}.json")
    }

    /// A table that was in force before, compiled with the settings of then.
    pub fn find(&self, version: u128) -> Result<RuleTable, LiveError> {
        let (path, bytes) = (self.folder.join(Self::name(version)), self.stored(version)?);
        let Stored { settings, files, quarantine } = serde_json::from_slice(&bytes).map_err(|e| LiveError::Format {
            path: path.display().to_string(),
            what: format!("is no stored rule table: {e}; restore it from a copy"),
        })?;
        let (options, promql) = settings.apply(&self.options);
        let then = Self { options, promql, ..self.clone() }.without(quarantine.and(&self.quarantine));
        let table = then.compiled(rules::load_texts(&files, &promql).map_err(LiveError::Rules)?)?;
        // It is that version, whatever is in quarantine since.
        Ok(RuleTable { version, ..table })
    }
}

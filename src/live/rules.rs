//! Rule tables of a live run: what is in force, and what was.
//!
//! # Semantics
//! A table's version is a hash of its files and of the settings it is compiled with. It is on disk before a binding names
//! it, so a replay runs each epoch under the rules it once had.

use super::LiveError;
use bellwether_connectors::disk::{Disk, read_whole, write_whole};
use bellwether_dataflow::lower::{self, Compiled};
use bellwether_dataflow::promql;
use bellwether_dataflow::rules::{self, Diagnostic, RuleSet};
use bellwether_dataflow::time::Due;
use bellwether_model::hash128;
use bellwether_operators::program::Program;
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

/// Compiles, stores and finds rule tables.
#[derive(Clone, Debug)]
pub struct RuleTables {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    options: lower::Options,
    promql: promql::Options,
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
        Self { disk, folder: folder.to_owned(), options, promql }
    }

    /// How rules are compiled.
    pub fn options(&self) -> &lower::Options {
        &self.options
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
            let files: Vec<(&str, &str)> = table.set.files.iter().map(|f| (f.path.as_str(), &*f.source)).collect();
            let bytes = serde_json::to_vec(&files)
                .map_err(|e| LiveError::Format { path: name.clone(), what: format!("cannot be written: {e}") })?;
            self.disk.make_folder(&self.folder).map_err(|e| LiveError::io(&self.folder, "making", e))?;
            write_whole(self.disk.as_ref(), &self.folder, &name, &bytes)
                .map_err(|e| LiveError::io(&self.folder.join(&name), "writing", e))?;
        }
        Ok(table)
    }

    fn compiled(&self, set: RuleSet) -> Result<RuleTable, LiveError> {
        let compiled = compile(&set, &self.options).map_err(LiveError::Rules)?;
        let settings = format!("{:?} {:?}", self.options, self.promql);
        let mut parts: Vec<&[u8]> = vec![settings.as_bytes()];
        for file in &set.files {
            parts.extend([file.path.as_bytes(), file.source.as_bytes()]);
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

    /// A table that was in force before, compiled with the settings of now.
    pub fn find(&self, version: u128) -> Result<RuleTable, LiveError> {
        let path = self.folder.join(Self::name(version));
        let bytes = read_whole(self.disk.as_ref(), &path).map_err(|e| LiveError::io(&path, "reading", e))?;
        let files: Vec<(String, String)> = serde_json::from_slice(&bytes).map_err(|e| LiveError::Format {
            path: path.display().to_string(),
            what: format!("is no stored rule table: {e}; restore it from a copy"),
        })?;
        self.compiled(rules::load_texts(&files, &self.promql).map_err(LiveError::Rules)?)
    }
}

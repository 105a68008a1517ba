//! Which rules the tests exercise: what each test's rules gave in, one line for all rules out.
//!
//! # Semantics
//! An alert is covered once some test had it pending or firing. A recording rule is covered once some test read it, by an
//! expression or through an alert that it checks, and it had a result there. A rule that several test files load counts once.

use bellwether_dataflow::rules::RuleSet;
use bellwether_dataflow::unittest::{Readers, TestGroup};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Rules named at most.
const NAMED: usize = 12;

/// What is known of one rule.
#[derive(Debug)]
struct Cover {
    shown: String,
    alert: bool,
    result: bool,
    covered: bool,
}

/// Coverage over all files; a rule is known by its file and line.
#[derive(Debug, Default)]
pub struct Coverage {
    rules: BTreeMap<(PathBuf, usize, usize), Cover>,
    /// Real paths of the files, by their names: many tests load one file by several.
    paths: BTreeMap<String, PathBuf>,
}

impl Coverage {
    /// Notes what a test's rules gave; `results` says by rule whether it had any. A test that could not run gives none.
    pub fn add(&mut self, set: &RuleSet, readers: &Readers, test: &TestGroup, results: &[bool]) {
        let read = readers.reached(test);
        for (i, (file, _, rule)) in set.rules().enumerate() {
            let real = || std::fs::canonicalize(&file.path).unwrap_or_else(|_| PathBuf::from(&file.path));
            let path = self.paths.entry(file.path.clone()).or_insert_with(real).clone();
            let known = self.rules.entry((path, rule.position.line, rule.position.col)).or_insert_with(|| Cover {
                shown: format!("{} ({}:{})", rule.name, file.path, rule.position.line),
                alert: rule.is_alert(),
                result: false,
                covered: false,
            });
            let result = results.get(i).copied().unwrap_or(false);
            known.result |= result;
            known.covered |= result && (known.alert || read.contains(&i));
        }
    }

    /// `coverage: 3 of 4 rules; …`, and whom no test ever saw.
    pub fn text(&self) -> String {
        let all = self.rules.len();
        if all == 0 {
            return String::new();
        }
        let covered = self.rules.values().filter(|c| c.covered).count();
        let mut out = format!("coverage: {covered} of {all} rules\n");
        for (what, of) in [
            ("alerts that were never pending or firing", (|c: &Cover| c.alert && !c.covered) as fn(&Cover) -> bool),
            ("records that never had a result", |c| !c.alert && !c.result),
            ("records that no test reads", |c| !c.alert && c.result && !c.covered),
        ] {
            let names: Vec<&str> = self.rules.values().filter(|c| of(c)).map(|c| c.shown.as_str()).collect();
            if names.is_empty() {
                continue;
            }
            let more = names.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            out.push_str(&format!("  {what}: {}{more}\n", names[..names.len().min(NAMED)].join(", ")));
        }
        out
    }
}

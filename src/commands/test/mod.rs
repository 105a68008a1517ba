//! `bellwether test`: promtool's unit-test files in, passed or failed out.
//!
//! # Position
//! [`files`] → `bellwether_dataflow::unittest` → [`group`] (rules and input become decisions and vectors) → [`alerts`],
//! [`exprs`] (what was expected against what came) → [`diff`] (text) → [`report`], [`junit`], [`coverage`]
//!
//! # Semantics
//! promtool's: all groups at each evaluation interval from the start, alerts as of the last evaluation at or before
//! `eval_time`, expressions at `eval_time`, sums in order of labels. Differences on purpose are in `docs/differences.md`.
//!
//! # Errors
//! A file or rule that cannot be read fails its tests; the other files run on. Ctrl-C ends after the current test, with
//! what is done.

mod alerts;
mod coverage;
mod debug;
mod diff;
mod exprs;
mod files;
mod group;
mod junit;
mod report;

use crate::cli::test::Args;
use crate::exit::{Failure, counted};
use crate::interrupt::{self, Stop};
use bellwether_dataflow::promql;
use bellwether_dataflow::rules::{self, RuleSet};
use bellwether_dataflow::unittest::{Readers, TestFile, TestGroup};
use bellwether_operators::template::regex;
use coverage::Coverage;
use report::Reporter;
use std::path::Path;
use std::sync::atomic::Ordering;

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// Each text is one thing that was not as expected.
    Failed(Vec<String>),
    /// Something that this version cannot evaluate.
    NotSupported(String),
}

/// One call of the command.
struct Session<'a> {
    args: &'a Args,
    /// Chooses tests by name.
    run: Option<::regex::Regex>,
    reporter: Reporter<'a>,
    coverage: Coverage,
    stop: Stop,
}

/// Runs the files.
pub fn run(args: &Args) -> Result<(), Failure> {
    args.features.warn_of_unknown();
    let reporter = Reporter::new(args);
    let stop = interrupt::listen("test")?;
    let mut session = Session { args, run: chosen(&args.run)?, reporter, coverage: Coverage::default(), stop };
    for found in files::expand(&args.files) {
        match found {
            Ok(file) => session.file(&file)?,
            Err((pattern, why)) => {
                session.reporter.junit.file(&pattern);
                session.reporter.unreadable(&pattern, &[why])?;
            }
        }
        if session.stopped() {
            break;
        }
    }
    session.end()
}

/// promtool's way: a test runs if any of the patterns matches somewhere in its name.
fn chosen(patterns: &[String]) -> Result<Option<::regex::Regex>, Failure> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let joined = patterns.join("|");
    regex::compile(&joined).map(Some).map_err(|e| Failure::Usage(format!("--run: {e}")))
}

/// A test file and the rules that it names.
fn read(path: &Path, features: &promql::Options) -> Result<(TestFile, RuleSet), Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|e| vec![format!("the file cannot be read: {e}")])?;
    let file = TestFile::parse_with(&text, features).map_err(|e| vec![e.to_string()])?;
    let (paths, unmatched) = file.rule_paths(path).map_err(|e| vec![e.to_string()])?;
    for pattern in unmatched {
        eprintln!("warning: {}: no rule file matches {pattern}", path.display());
    }
    let paths: Vec<String> = paths.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    let rules = rules::load_with(&paths, features)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok((file, rules))
}

impl Session<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn file(&mut self, name: &str) -> Result<(), Failure> {
        self.reporter.junit.file(name);
        match read(Path::new(name), &self.args.features.promql()) {
            Ok((tests, rules)) => self.tests(name, &tests, &rules),
            Err(problems) => self.reporter.unreadable(name, &problems),
        }
    }

    fn tests(&mut self, name: &str, file: &TestFile, rules: &RuleSet) -> Result<(), Failure> {
        let chosen = |t: &TestGroup| self.run.as_ref().is_none_or(|run| run.is_match(&t.name));
        let tests: Vec<(usize, &TestGroup)> = file.tests.iter().enumerate().filter(|(_, t)| chosen(t)).collect();
        let readers = Readers::new(rules);
        let settings = group::Settings {
            diff: self.args.diff,
            debug: self.args.debug,
            features: &self.args.features,
            limits: self.args.limit.limits(),
            stop: &self.stop,
        };
        let mut well = 0;
        for (i, test) in &tests {
            let checked = group::check(rules, file, test, &settings);
            if self.stopped() {
                return Ok(());
            }
            well += usize::from(checked.outcome == Outcome::Passed);
            self.coverage.add(rules, &readers, test, &checked.results);
            self.reporter.test(name, *i, test, &checked.outcome)?;
        }
        if well == tests.len() { self.reporter.all_passed(name, well) } else { Ok(()) }
    }

    fn end(self) -> Result<(), Failure> {
        // Of chosen tests only, coverage would say nothing about the rules.
        let coverage = if self.run.is_none() && !self.stopped() { self.coverage.text() } else { String::new() };
        self.reporter.end(&coverage)?;
        if let Some(path) = &self.args.junit {
            self.reporter.junit.write(path)?;
        }
        if self.stopped() {
            let done = self.reporter.count;
            eprintln!("interrupted after {}", counted(done.passed + done.failed + done.not_supported, "test"));
            return Err(Failure::Interrupted);
        }
        if self.reporter.count.failed + self.reporter.count.not_supported > 0 { Err(Failure::Failed) } else { Ok(()) }
    }
}

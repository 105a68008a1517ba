//! `bellwether test`: promtool's unit-test files in, passed or failed out.
//!
//! # Position
//! file → `bellwether_dataflow::unittest` → [`group`] (rules and input become decisions and vectors) → [`alerts`],
//! [`exprs`] (what was expected against what came) → [`diff`] (text)
//!
//! # Semantics
//! promtool's: all groups at each evaluation interval from the start, alerts as of the last evaluation at or before
//! `eval_time`, expressions at `eval_time`, sums in order of labels. One difference on purpose: NaN equals NaN.
//!
//! # Errors
//! A file or rule that cannot be read fails its tests; the other files run on.

mod alerts;
mod diff;
mod exprs;
mod group;

use crate::cli::test::{Args, Format};
use crate::exit::{Failure, counted};
use crate::report::paint::{Paint, Tone};
use bellwether_dataflow::rules::{self, RuleSet};
use bellwether_dataflow::unittest::{TestFile, TestGroup};
use serde_json::json;
use std::io::Write;
use std::path::Path;

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// Each text is one thing that was not as expected.
    Failed(Vec<String>),
    /// Something that this version cannot evaluate.
    NotSupported(String),
}

#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
    not_supported: usize,
}

/// Prints results as they come.
struct Reporter<'a> {
    args: &'a Args,
    paint: Paint,
    count: Count,
}

/// Runs the files.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut reporter = Reporter { args, paint: Paint::stdout(), count: Count::default() };
    for file in &args.files {
        match read(Path::new(file)) {
            Ok((tests, rules)) => run_file(file, &tests, &rules, &mut reporter)?,
            Err(problems) => reporter.unreadable(file, problems)?,
        }
    }
    let Count { passed, failed, not_supported } = reporter.count;
    if args.format == Format::Text {
        let skipped = if not_supported > 0 { format!(", {not_supported} not supported yet") } else { String::new() };
        reporter.print(&format!("{} passed, {failed} failed{skipped}\n", counted(passed, "test")))?;
    }
    if failed + not_supported > 0 { Err(Failure::Failed) } else { Ok(()) }
}

/// A test file and the rules that it names.
fn read(path: &Path) -> Result<(TestFile, RuleSet), Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|e| vec![format!("the file cannot be read: {e}")])?;
    let file = TestFile::parse(&text).map_err(|e| vec![e.to_string()])?;
    let (paths, unmatched) = file.rule_paths(path).map_err(|e| vec![e.to_string()])?;
    for pattern in unmatched {
        eprintln!("warning: {}: no rule file matches {pattern}", path.display());
    }
    let paths: Vec<String> = paths.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    let rules = rules::load(&paths).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok((file, rules))
}

fn run_file(name: &str, file: &TestFile, rules: &RuleSet, reporter: &mut Reporter<'_>) -> Result<(), Failure> {
    let chosen = |t: &TestGroup| reporter.args.run.as_ref().is_none_or(|text| t.name.contains(text.as_str()));
    let tests: Vec<(usize, &TestGroup)> = file.tests.iter().enumerate().filter(|(_, t)| chosen(t)).collect();
    let mut well = 0;
    for (i, test) in &tests {
        let outcome = group::check(rules, file, test);
        well += usize::from(outcome == Outcome::Passed);
        reporter.test(name, *i, test, &outcome)?;
    }
    if well == tests.len() && reporter.args.format == Format::Text && !reporter.args.quiet {
        let ok = reporter.paint.text(Tone::Good, "ok");
        reporter.print(&format!("{ok}    {name} ({})\n", counted(well, "test")))?;
    }
    Ok(())
}

impl Reporter<'_> {
    fn print(&self, text: &str) -> Result<(), Failure> {
        Ok(std::io::stdout().write_all(text.as_bytes())?)
    }

    /// A file none of whose tests can run counts as one failure.
    fn unreadable(&mut self, file: &str, problems: Vec<String>) -> Result<(), Failure> {
        self.count.failed += 1;
        if self.args.format == Format::Json {
            return self.print(&format!("{}\n", json!({"file": file, "result": "failed", "problems": problems})));
        }
        let head = self.paint.text(Tone::Firing, "FAIL");
        self.print(&format!("{head}  {file}\n{}", indented(&problems, "  ")))
    }

    fn test(&mut self, file: &str, i: usize, test: &TestGroup, outcome: &Outcome) -> Result<(), Failure> {
        let (word, problems) = match outcome {
            Outcome::Passed => ("passed", Vec::new()),
            Outcome::Failed(problems) => ("failed", problems.clone()),
            Outcome::NotSupported(why) => ("not supported", vec![why.clone()]),
        };
        match outcome {
            Outcome::Passed => self.count.passed += 1,
            Outcome::Failed(_) => self.count.failed += 1,
            Outcome::NotSupported(_) => self.count.not_supported += 1,
        }
        if self.args.format == Format::Json {
            let line = json!({"file": file, "test": i, "name": test.name, "result": word, "problems": problems});
            return self.print(&format!("{line}\n"));
        }
        if *outcome == Outcome::Passed {
            return Ok(());
        }
        let (word, tone) =
            if matches!(outcome, Outcome::Failed(_)) { ("FAIL", Tone::Firing) } else { ("SKIP", Tone::Pending) };
        let head = self.paint.text(tone, word);
        let name = if test.name.is_empty() { String::new() } else { format!(" {:?}", test.name) };
        self.print(&format!("{head}  {file}:{} test {}{name}\n{}", test.line, i + 1, indented(&problems, "  ")))
    }
}

fn indented(texts: &[String], by: &str) -> String {
    texts.iter().flat_map(|t| t.lines()).map(|line| format!("{by}{line}\n")).collect()
}

//! Results of tests as they come: for people, or one JSON object a test; and what is told at the end.

use super::Outcome;
use super::junit::Junit;
use crate::cli::test::{Args, Format};
use crate::exit::{Failure, counted};
use crate::report::paint::{Paint, Tone};
use bellwether_dataflow::unittest::TestGroup;
use serde_json::json;
use std::io::Write;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub passed: usize,
    pub failed: usize,
    pub not_supported: usize,
}

/// Prints results as they come.
pub struct Reporter<'a> {
    args: &'a Args,
    paint: Paint,
    pub count: Count,
    pub junit: Junit,
}

impl<'a> Reporter<'a> {
    /// Nothing yet.
    pub fn new(args: &'a Args) -> Self {
        Self { args, paint: Paint::stdout(), count: Count::default(), junit: Junit::default() }
    }

    fn print(&self, text: &str) -> Result<(), Failure> {
        Ok(std::io::stdout().write_all(text.as_bytes())?)
    }

    /// A file none of whose tests can run counts as one failure.
    pub fn unreadable(&mut self, file: &str, problems: &[String]) -> Result<(), Failure> {
        self.count.failed += 1;
        self.junit.unreadable(problems);
        if self.args.format == Format::Json {
            return self.print(&format!("{}\n", json!({"file": file, "result": "failed", "problems": problems})));
        }
        let head = self.paint.text(Tone::Firing, "FAIL");
        self.print(&format!("{head}  {file}\n{}", indented(problems, "  ")))
    }

    /// A test.
    pub fn test(&mut self, file: &str, i: usize, test: &TestGroup, outcome: &Outcome) -> Result<(), Failure> {
        self.junit.test(&test.name, i, outcome);
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

    /// All chosen tests of a file passed.
    pub fn all_passed(&self, file: &str, tests: usize) -> Result<(), Failure> {
        if self.args.format == Format::Json || self.args.quiet {
            return Ok(());
        }
        let ok = self.paint.text(Tone::Good, "ok");
        self.print(&format!("{ok}    {file} ({})\n", counted(tests, "test")))
    }

    /// The counts, and what `more` says below them.
    pub fn end(&self, more: &str) -> Result<(), Failure> {
        let Count { passed, failed, not_supported } = self.count;
        if self.args.format == Format::Json {
            return Ok(());
        }
        let skipped = if not_supported > 0 { format!(", {not_supported} not supported yet") } else { String::new() };
        self.print(&format!("{} passed, {failed} failed{skipped}\n{more}", counted(passed, "test")))
    }
}

fn indented(texts: &[String], by: &str) -> String {
    texts.iter().flat_map(|t| t.lines()).map(|line| format!("{by}{line}\n")).collect()
}

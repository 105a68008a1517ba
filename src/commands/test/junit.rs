//! Results in JUnit's XML, as `promtool test rules --junit` writes it: a suite a file, a case a test.
//!
//! # Semantics
//! promtool's elements and attributes: a test's failures are `failure` elements of its case; a file that cannot be read is a
//! case with an `error`. A test that is not supported yet is a failure that says so.

use super::Outcome;
use crate::exit::Failure;
use bellwether_connectors::sink::{IfExists, Output, PartialFile};
use bellwether_model::civil::rfc3339;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Results of all files.
#[derive(Debug, Default)]
pub struct Junit {
    suites: Vec<Suite>,
}

#[derive(Debug)]
struct Suite {
    name: String,
    began: String,
    cases: Vec<Case>,
    errors: usize,
}

#[derive(Debug)]
struct Case {
    name: String,
    failures: Vec<String>,
    error: String,
}

impl Junit {
    /// A file begins.
    pub fn file(&mut self, name: &str) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = rfc3339(i64::try_from(since.as_millis()).unwrap_or(0));
        // Whole seconds without a zone, as promtool has it.
        let began = now.chars().take(19).collect();
        self.suites.push(Suite { name: name.to_owned(), began, cases: Vec::new(), errors: 0 });
    }

    /// The file cannot be read.
    pub fn unreadable(&mut self, problems: &[String]) {
        if let Some(suite) = self.suites.last_mut() {
            suite.errors += 1;
            suite.cases.push(Case { name: "unknown".to_owned(), failures: Vec::new(), error: problems.join("\n") });
        }
    }

    /// A test of the file; `at` counts from 0.
    pub fn test(&mut self, name: &str, at: usize, outcome: &Outcome) {
        let failures = match outcome {
            Outcome::Passed => Vec::new(),
            Outcome::Failed(problems) => problems.clone(),
            Outcome::NotSupported(why) => vec![format!("not supported yet: {why}")],
        };
        let name = if name.is_empty() { format!("unnamed#{at}") } else { name.to_owned() };
        if let Some(suite) = self.suites.last_mut() {
            suite.cases.push(Case { name, failures, error: String::new() });
        }
    }

    /// Writes the document; whole or not at all, in place of one that is there.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut file = PartialFile::create(path, IfExists::Replace)?;
        file.write_all(self.xml().as_bytes())?;
        Ok(file.complete()?)
    }

    fn xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        for s in &self.suites {
            let failures: usize = s.cases.iter().map(|c| c.failures.len()).sum();
            let _ = writeln!(
                out,
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{}\" skipped=\"0\" timestamp=\"{}\">",
                escaped(&s.name),
                s.cases.len(),
                s.errors,
                s.began
            );
            for case in &s.cases {
                let _ = write!(out, "    <testcase name=\"{}\">", escaped(&case.name));
                for failure in &case.failures {
                    let _ = write!(out, "<failure>{}</failure>", escaped(failure));
                }
                if !case.error.is_empty() {
                    let _ = write!(out, "<error>{}</error>", escaped(&case.error));
                }
                out.push_str("</testcase>\n");
            }
            out.push_str("  </testsuite>\n");
        }
        out.push_str("</testsuites>\n");
        out
    }
}

/// Text as XML takes it, in attributes too; what XML cannot hold is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            '\t' => out.push_str("&#x9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_promtool_s() {
        let mut junit = Junit::default();
        junit.file("a<b>.yml");
        junit.test("one", 0, &Outcome::Passed);
        junit.test("", 1, &Outcome::Failed(vec!["x & y".to_owned(), "line\nline\u{1}".to_owned()]));
        junit.file("b.yml");
        junit.unreadable(&["no".to_owned()]);
        let xml = junit.xml();
        let parts = [
            "<testsuite name=\"a&lt;b&gt;.yml\" tests=\"2\" failures=\"2\" errors=\"0\" skipped=\"0\" timestamp=\"",
            "<testcase name=\"one\"></testcase>",
            "<testcase name=\"unnamed#1\"><failure>x &amp; y</failure><failure>line&#xA;line\u{fffd}</failure></testcase>",
            "<testsuite name=\"b.yml\" tests=\"1\" failures=\"0\" errors=\"1\"",
            "<testcase name=\"unknown\"><error>no</error></testcase>",
        ];
        parts.iter().for_each(|p| assert!(xml.contains(p), "{p} is not in {xml}"));
    }
}

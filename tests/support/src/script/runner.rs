//! Runs scripts against an engine and counts.
//!
//! # Semantics
//! Commands run in the order of the file. As upstream does, an instant query that gives a vector or a scalar is run
//! again as the middle step of a range query (one minute before and after), and must give the same. Queries whose
//! meaning depends on the query's range (`start()`, `end()`, `step()`, `range()`, `sort`) are not. Such a query is also
//! run with `@` behind its selectors, at other instants before and after, where it must give the same again; these runs
//! are counted apart.

use super::verdict::{check, check_notes};
use super::{Command, Eval, EvalTime, Manifest, TestStorage, parse_script};
use bellwether_model::{Labels, Value};
use std::collections::BTreeMap;
use std::fmt;

/// What a query gave.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryOutcome {
    /// An instant vector, in the engine's order.
    Vector(Vec<(Labels, Value)>),
    /// A range vector or the result of a range query: series with (stamp in ms, value).
    Matrix(Vec<(Labels, Vec<(i64, Value)>)>),
    /// A number.
    Scalar(f64),
    /// A string.
    String(String),
    /// The query failed, with Prometheus's words.
    Error(String),
    /// The engine does not do this, and why.
    NotSupported(String),
}

/// What is held to the scripts.
pub trait QueryEngine {
    /// Evaluates a query at one instant.
    fn instant(&mut self, storage: &TestStorage, query: &str, at_ms: i64) -> QueryOutcome;

    /// Annotations of the last query as Prometheus shows them; `None` where the engine has none, which are not looked at
    /// then.
    fn annotations(&self) -> Option<&[String]> {
        None
    }

    /// Evaluates a query whose selectors and outermost subqueries are pinned to `at_ms` by `@`, unless they are already, at
    /// another instant; `None` where that may give something else, or is not known.
    fn pinned(&mut self, storage: &TestStorage, query: &str, at_ms: i64, eval_ms: i64) -> Option<QueryOutcome> {
        let _ = (storage, query, at_ms, eval_ms);
        None
    }

    /// Evaluates a query at `start`, `start + step`, … up to `end`; a scalar is a series without labels.
    fn range(&mut self, storage: &TestStorage, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> QueryOutcome;
}

/// One evaluation that did not give what the script expects.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Script.
    pub file: String,
    /// Line of the evaluation.
    pub line: usize,
    /// Category of the manifest.
    pub category: String,
    /// The query.
    pub query: String,
    /// The difference.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} [{}] {}\n    {}", self.file, self.line, self.category, self.query, self.message)
    }
}

/// Numbers of evaluations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// As expected.
    pub passed: usize,
    /// Not as expected.
    pub failed: usize,
    /// Not run, by reason.
    pub not_supported: BTreeMap<String, usize>,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other: usize = self.not_supported.values().sum();
        write!(f, "{} passed, {} failed, {} not supported", self.passed, self.failed, other)
    }
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> usize {
        self.passed + self.failed + self.not_supported.values().sum::<usize>()
    }
}

/// The outcome of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By script.
    pub files: BTreeMap<String, Counts>,
    /// By category of the manifest.
    pub categories: BTreeMap<String, Counts>,
    /// Runs with `@`, those of one evaluation as one.
    pub pinned: Counts,
    /// All failures, in order.
    pub failures: Vec<Failure>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        for (name, counts) in self.files.iter().chain(&self.categories) {
            writeln!(f, "{name}: {counts}")?;
            for (reason, n) in &counts.not_supported {
                writeln!(f, "    {n} not supported: {reason}")?;
            }
        }
        if self.pinned != Counts::default() {
            writeln!(f, "pinned by @: {}", self.pinned)?;
        }
        Ok(())
    }
}

enum Verdict {
    Passed,
    Failed(String),
    NotSupported(String),
}

/// Runs scripts and collects the report.
pub struct Runner<'a, E> {
    engine: &'a mut E,
    manifest: &'a Manifest,
    category: Option<&'a str>,
    report: Report,
}

impl<'a, E: QueryEngine> Runner<'a, E> {
    /// A runner for all evaluations, or for those of one category.
    pub fn new(engine: &'a mut E, manifest: &'a Manifest, category: Option<&'a str>) -> Self {
        Self { engine, manifest, category, report: Report::default() }
    }

    /// The report so far.
    pub fn finish(self) -> Report {
        self.report
    }

    /// Runs one script, given by the name that the manifest has for it and its text.
    pub fn run(&mut self, file: &str, text: &str) {
        let commands = match parse_script(text) {
            Ok(commands) => commands,
            Err(e) => return self.fail(file, e.line, "", e.message),
        };
        let mut storage = TestStorage::new();
        for command in &commands {
            match command {
                Command::Eval(eval) => self.eval(file, eval, &storage),
                other => storage.apply(other),
            }
        }
    }

    fn fail(&mut self, file: &str, line: usize, query: &str, message: String) {
        let category = self.manifest.category(file, line).to_owned();
        let (file, query) = (file.to_owned(), query.to_owned());
        self.report.failures.push(Failure { file, line, category, query, message });
    }

    fn eval(&mut self, file: &str, eval: &Eval, storage: &TestStorage) {
        let category = self.manifest.category(file, eval.line);
        if self.category.is_some_and(|wanted| wanted != category) {
            return;
        }
        let verdict = self.verdict(eval, storage);
        for counts in [
            self.report.files.entry(file.to_owned()).or_default(),
            self.report.categories.entry(category.to_owned()).or_default(),
        ] {
            match &verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Failed(_) => counts.failed += 1,
                Verdict::NotSupported(why) => *counts.not_supported.entry(why.clone()).or_default() += 1,
            }
        }
        if let Verdict::Passed = verdict
            && let EvalTime::Instant { at_ms } = eval.time
        {
            self.check_pinned(file, eval, at_ms, storage);
        }
        if let Verdict::Failed(message) = verdict {
            self.fail(file, eval.line, &eval.query, message);
        }
    }

    /// Runs an instant query pinned to its instant at others.
    fn check_pinned(&mut self, file: &str, eval: &Eval, at_ms: i64, storage: &TestStorage) {
        // Prometheus's choice of instants.
        let others = if at_ms == 0 { vec![-1_000, 1_000] } else { vec![-10 * at_ms, 0, at_ms / 5, at_ms, 10 * at_ms] };
        for eval_ms in others {
            let Some(outcome) = self.engine.pinned(storage, &eval.query, at_ms, eval_ms) else { return };
            if let QueryOutcome::NotSupported(why) = outcome {
                *self.report.pinned.not_supported.entry(why).or_default() += 1;
                return;
            }
            if let Err(message) = check(eval, &outcome) {
                self.report.pinned.failed += 1;
                let message = format!("pinned by @, at {eval_ms} ms: {message}");
                return self.fail(file, eval.line, &eval.query, message);
            }
        }
        self.report.pinned.passed += 1;
    }

    fn verdict(&mut self, eval: &Eval, storage: &TestStorage) -> Verdict {
        if eval.unreadable.is_some() {
            return Verdict::NotSupported("series are expected in a notation that is not supported".to_owned());
        }
        let outcome = match eval.time {
            EvalTime::Instant { at_ms } => self.engine.instant(storage, &eval.query, at_ms),
            EvalTime::Range { start_ms, end_ms, step_ms } => {
                self.engine.range(storage, &eval.query, start_ms, end_ms, step_ms)
            }
        };
        if let QueryOutcome::NotSupported(why) = outcome {
            return Verdict::NotSupported(why);
        }
        let notes = self.engine.annotations().map_or(Ok(()), |found| check_notes(eval, found));
        match check(eval, &outcome).and(notes).and_then(|()| self.check_in_range(eval, &outcome, storage)) {
            Ok(()) => Verdict::Passed,
            Err(message) => Verdict::Failed(message),
        }
    }

    /// Runs an instant query as the middle step of a range.
    fn check_in_range(&mut self, eval: &Eval, outcome: &QueryOutcome, storage: &TestStorage) -> Result<(), String> {
        let EvalTime::Instant { at_ms } = eval.time else { return Ok(()) };
        if eval.ordered || depends_on_range(&eval.query) {
            return Ok(());
        }
        let scalar = match outcome {
            QueryOutcome::Vector(_) => false,
            QueryOutcome::Scalar(_) => true,
            _ => return Ok(()),
        };
        let found = self.engine.range(storage, &eval.query, at_ms - 60_000, at_ms + 60_000, 60_000);
        let QueryOutcome::Matrix(series) = found else {
            return Err(format!("as the middle of a range: {found:?}"));
        };
        let middle = at_step(&series, at_ms);
        let again = match middle.first() {
            Some((_, v)) if scalar => QueryOutcome::Scalar(v.float()),
            _ => QueryOutcome::Vector(middle),
        };
        check(eval, &again).map_err(|e| format!("as the middle of a range: {e}"))
    }
}

fn at_step(series: &[(Labels, Vec<(i64, Value)>)], at_ms: i64) -> Vec<(Labels, Value)> {
    let value = |points: &[(i64, Value)]| points.iter().find(|(stamp, _)| *stamp == at_ms).map(|(_, v)| v.clone());
    series.iter().filter_map(|(labels, points)| Some((labels.clone(), value(points)?))).collect()
}

fn depends_on_range(query: &str) -> bool {
    let query = query.to_lowercase();
    ["start()", "end()", "step()", "range()", "sort"].iter().any(|word| query.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every query with the newest samples at or before the instant, and knows no ranges.
    struct Newest;

    impl QueryEngine for Newest {
        fn instant(&mut self, storage: &TestStorage, query: &str, at_ms: i64) -> QueryOutcome {
            match query {
                "unknown" => QueryOutcome::NotSupported("unknown".to_owned()),
                "bad" => QueryOutcome::Error("no such thing".to_owned()),
                _ => {
                    let newest = |points: &[(i64, Value)]| points.iter().rfind(|p| p.0 <= at_ms).map(|p| p.1.clone());
                    let rows = storage.series().iter().filter_map(|(l, p)| Some((l.clone(), newest(p)?)));
                    QueryOutcome::Vector(rows.collect())
                }
            }
        }

        fn range(&mut self, storage: &TestStorage, query: &str, start: i64, end: i64, step: i64) -> QueryOutcome {
            let mut rows: BTreeMap<Labels, Vec<(i64, Value)>> = BTreeMap::new();
            for at in (start..=end).step_by(step as usize) {
                let QueryOutcome::Vector(v) = self.instant(storage, query, at) else {
                    return QueryOutcome::Error("no vector".to_owned());
                };
                v.into_iter().for_each(|(labels, value)| rows.entry(labels).or_default().push((at, value)));
            }
            QueryOutcome::Matrix(rows.into_iter().collect())
        }
    }

    #[test]
    fn outcomes_are_counted_and_failures_named() {
        let script = "load 1m\n  m{a=\"1\"} 1 2 1\n  m{a=\"1\"} 1 2 3\n\n\
            eval instant at 1m m\n  m{a=\"1\"} 2\n\n\
            eval instant at 1m m\n  m{a=\"1\"} 7\n\n\
            eval range from 0 to 2m step 1m m\n  m{a=\"1\"} 1 2 3\n\n\
            eval instant at 0 bad\n  expect fail msg: no such thing\n\n\
            eval instant at 0 bad\n\neval instant at 0 unknown\n\n\
            eval instant at 0 m\n  m {{count:1}}\n\n\
            clear\n\neval instant at 1m m\n";
        let manifest = Manifest::default();
        let mut engine = Newest;
        let mut runner = Runner::new(&mut engine, &manifest, None);
        runner.run("a.test", script);
        let report = runner.finish();
        let counts = &report.files["a.test"];
        assert_eq!((counts.passed, counts.failed, counts.not_supported.len()), (4, 3, 1), "{report}");
        let lines: Vec<usize> = report.failures.iter().map(|f| f.line).collect();
        assert_eq!(lines, [8, 17, 21]);
    }
}

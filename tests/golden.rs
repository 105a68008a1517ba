//! The engine against Prometheus's own scripts: every evaluation passes, but for those that are listed with a reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod engine;

use bellwether_dataflow::lower::{Compiled, Gives};
use bellwether_model::{Labels, Value};
use bellwether_operators::program::ResultOrder;
use bellwether_test_support::script::{Manifest, QueryEngine, QueryOutcome, Runner, TestStorage};
use bellwether_test_support::shared_or_skip;
use engine::{Cut, Refused, compile_pinned, compile_query, order_of, results};

/// Evaluations that pass, by category: `core` (1,204) needs no feature, `native_histogram` (824) neither, `flags` (406) one
/// that is experimental. Floors only rise.
const FLOORS: [(&str, usize); 3] = [("core", 1203), ("native_histogram", 815), ("flags", 406)];

/// Evaluations that do not pass: script, lines, and why. The list only shrinks.
const MISSING: [(&str, &[usize], &str); 2] = [
    ("aggregators.test", &[481], "a string that is not UTF-8 is refused when it is read, in other words"),
    (
        "native_histograms.test",
        &[1994, 1999, 2004, 2009, 2017, 2022, 2084, 2088, 2092],
        "a warning of resets that Prometheus finds while it reads counts and sums without buckets: it compares with what its \
         iterator happened to read before",
    ),
];

/// Instant queries of all categories that give the same at other instants with `@` behind their selectors.
const PINNED: usize = 1988;

#[derive(Default)]
struct Engine {
    annotations: Vec<String>,
}

impl Engine {
    fn answer(&mut self, storage: &TestStorage, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> QueryOutcome {
        self.annotations.clear();
        match compile_query(query, start_ms, end_ms, step_ms) {
            Ok(compiled) => self.run(storage, compiled, (start_ms, end_ms)),
            Err(refused) => outcome(refused),
        }
    }

    fn run(&mut self, storage: &TestStorage, compiled: Compiled, (start_ms, end_ms): (i64, i64)) -> QueryOutcome {
        let gives = compiled.rules.first().map(|r| r.gives.clone()).unwrap_or_default();
        if let Gives::Text(text) = gives {
            return QueryOutcome::String(text);
        }
        let cut = Cut { workers: 1, block_ms: 86_400_000 };
        let order = order_of(&compiled);
        let found = results(compiled, storage.samples().collect(), (start_ms, end_ms), cut);
        self.annotations = found.annotations.iter().map(ToString::to_string).collect();
        if let Some(error) = found.errors.first() {
            return QueryOutcome::Error(error.message.clone());
        }
        if start_ms < end_ms || gives == Gives::Samples {
            let rows = found.rows.into_iter();
            return QueryOutcome::Matrix(rows.map(|((_, l), p)| (l.unwrap_or_default(), p)).collect());
        }
        let mut vector = Vec::new();
        for ((_, labels), points) in found.rows {
            match (labels, points.first()) {
                (None, Some((_, value))) => return QueryOutcome::Scalar(value.float()),
                (Some(labels), Some((_, value))) => vector.push((labels, value.clone())),
                _ => {}
            }
        }
        let mut keys: Vec<(Labels, f64)> = vector.iter().map(|(l, v)| (l.clone(), v.float())).collect();
        order.sort(&mut keys);
        // As Prometheus does: only floats have an order of values.
        if matches!(order, ResultOrder::Value { .. }) {
            vector.retain(|(_, v)| matches!(v, Value::Float(_)));
        }
        vector.sort_by_key(|(labels, _)| keys.iter().position(|(l, _)| l == labels));
        QueryOutcome::Vector(vector)
    }
}

fn outcome(refused: Refused) -> QueryOutcome {
    match refused {
        Refused::Syntax(message) => QueryOutcome::Error(message),
        Refused::NotSupported(what) => QueryOutcome::NotSupported(what),
    }
}

impl QueryEngine for Engine {
    fn instant(&mut self, storage: &TestStorage, query: &str, at_ms: i64) -> QueryOutcome {
        self.answer(storage, query, at_ms, at_ms, 60_000)
    }

    fn annotations(&self) -> Option<&[String]> {
        Some(&self.annotations)
    }

    fn pinned(&mut self, storage: &TestStorage, query: &str, at_ms: i64, eval_ms: i64) -> Option<QueryOutcome> {
        let compiled = match compile_pinned(query, at_ms, eval_ms)? {
            Ok(compiled) => compiled,
            Err(refused) => return Some(outcome(refused)),
        };
        Some(self.run(storage, compiled, (eval_ms, eval_ms)))
    }

    fn range(&mut self, storage: &TestStorage, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> QueryOutcome {
        self.answer(storage, query, start_ms, end_ms, step_ms)
    }
}

#[test]
fn evaluations_agree_with_prometheus() {
    let Some(shared) = shared_or_skip("evaluations_agree_with_prometheus") else { return };
    let folder = shared.join("conformance/promqltest/prometheus");
    let manifest = Manifest::read(&folder.join("manifest.jsonl")).unwrap();
    let (mut low, mut pinned, mut failed) = (Vec::new(), 0, Vec::new());
    for (category, floor) in FLOORS {
        let mut engine = Engine::default();
        let mut runner = Runner::new(&mut engine, &manifest, Some(category));
        for file in manifest.files() {
            runner.run(file, &std::fs::read_to_string(folder.join(file)).unwrap());
        }
        let report = runner.finish();
        println!("{report}");
        let counts = &report.categories[category];
        pinned += report.pinned.passed;
        failed.extend(report.failures.iter().map(|f| (f.file.clone(), f.line)));
        println!("{category}: {counts} of {}", manifest.count(category));
        low.extend((counts.passed < floor).then(|| format!("{category}: {counts}, the floor is {floor}")));
    }
    println!("pinned by @: {pinned}");
    for (file, lines, why) in MISSING {
        println!("{} of {file} do not pass: {why}", lines.len());
    }
    let missing = MISSING.iter().flat_map(|(file, lines, _)| lines.iter().map(|line| ((*file).to_owned(), *line)));
    assert_eq!(failed, missing.collect::<Vec<_>>(), "what fails has a reason, and what has one fails");
    low.extend((pinned < PINNED).then(|| format!("pinned by @: {pinned}, the floor is {PINNED}")));
    assert!(low.is_empty(), "{low:?}");
}

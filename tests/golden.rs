//! The engine against Prometheus's own scripts: every evaluation within the constructs supported so far passes; the rest
//! is listed by reason, and the list shrinks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod engine;

use bellwether_test_support::script::{Manifest, QueryEngine, QueryOutcome, Runner, TestStorage};
use bellwether_test_support::shared_or_skip;
use engine::{Cut, Refused, compile_query, results};

/// Evaluations of category `core` (1,204) that pass; the floor only rises.
const FLOOR: usize = 921;

struct Engine;

impl Engine {
    fn answer(storage: &TestStorage, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> QueryOutcome {
        let compiled = match compile_query(query, start_ms, end_ms, step_ms) {
            Ok(compiled) => compiled,
            Err(Refused::Syntax(message)) => return QueryOutcome::Error(message),
            Err(Refused::NotSupported(what)) => return QueryOutcome::NotSupported(what),
        };
        let cut = Cut { workers: 1, block_ms: 86_400_000 };
        let found = results(compiled, storage.samples().collect(), (start_ms, end_ms), cut);
        if let Some(error) = found.errors.first() {
            return QueryOutcome::Error(error.message.clone());
        }
        if start_ms < end_ms {
            let rows = found.rows.into_iter();
            return QueryOutcome::Matrix(rows.map(|((_, l), p)| (l.unwrap_or_default(), p)).collect());
        }
        let mut vector = Vec::new();
        for ((_, labels), points) in found.rows {
            match (labels, points.first()) {
                (None, Some((_, value))) => return QueryOutcome::Scalar(*value),
                (Some(labels), Some((_, value))) => vector.push((labels, *value)),
                _ => {}
            }
        }
        QueryOutcome::Vector(vector)
    }
}

impl QueryEngine for Engine {
    fn instant(&mut self, storage: &TestStorage, query: &str, at_ms: i64) -> QueryOutcome {
        Self::answer(storage, query, at_ms, at_ms, 60_000)
    }

    fn range(&mut self, storage: &TestStorage, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> QueryOutcome {
        Self::answer(storage, query, start_ms, end_ms, step_ms)
    }
}

#[test]
fn core_evaluations_agree_with_prometheus() {
    let Some(shared) = shared_or_skip("core_evaluations_agree_with_prometheus") else { return };
    let folder = shared.join("conformance/promqltest/prometheus");
    let manifest = Manifest::read(&folder.join("manifest.jsonl")).unwrap();
    let mut engine = Engine;
    let mut runner = Runner::new(&mut engine, &manifest, Some("core"));
    for file in manifest.files() {
        runner.run(file, &std::fs::read_to_string(folder.join(file)).unwrap());
    }
    let report = runner.finish();
    println!("{report}");
    let core = &report.categories["core"];
    println!("core: {core} of {}", manifest.count("core"));
    assert!(core.passed >= FLOOR, "{core} of {}", manifest.count("core"));
}

//! Prometheus's own scripts, run on the engine.

use crate::engine::{Cut, Refused, compile_pinned, compile_query, order_of, results};
use bellwether_dataflow::lower::{Compiled, Gives};
use bellwether_model::{Labels, Value};
use bellwether_operators::program::ResultOrder;
use bellwether_test_support::script::{Manifest, QueryEngine, QueryOutcome, Report, Runner, TestStorage};
use std::path::Path;

/// The engine on one worker, as the runner calls it.
#[derive(Clone, Debug, Default)]
pub struct Engine {
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
        let found = match results(compiled, storage.samples().collect(), (start_ms, end_ms), cut) {
            Ok(found) => found,
            Err(message) => return QueryOutcome::Error(message),
        };
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

/// Runs all scripts, or the evaluations of one category.
pub fn run(shared: &Path, category: Option<&str>) -> Result<(Manifest, Report), String> {
    let folder = shared.join("conformance/promqltest/prometheus");
    let manifest = Manifest::read(&folder.join("manifest.jsonl")).map_err(|e| e.to_string())?;
    let mut engine = Engine::default();
    let mut runner = Runner::new(&mut engine, &manifest, category);
    for file in manifest.files() {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        runner.run(file, &text);
    }
    let report = runner.finish();
    Ok((manifest, report))
}

//! The evaluator against Prometheus's own scripts: how many evaluations of each category pass.

#![allow(clippy::unwrap_used)]

use bellwether_oracle::{Answer, Fault, Oracle};
use bellwether_test_support::script::{Manifest, QueryEngine, QueryOutcome, Runner, TestStorage};
use bellwether_test_support::shared_or_skip;

/// Evaluations that pass, by category; floors only rise. Of `core` (1,204) one is missing: it wants the words of a string
/// that is no UTF-8.
const FLOORS: [(&str, usize); 3] = [("core", 1_203), ("native_histogram", 823), ("flags", 363)];

#[derive(Default)]
struct Engine {
    built: Option<(u64, Oracle)>,
}

impl Engine {
    /// The evaluator over what the script has loaded, built again only when that has changed.
    fn oracle(&mut self, storage: &TestStorage) -> &Oracle {
        let build = || (storage.version(), Oracle::new(storage.samples()));
        let kept = self.built.take().filter(|(version, _)| *version == storage.version());
        &self.built.insert(kept.unwrap_or_else(build)).1
    }
}

fn outcome(answer: Result<Answer, Fault>) -> QueryOutcome {
    match answer {
        Ok(Answer::Scalar(v)) => QueryOutcome::Scalar(v),
        Ok(Answer::Vector(v)) => QueryOutcome::Vector(v),
        Ok(Answer::Matrix(m)) => QueryOutcome::Matrix(m),
        Ok(Answer::Text(s)) => QueryOutcome::String(s),
        Err(Fault::Query(message)) => QueryOutcome::Error(message),
        Err(Fault::NotSupported(what)) => QueryOutcome::NotSupported(what),
    }
}

impl QueryEngine for Engine {
    fn instant(&mut self, storage: &TestStorage, query: &str, at_ms: i64) -> QueryOutcome {
        outcome(self.oracle(storage).instant(query, at_ms))
    }

    fn range(&mut self, storage: &TestStorage, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> QueryOutcome {
        outcome(self.oracle(storage).range(query, start_ms, end_ms, step_ms).map(Answer::Matrix))
    }
}

#[test]
fn evaluations_agree_with_prometheus() {
    let Some(shared) = shared_or_skip("evaluations_agree_with_prometheus") else { return };
    let folder = shared.join("conformance/promqltest/prometheus");
    let manifest = Manifest::read(&folder.join("manifest.jsonl")).unwrap();
    let mut low = Vec::new();
    for (category, floor) in FLOORS {
        let mut engine = Engine::default();
        let mut runner = Runner::new(&mut engine, &manifest, Some(category));
        for file in manifest.files() {
            runner.run(file, &std::fs::read_to_string(folder.join(file)).unwrap());
        }
        let report = runner.finish();
        println!("{report}");
        let counts = &report.categories[category];
        println!("{category}: {counts} of {}", manifest.count(category));
        low.extend((counts.passed < floor).then(|| format!("{category}: {counts}, the floor is {floor}")));
    }
    assert!(low.is_empty(), "{low:?}");
}

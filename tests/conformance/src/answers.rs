//! Prometheus's answers on the benchmarks' data, and the engine's.
//!
//! # Semantics
//! Rules that are not supported yet are left out and named. Equality is the benchmark's own: labels and steps exactly,
//! values within 1e-9.

use crate::engine::{Cut, results};
use bellwether_dataflow::lower::{Options, Recorded, RuleInput, compile, rule_inputs};
use bellwether_dataflow::rules::load_text;
use bellwether_test_support::compare::{Comparison, ResultRow, compare as compare_rows, load};
use bellwether_test_support::samples::load_samples;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Rules, data and answers.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The name of data and answers.
    pub name: &'static str,
    /// First step, s.
    pub first_s: i64,
    /// Last step, s.
    pub last_s: i64,
    /// Distance of two steps, s.
    pub step_s: i64,
    /// The queries were asked one by one: none of them may see what another one records.
    pub keeps_recorded: bool,
}

/// A fleet of web hosts with 20 rules, of which one gives nothing, neither there nor here.
pub const FLEET: Workload =
    Workload { name: "fleet_small", first_s: 1_700_000_100, last_s: 1_700_010_885, step_s: 15, keeps_recorded: false };

/// Real series of the Numenta Anomaly Benchmark with 15 rules.
pub const NAB: Workload =
    Workload { name: "nab", first_s: 1_392_388_200, last_s: 1_398_330_000, step_s: 300, keeps_recorded: false };

/// The 566 queries of the PromQL compliance tester, as recording rules.
pub const DEMO: Workload =
    Workload { name: "demo", first_s: 1_700_004_780, last_s: 1_700_008_380, step_s: 60, keeps_recorded: true };

/// What a run of a workload came to.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Rules that Prometheus gave a result for.
    pub expected_rules: usize,
    /// The verdict on those that are supported.
    pub comparison: Comparison,
    /// Rules that are not supported, and why.
    pub left_out: Vec<String>,
}

impl Workload {
    /// The file of rules.
    pub fn rules(&self, shared: &Path) -> PathBuf {
        shared.join("bench").join(format!("{}_rules.yml", self.name.trim_end_matches("_small")))
    }

    /// The file of samples.
    pub fn data(&self, shared: &Path) -> PathBuf {
        shared.join(format!("data/{}.parquet", self.name))
    }

    /// The file of Prometheus's answers.
    pub fn expected(&self, shared: &Path) -> PathBuf {
        shared.join(format!("bench/expected/{}.parquet", self.name))
    }

    /// Runs it and compares.
    pub fn answer(&self, shared: &Path, cut: Cut) -> Result<Answered, String> {
        let text = std::fs::read_to_string(self.rules(shared)).map_err(|e| e.to_string())?;
        let set = load_text("rules.yml", &text).map_err(|errors| format!("{errors:?}"))?;
        let recorded = if self.keeps_recorded { Recorded::Keep } else { Recorded::Recompute };
        let options =
            Options { interval_override_ms: Some(self.step_s * 1000), recorded, taps: true, ..Options::default() };
        let mut expected = load(&self.expected(shared)).map_err(|e| e.to_string())?;
        let expected_rules = expected.iter().map(|row| row.rule.as_str()).collect::<BTreeSet<_>>().len();
        let (mut supported, mut left_out): (Vec<RuleInput<'_>>, _) = (Vec::new(), Vec::new());
        for rule in rule_inputs(&set) {
            match compile(std::slice::from_ref(&rule), &[], &options) {
                Ok(_) => supported.push(rule),
                Err(errors) => {
                    let why = errors.first().map(|e| e.message.clone()).unwrap_or_default();
                    left_out.push(format!("{}: {why}", rule.name));
                    expected.retain(|row| row.rule != rule.name);
                }
            }
        }
        let compiled = compile(&supported, &[], &options).map_err(|errors| format!("{errors:?}"))?;
        let names: Vec<&str> = supported.iter().map(|r| r.name).collect();
        let samples = load_samples(&self.data(shared)).map_err(|e| e.to_string())?;
        let found = results(compiled, samples, (self.first_s * 1000, self.last_s * 1000), cut)?;
        // As recording rules some compliance queries fail, because their results differ in the name only: their results
        // as queries count here.
        let of_queries: Vec<_> = found.errors.iter().filter(|e| e.tag.is_some()).collect();
        if !of_queries.is_empty() {
            return Err(format!("{of_queries:?}"));
        }
        let mut rows = Vec::new();
        for ((tag, labels), points) in found.rows {
            let rule = names.get(tag as usize).copied().unwrap_or_default();
            rows.extend(points.into_iter().map(|(timestamp_ms, value)| ResultRow {
                rule: rule.to_owned(),
                labels: labels.clone().unwrap_or_default(),
                timestamp_ms,
                value: value.float(),
            }));
        }
        Ok(Answered { expected_rules, comparison: compare_rows(&expected, &rows), left_out })
    }
}

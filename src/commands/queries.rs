//! Queries beside rules: expressions of unit tests, and what the templates of alerts ask.
//!
//! # Semantics
//! Each is evaluated once, at its instant, by the program that runs the rules, and sees what all rules left there.

use bellwether_dataflow::lower::{self, Compiled, LowerError, QueryInput, RuleInput};
use bellwether_dataflow::promql::{self, Expr};
use bellwether_model::Labels;
use bellwether_operators::evaluate::{Ask, ExpressionError, VectorRow};
use bellwether_operators::program::Op;
use bellwether_operators::template::Sample;
use std::collections::BTreeMap;

/// How often templates may ask further queries because of what they were answered.
pub const MOST_QUESTIONS: usize = 8;

/// A program, and for each query the tag of its tap; an error where it cannot be evaluated.
pub type Tagged = (Compiled, Vec<Result<usize, String>>);

/// Compiles rules and queries. A query that cannot be compiled fails alone; errors of rules fail all.
pub fn compile(
    rules: &[RuleInput<'_>],
    asked: &[Ask],
    options: &lower::Options,
    features: &promql::Options,
) -> Result<Tagged, Vec<LowerError>> {
    let parsed: Vec<Result<Expr, String>> =
        asked.iter().map(|(text, _)| promql::parse_with(text, features).map_err(|e| e.to_string())).collect();
    let mut refused: BTreeMap<usize, String> = BTreeMap::new();
    loop {
        let good: Vec<usize> = (0..parsed.len()).filter(|i| parsed[*i].is_ok() && !refused.contains_key(i)).collect();
        let queries: Vec<QueryInput<'_>> = good.iter().filter_map(|i| query(&asked[*i], &parsed[*i])).collect();
        let errors = match lower::compile(rules, &queries, options) {
            Ok(compiled) => {
                let tag = |i: usize| good.binary_search(&i).map(|at| rules.len() + at).ok();
                let refusal = |i: usize| refused.get(&i).cloned();
                let tags = parsed.iter().enumerate().map(|(i, e)| match (e, tag(i)) {
                    (Err(e), _) => Err(e.clone()),
                    (Ok(_), Some(tag)) => Ok(tag),
                    (Ok(_), None) => Err(refusal(i).unwrap_or_default()),
                });
                return Ok((compiled, tags.collect()));
            }
            Err(errors) => errors,
        };
        let of_queries = |e: &LowerError| e.unit.and_then(|u| u.checked_sub(rules.len())).and_then(|q| good.get(q));
        if errors.iter().any(|e| of_queries(e).is_none()) {
            return Err(errors);
        }
        refused.extend(errors.iter().filter_map(|e| Some((*of_queries(e)?, e.message.clone()))));
    }
}

fn query<'a>((text, at_ms): &'a Ask, parsed: &'a Result<Expr, String>) -> Option<QueryInput<'a>> {
    let expr = parsed.as_ref().ok()?;
    let range_ms = Some((*at_ms, *at_ms));
    Some(QueryInput { text, expr, interval_ms: 1, phase_ms: 0, range_ms, any_type: false })
}

/// What a run's taps gave.
#[derive(Debug, Default)]
pub struct Tapped {
    /// By tag.
    pub vectors: BTreeMap<usize, Vec<VectorRow>>,
    /// Of rules and taps.
    pub errors: Vec<ExpressionError>,
}

impl Tapped {
    /// The result of a query at its instant, in the order in which Prometheus gives it.
    pub fn answer(&self, compiled: &Compiled, tag: usize, at_ms: i64) -> Result<Vec<Sample>, String> {
        if let Some(e) = self.errors.iter().find(|e| e.tag == Some(tag as u32)) {
            return Err(e.message.clone());
        }
        let at = |row: &VectorRow| row.steps_ms.iter().position(|s| *s == at_ms).map(|i| row.values[i]);
        let rows = self.vectors.get(&tag).into_iter().flatten();
        let mut rows: Vec<(Labels, f64)> =
            rows.filter_map(|row| Some((row.labels.clone().unwrap_or_else(Labels::empty), at(row)?))).collect();
        let tap = compiled.rules.get(tag).and_then(|r| r.tap);
        if let Some(Op::Tap(spec)) = tap.map(|n| &compiled.program.nodes[n].op) {
            spec.order.sort(&mut rows);
        }
        Ok(rows.into_iter().map(|(labels, value)| Sample { labels, value }).collect())
    }
}

//! Which rules begin with a rule table, and what runs in shadow for them.

use super::Job;
use super::begin::Parts;
use crate::live::error::LiveError;
use bellwether_dataflow::lower::{self, QueryInput, RuleInput};
use bellwether_dataflow::rules::Diagnostic;
use bellwether_operators::program::Program;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Prometheus's lookback: an element that has no sample for so long is absent.
const LOOKBACK_MS: i64 = 300_000;

/// What runs in shadow.
pub(super) struct Shadow {
    /// New rules and what they read.
    pub program: Arc<Program>,
    /// The first step, ms.
    pub from_ms: i64,
    /// The oldest stamp that is read, ms.
    pub reads_from_ms: i64,
    /// Since when samples are known, ms.
    pub history_ms: i64,
}

/// Rules whose effect the table before does not have, and those of the same name beside them, which count each other.
fn new_rules(job: &Job, rules: &[RuleInput<'_>]) -> BTreeSet<usize> {
    let known: BTreeSet<_> = job.before.program.nodes.iter().map(|n| n.id).collect();
    let program = &job.table.program;
    let infos = job.table.compiled.rules.iter().enumerate().take(rules.len());
    let found = infos.filter(|(_, info)| !known.contains(&program.nodes[info.root].id)).map(|(i, _)| i);
    let name = |i: usize| (rules[i].file, rules[i].group, rules[i].name);
    let names: BTreeSet<_> = found.map(name).collect();
    (0..rules.len()).filter(|i| names.contains(&name(*i))).collect()
}

/// What runs in shadow for the rules that begin; `None` where none does.
pub(super) fn shadow_of(job: &Job, parts: Option<&Parts>) -> Result<Option<Shadow>, LiveError> {
    let rules = lower::rule_inputs(&job.table.set);
    let new = new_rules(job, &rules);
    if new.is_empty() {
        return Ok(None);
    }
    let options = job.tables.options();
    let read = |(text, expr)| QueryInput {
        text,
        expr,
        interval_ms: options.default_interval_ms,
        phase_ms: 0,
        range_ms: None,
        any_type: true,
    };
    let reads = new.iter().flat_map(|i| {
        let asked = rules[*i].queries.iter().filter_map(|q| Some((q.text.as_str(), q.expr.as_ref().ok()?)));
        std::iter::once((rules[*i].expr_text, rules[*i].expr)).chain(asked)
    });
    let mut run = lower::rules_read(&rules, &reads.map(read).collect::<Vec<_>>(), options);
    run.extend(&new);
    let some: Vec<RuleInput<'_>> = run.iter().map(|i| rules[*i].clone()).collect();
    // The whole compiles, so a part of it does.
    let compiled = lower::compile(&some, &[], options).map_err(|errors| {
        let told = errors.into_iter().map(|e| Diagnostic::error("the new rules by themselves", e.message));
        LiveError::Rules(told.collect())
    })?;
    let program = Arc::new(compiled.program);
    let held = new.iter().map(|i| rules[*i].for_ms.saturating_add(rules[*i].keep_firing_for_ms)).max().unwrap_or(0);
    let from_ms = job.watermark_ms.saturating_sub(held).saturating_sub(options.default_interval_ms);
    // Rules that are read begin before the first step; where nothing is known from that far back, so does nothing.
    let reads_from_ms = program.read_from_ms(from_ms, None);
    let history_ms = match parts.filter(|_| reads_from_ms < job.log.whole_from_ms()) {
        Some(parts) => parts.known_from_ms(job.begun_ms),
        None => job.log.whole_from_ms().max(job.begun_ms),
    };
    let from_ms = from_ms.max(history_ms.saturating_add(LOOKBACK_MS));
    Ok(Some(Shadow { program, from_ms, reads_from_ms, history_ms }))
}

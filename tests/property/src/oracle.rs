//! A case, told by the naive evaluator.

use crate::case::Case;
use crate::data::in_order;
use crate::engine::Compiled;
use crate::told::Told;
use bellwether_oracle::{Fault, Group, Options, Oracle, Outcome, Rule, RuleKind};

/// The rule groups, as the oracle takes them.
fn groups(case: &Case) -> Vec<Group> {
    let rule = |group: &crate::groups::Group, rule: &crate::groups::Rule| {
        let labels = group.labels_of(rule);
        let (for_ms, keep_firing_for_ms) = (rule.for_s * 1000, rule.keep_firing_for_s * 1000);
        let kind = if rule.is_alert { RuleKind::Alert { for_ms, keep_firing_for_ms } } else { RuleKind::Record };
        Rule { name: rule.name.clone(), expr: rule.expr.to_string(), labels, kind }
    };
    let group = |g: &crate::groups::Group| Group {
        file: "rules.yml".to_owned(),
        name: g.name.clone(),
        interval_ms: g.interval_s * 1000,
        phase_ms: 0,
        query_offset_ms: g.query_offset_s * 1000,
        limit: g.limit,
        rules: g.rules.iter().map(|r| rule(g, r)).collect(),
    };
    case.groups.iter().map(group).collect()
}

/// What the evaluator says; `noise` as in [`Options::noise`].
pub fn tell(case: &Case, compiled: &Compiled, noise: u64) -> Result<Told, Fault> {
    let groups = groups(case);
    // The first instant of all: that of a rule that is read, or of a subquery.
    let longest_ms = groups.iter().map(|g| g.query_offset_ms).max().unwrap_or(0);
    let first_ms = case.warm_from_ms.min(case.from_ms - longest_ms);
    let options = Options {
        lookback_ms: case.lookback_ms,
        subquery_step_ms: 60_000,
        subquery_from_ms: first_ms,
        noise,
        ties_by_labels: true,
    };
    let oracle = Oracle::with_options(in_order(&case.series), options);
    let before: Vec<usize> = groups
        .iter()
        .scan(0, |sum, g| {
            *sum += g.rules.len();
            Some(*sum - g.rules.len())
        })
        .collect();
    // What others read is evaluated in the warm-up already.
    let begins = |group: usize, rule: usize| match compiled.is_read[before[group] + rule] {
        true => case.warm_from_ms.max(first_ms + groups[group].query_offset_ms),
        false => case.from_ms,
    };
    let history = oracle.alerts_from(&groups, begins, case.to_ms)?;
    let mut told = Told::default();
    for e in history.evaluations.into_iter().filter(|e| e.step_ms >= case.from_ms) {
        let at = (before[e.group] + e.rule, e.step_ms);
        match e.outcome {
            Outcome::Result { rows, .. } if rows.is_empty() => {}
            Outcome::Result { rows, .. } => drop(told.rows.insert(at, rows.into_iter().collect())),
            Outcome::Failed(_) => drop(told.failed.insert(at)),
        }
    }
    for t in history.transitions.into_iter().filter(|t| t.step_ms >= case.from_ms) {
        let event = (before[t.group] + t.rule, t.step_ms, t.labels);
        told.events.insert(event, (t.transition, t.value, t.active_at_ms, t.fired_at_ms));
    }
    Ok(told)
}

//! A unit: one rule or one query, with the place of its evaluations in the total order.

use super::at::has_at;
use super::input::{QueryInput, RuleInput, RuleKind};
use super::late::Again;
use super::options::{Options, TemplateQueries};
use super::phase::group_phase_ms;
use crate::rules::TemplateQuery;
use bellwether_model::hash128;
use promql_parser::parser::Expr;
use std::collections::BTreeMap;

/// Place of an evaluation among those of one step: queries come after all rules.
pub(super) type Order = (bool, usize, usize, usize);

/// What the unit was made from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    Rule(&'a RuleInput<'a>),
    Query(&'a QueryInput<'a>),
}

#[derive(Clone, Debug)]
pub(super) struct Unit<'a> {
    pub(super) index: usize,
    pub(super) origin: Origin<'a>,
    pub(super) expr: &'a Expr,
    pub(super) text: &'a str,
    pub(super) order: Order,
    pub(super) interval_ms: i64,
    /// Phase of the evaluation instants, query offset taken off.
    pub(super) phase_ms: i64,
    pub(super) query_offset_ms: i64,
    /// State identity; 0 for queries.
    pub(super) rule_id: u128,
    /// First and last step of a range query, ms; of rules `start()` and `end()` are the step.
    pub(super) range_ms: Option<(i64, i64)>,
    /// Whether the expression carries `@`.
    pub(super) has_at: bool,
    /// What the templates of an alert query, as far as the program is to answer it.
    pub(super) queries: Vec<&'a TemplateQuery>,
    /// Of a second evaluation.
    pub(super) again: Option<Again>,
}

impl<'a> Unit<'a> {
    /// What a template asks: an instant query at the step, which stands where the rule stands in the order of evaluations;
    /// `None` where it is no expression.
    pub(super) fn asking(&self, query: &'a TemplateQuery) -> Option<Unit<'a>> {
        let expr = query.expr.as_ref().ok()?;
        Some(Unit {
            expr,
            text: &query.text,
            phase_ms: (self.phase_ms + self.query_offset_ms).rem_euclid(self.interval_ms),
            query_offset_ms: 0,
            has_at: has_at(expr),
            queries: Vec::new(),
            ..self.clone()
        })
    }

    /// The expressions that it reads series by.
    pub(super) fn exprs(&self) -> impl Iterator<Item = &'a Expr> + '_ {
        std::iter::once(self.expr).chain(self.queries.iter().filter_map(|q| q.expr.as_ref().ok()))
    }

    /// How far the watermark of a live run must be past the instant for the wall clock to have reached the step, ms: it stays
    /// behind the clock by the lateness and 1 ms.
    pub(super) fn behind_clock_ms(&self, lateness_ms: Option<i64>) -> i64 {
        lateness_ms.map_or(0, |lateness_ms| (self.query_offset_ms - lateness_ms - 1).max(0))
    }

    /// How long after its instant everything that it reads is taken for known, ms.
    pub(super) fn patience_ms(&self) -> i64 {
        self.again.map_or(0, |again| again.within_ms)
    }

    pub(super) fn label(&self) -> String {
        match self.origin {
            Origin::Rule(r) => {
                let kind = if r.kind == RuleKind::Alert { "alert" } else { "record" };
                format!("{}: group {:?}, {kind} {:?}", r.file, r.group, r.name)
            }
            Origin::Query(q) => format!("query {:?}", q.text),
        }
    }
}

/// All units, rules first.
pub(super) fn units<'a>(rules: &'a [RuleInput<'a>], queries: &'a [QueryInput<'a>], options: &Options) -> Vec<Unit<'a>> {
    let mut times_seen = BTreeMap::new();
    let mut units: Vec<Unit> = rules.iter().enumerate().map(|(i, r)| of_rule(i, r, options)).collect();
    for (unit, rule) in units.iter_mut().zip(rules) {
        let seen: &mut u64 = times_seen.entry(unit.rule_id).or_default();
        unit.rule_id = if *seen == 0 { unit.rule_id } else { nth_id(rule, options, *seen) };
        *seen += 1;
    }
    units.extend(queries.iter().enumerate().map(|(i, q)| of_query(rules.len() + i, i, q)));
    units
}

fn of_rule<'a>(index: usize, rule: &'a RuleInput<'a>, options: &Options) -> Unit<'a> {
    let interval_ms = options.interval_override_ms.or(rule.interval_ms).unwrap_or(options.default_interval_ms).max(1);
    let query_offset_ms = rule.query_offset_ms.unwrap_or(0);
    let phase_ms = group_phase_ms(options, rule.file, rule.group, interval_ms) - query_offset_ms;
    let (file, group, at) = rule.order;
    Unit {
        index,
        origin: Origin::Rule(rule),
        expr: rule.expr,
        text: rule.expr_text,
        order: (false, file, group, at),
        interval_ms,
        phase_ms: phase_ms.rem_euclid(interval_ms),
        query_offset_ms,
        rule_id: nth_id(rule, options, 0),
        range_ms: None,
        has_at: has_at(rule.expr),
        queries: queries(rule, options),
        again: None,
    }
}

fn of_query<'a>(index: usize, at: usize, query: &'a QueryInput<'a>) -> Unit<'a> {
    let interval_ms = query.interval_ms.max(1);
    Unit {
        index,
        origin: Origin::Query(query),
        expr: query.expr,
        text: query.text,
        order: (true, at, 0, 0),
        interval_ms,
        phase_ms: query.phase_ms.rem_euclid(interval_ms),
        query_offset_ms: 0,
        rule_id: 0,
        range_ms: query.range_ms,
        has_at: has_at(query.expr),
        queries: Vec::new(),
        again: None,
    }
}

/// What the program answers of what a rule's templates query.
fn queries<'a>(rule: &RuleInput<'a>, options: &Options) -> Vec<&'a TemplateQuery> {
    let wanted = |query: &&TemplateQuery| match options.template_queries {
        TemplateQueries::None => false,
        TemplateQueries::Labels => query.in_label,
        TemplateQueries::All => true,
    };
    rule.queries.iter().filter(wanted).collect()
}

/// H(tenant, file, group, name, constant labels); rules that are equal in all of these are told apart by position.
fn nth_id(rule: &RuleInput<'_>, options: &Options, nth: u64) -> u128 {
    let nth = nth.to_le_bytes();
    let mut parts: Vec<&[u8]> =
        vec![options.tenant.as_bytes(), rule.file.as_bytes(), rule.group.as_bytes(), rule.name.as_bytes(), &nth];
    let mut labels: Vec<&(String, String)> = rule.labels.iter().filter(|(_, v)| !is_template(v)).collect();
    labels.sort();
    parts.extend(labels.into_iter().flat_map(|(n, v)| [n.as_bytes(), v.as_bytes()]));
    hash128(&parts)
}

/// Whether a label value is known at run time only.
pub(super) fn is_template(value: &str) -> bool {
    value.contains("{{")
}

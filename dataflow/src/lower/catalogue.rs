//! Producers: rules whose series selectors may read, and which selectors those are.
//!
//! # Semantics
//! A recording rule makes series of its name with its labels; an alerting rule makes `ALERTS` (with `alertstate` pending
//! or firing) and `ALERTS_FOR_STATE`. A selector reads a producer unless a matcher contradicts what is known of the
//! series' labels: the name, constant labels, `alertname`, `alertstate`. Of labels that come from the expression, or
//! from a template, nothing is known.
//!
//! # Limits
//! What the expression says about labels (`sum by (job)` has no `instance`) excludes nothing yet.

use super::input::{QueryInput, RuleInput, RuleKind};
use super::options::{Options, Recorded};
use super::unit::{Origin, Unit, is_template, units};
use super::walk;
use crate::plan::components;
use bellwether_model::METRIC_NAME;
use promql_parser::label::{MatchOp, Matcher};
use std::collections::{BTreeMap, BTreeSet};

/// Known labels of one family of series: label → values it may have ("" = absent).
type Known = BTreeMap<String, Vec<String>>;

/// Who makes which series, and who reads whom.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// (unit, known labels), by metric name.
    families: BTreeMap<String, Vec<(usize, Known)>>,
    /// Unit → the unit of its second evaluation, which stands behind all first ones. Second ones read each other only, and
    /// nobody else reads them.
    seconds: BTreeMap<usize, usize>,
    /// Unit → producer number, for units that are read.
    pub(super) numbers: BTreeMap<usize, usize>,
    /// Producer number → identity across programs.
    pub(super) ids: Vec<u128>,
    /// Unit → its component: units that read each other share one.
    component: Vec<usize>,
    /// Components of units, producers first.
    pub(super) components: Vec<Vec<usize>>,
}

impl Catalogue {
    pub(super) fn new(units: &[Unit<'_>], options: &Options) -> Self {
        let mut catalogue = Self::default();
        for unit in units {
            let Origin::Rule(rule) = unit.origin else { continue };
            catalogue.seconds.extend(unit.again.map(|again| (again.of, unit.index)));
            for (name, known) in families(rule, options) {
                catalogue.families.entry(name).or_default().push((unit.index, known));
            }
        }
        catalogue.connect(units);
        catalogue
    }

    fn connect(&mut self, units: &[Unit<'_>]) {
        let mut edges: Vec<Vec<usize>> = vec![Vec::new(); units.len()];
        let mut read = BTreeSet::new();
        for unit in units {
            let mut note = |u: walk::Use<'_>| edges[unit.index].extend(self.read_by(unit, &walk::matchers(u.selector)));
            unit.exprs().for_each(|expr| walk::uses(expr, &mut note));
            read.extend(edges[unit.index].iter().copied());
        }
        self.components = components(&edges);
        self.component = vec![0; units.len()];
        for (c, members) in self.components.iter().enumerate() {
            for unit in members {
                self.component[*unit] = c;
            }
        }
        self.numbers = read.iter().enumerate().map(|(number, unit)| (*unit, number)).collect();
        self.ids = read.iter().map(|unit| units[*unit].rule_id).collect();
    }

    /// Units whose series these matchers of a reader cannot exclude, in order.
    pub(super) fn read_by(&self, reader: &Unit<'_>, matchers: &[Matcher]) -> BTreeSet<usize> {
        let fixed = matchers.iter().find(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal && !m.value.is_empty());
        let candidates: Vec<&Vec<(usize, Known)>> = match fixed {
            Some(name) => self.families.get(&name.value).into_iter().collect(),
            None => self.families.values().collect(),
        };
        let admits = |known: &Known| matchers.iter().all(|m| admits(m, known));
        let from = self.seconds.values().next().copied().unwrap_or(usize::MAX);
        let beside = |unit: &usize| (*unit >= from) == reader.again.is_some();
        candidates.into_iter().flatten().filter(|(u, known)| beside(u) && admits(known)).map(|(u, _)| *u).collect()
    }

    /// The second evaluation of a unit.
    pub(super) fn second(&self, unit: usize) -> Option<usize> {
        self.seconds.get(&unit).copied()
    }

    /// Whether two units read each other, directly or through others.
    pub(super) fn in_one_cycle(&self, a: usize, b: usize) -> bool {
        self.component[a] == self.component[b]
    }
}

/// Rules whose series queries may read, directly or through other rules: their indices.
pub fn rules_read(rules: &[RuleInput<'_>], queries: &[QueryInput<'_>], options: &Options) -> BTreeSet<usize> {
    let units = units(rules, queries, options);
    let catalogue = Catalogue::new(&units, options);
    let (mut found, mut open) = (BTreeSet::new(), (rules.len()..units.len()).collect::<Vec<_>>());
    while let Some(unit) = open.pop() {
        let mut follow = |u: walk::Use<'_>| {
            let read = catalogue.read_by(&units[unit], &walk::matchers(u.selector));
            open.extend(read.into_iter().filter(|rule| found.insert(*rule)));
        };
        units[unit].exprs().for_each(|expr| walk::uses(expr, &mut follow));
    }
    found
}

fn admits(matcher: &Matcher, known: &Known) -> bool {
    known.get(&matcher.name).is_none_or(|values| values.iter().any(|v| matcher.is_match(v)))
}

fn families(rule: &RuleInput<'_>, options: &Options) -> Vec<(String, Known)> {
    // Recording rules do not expand templates: what looks like one is the value.
    let constant = |v: &str| rule.kind == RuleKind::Record || !is_template(v);
    let mut constants: Known = Known::new();
    for (name, value) in rule.labels.iter().filter(|(_, v)| constant(v)) {
        constants.insert(name.clone(), vec![value.clone()]);
    }
    let family = |name: &str, more: &[(&str, &[&str])]| {
        let mut known = constants.clone();
        for (label, values) in more.iter().chain(&[(METRIC_NAME, &[name] as &[&str])]) {
            known.insert((*label).to_owned(), values.iter().map(|v| (*v).to_owned()).collect());
        }
        (name.to_owned(), known)
    };
    match rule.kind {
        RuleKind::Record if options.recorded == Recorded::Keep => Vec::new(),
        RuleKind::Record => vec![family(rule.name, &[])],
        RuleKind::Alert => vec![
            family("ALERTS", &[("alertname", &[rule.name]), ("alertstate", &["pending", "firing"])]),
            family("ALERTS_FOR_STATE", &[("alertname", &[rule.name])]),
        ],
    }
}

//! The root of a unit: an alert, a recorded series, a tap.

use super::compile::Gives;
use super::context::{Lowering, Scope};
use super::input::{RuleInput, RuleKind};
use super::late::{Again, LatePolicy};
use super::look_ahead::Ahead;
use super::sort::result_order;
use super::unit::{Origin, Unit};
use bellwether_model::hash128;
use bellwether_operators::program::{AlertSpec, Grid, LateSpec, NodeIdx, Op, RecordSpec, Shape, TapSpec};
use promql_parser::parser::value::ValueType;

/// Nodes of a lowered unit.
#[derive(Clone, Debug, Default)]
pub(super) struct Root {
    /// Alert or record.
    pub(super) effect: Option<NodeIdx>,
    /// Its result, handed out.
    pub(super) tap: Option<NodeIdx>,
    pub(super) gives: Gives,
}

impl Lowering<'_> {
    /// Lowers one unit.
    pub(super) fn unit(&mut self, unit: &Unit<'_>) -> Option<Root> {
        let grid = self.grid_of(unit);
        let scope = Scope { unit, grid: self.dag.grid(grid), in_subquery: false, pinned_ms: None };
        let before = self.dag.nodes.len();
        if let Origin::Query(query) = unit.origin
            && query.any_type
            && !matches!(unit.expr.value_type(), ValueType::Scalar | ValueType::Vector)
        {
            return self.whole(scope, unit.expr);
        }
        let result = self.expr(scope, unit.expr)?;
        let result = self.finished(scope, result);
        self.few_nodes(scope, before)?;
        let rule = match unit.origin {
            Origin::Query(_) => {
                let gives = if self.shape(result) == Shape::Scalar { Gives::Scalar } else { Gives::Vector };
                return Some(Root { effect: None, tap: Some(self.tap(scope, result)), gives });
            }
            Origin::Rule(rule) => rule,
        };
        let vector = match self.shape(result) {
            // Prometheus turns a rule's scalar into one element without labels (rules/manager.go, EngineQueryFunc).
            Shape::Scalar => {
                let text = self.call_text("vector", &[result]);
                self.vector(scope, Op::VectorOf, vec![result], text)
            }
            _ => result,
        };
        let mut operands = vec![vector];
        let op = match rule.kind {
            RuleKind::Alert => {
                let (queries, answers) = self.template_queries(unit, grid);
                operands.extend(answers);
                Op::Alert(Box::new(AlertSpec { queries, ..self.alert(unit, rule) }))
            }
            RuleKind::Record => Op::Record(Box::new(self.record(unit, rule))),
        };
        let effect = self.node(scope, Shape::Effect, op, operands, self.text(vector).to_owned());
        let tap = (self.options.taps && unit.again.is_none()).then(|| self.tap(scope, vector));
        Some(Root { effect: Some(effect), tap, gives: Gives::Vector })
    }

    fn grid_of(&self, unit: &Unit<'_>) -> Grid {
        let Ahead { ms: wait_ms, not_before_ms } = self.ahead.of_unit[unit.index];
        // A query that says where its steps are is evaluated there, wherever the run's own are.
        let only = unit.range_ms.map(|(start_ms, end_ms)| (start_ms.saturating_sub(1), end_ms));
        Grid { wait_ms, not_before_ms, only, ..Grid::of_run(unit.interval_ms, unit.phase_ms) }
    }

    /// Of an alert that is evaluated twice, either time.
    fn late(&self, unit: &Unit<'_>) -> Option<LateSpec> {
        let second = match unit.again {
            Some(_) => unit,
            None => &self.units[self.catalogue.second(unit.index)?],
        };
        let Again { of, policy, within_ms } = second.again?;
        let first = &self.units[of];
        let (grid, later) = (self.grid_of(first), self.grid_of(second));
        // What is there only because others read it decides nothing a second time.
        let is_wanted = policy != LatePolicy::Ignore || unit.again.is_some();
        is_wanted.then(|| LateSpec {
            rule_id: first.rule_id,
            again: unit.again.is_some(),
            first: grid,
            second: later,
            within_ms,
            decides: policy != LatePolicy::Ignore,
            amends: policy == LatePolicy::Amend,
        })
    }

    fn tap(&mut self, scope: Scope<'_>, result: NodeIdx) -> NodeIdx {
        let order = result_order(scope.unit.expr);
        let spec = TapSpec { tag: scope.unit.index, query_offset_ms: scope.unit.query_offset_ms, order, framed: None };
        self.node(scope, Shape::Effect, Op::Tap(spec), vec![result], self.text(result).to_owned())
    }

    fn alert(&self, unit: &Unit<'_>, rule: &RuleInput<'_>) -> AlertSpec {
        AlertSpec {
            rule_id: unit.rule_id,
            version: version(rule),
            file: rule.file.to_owned(),
            group: rule.group.to_owned(),
            name: rule.name.to_owned(),
            for_ms: rule.for_ms,
            keep_firing_for_ms: rule.keep_firing_for_ms,
            labels: sorted(&rule.labels),
            annotations: sorted(&rule.annotations),
            queries: Vec::new(),
            limit: rule.limit,
            query_offset_ms: unit.query_offset_ms,
            // Known once everything is placed.
            absence_ms: 0,
            reads_ms: 0,
            producer: self.catalogue.numbers.get(&unit.index).copied(),
            late: self.late(unit),
        }
    }

    fn record(&self, unit: &Unit<'_>, rule: &RuleInput<'_>) -> RecordSpec {
        RecordSpec {
            rule_id: unit.rule_id,
            group: rule.group.to_owned(),
            name: rule.name.to_owned(),
            labels: sorted(&rule.labels),
            limit: rule.limit,
            query_offset_ms: unit.query_offset_ms,
            producer: self.catalogue.numbers.get(&unit.index).copied(),
            again: unit.again.is_some(),
        }
    }
}

fn sorted(pairs: &[(String, String)]) -> Vec<(String, String)> {
    let mut pairs = pairs.to_vec();
    pairs.sort();
    pairs
}

/// H of everything that is written in the rule and its group's settings.
fn version(rule: &RuleInput<'_>) -> u128 {
    let numbers = format!(
        "{} {} {} {:?} {:?}",
        rule.for_ms, rule.keep_firing_for_ms, rule.limit, rule.interval_ms, rule.query_offset_ms
    );
    let (labels, annotations) = (sorted(&rule.labels), sorted(&rule.annotations));
    let mut parts: Vec<&[u8]> = vec![rule.name.as_bytes(), rule.expr_text.as_bytes(), numbers.as_bytes()];
    for (n, v) in &labels {
        parts.extend([b"label", n.as_bytes(), v.as_bytes()]);
    }
    for (n, v) in &annotations {
        parts.extend([b"annotation", n.as_bytes(), v.as_bytes()]);
    }
    hash128(&parts)
}

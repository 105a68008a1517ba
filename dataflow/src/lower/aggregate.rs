//! Aggregations: `sum by (job) (…)`, `topk(3, …)`, `quantile(0.9, …)`.

use super::context::{Lowering, Scope};
use super::text;
use bellwether_model::METRIC_NAME;
use bellwether_operators::functions::{AggOp, Choice};
use bellwether_operators::program::{Grouping, HISTOGRAMS, NodeIdx, Op};
use bellwether_operators::template::quote::quote;
use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_GROUP, T_LIMIT_RATIO, T_LIMITK, T_MAX, T_MIN, T_QUANTILE, T_STDDEV,
    T_STDVAR, T_SUM, T_TOPK,
};
use promql_parser::parser::{AggregateExpr, LabelModifier};

/// Sorted names without repetitions: `by (b, a, b)` is `by (a, b)`.
pub(super) fn sorted(labels: &[String]) -> Vec<String> {
    let mut labels = labels.to_vec();
    labels.sort();
    labels.dedup();
    labels
}

/// `by` or `without`; without either one group of all.
pub(super) fn grouping(modifier: Option<&LabelModifier>) -> Grouping {
    match modifier {
        None => Grouping::By(Vec::new()),
        Some(LabelModifier::Include(l)) => Grouping::By(sorted(&l.labels)),
        Some(LabelModifier::Exclude(l)) => Grouping::Without(sorted(&l.labels)),
    }
}

/// `("label", v)`: the grouping by the other labels, and the label where the grouping keeps it.
fn by_value(label: &str, grouping: Grouping) -> (Option<String>, Grouping) {
    match grouping {
        Grouping::By(k) => (Some(label.to_owned()), Grouping::By(k.into_iter().filter(|l| l != label).collect())),
        Grouping::Without(k) if k.iter().any(|l| l == label) || label == METRIC_NAME => (None, Grouping::Without(k)),
        Grouping::Without(mut k) => {
            k.push(label.to_owned());
            (Some(label.to_owned()), Grouping::Without(sorted(&k)))
        }
    }
}

impl Lowering<'_> {
    fn count_values(&mut self, scope: Scope<'_>, a: &AggregateExpr) -> Option<NodeIdx> {
        let name = "count_values";
        let vector = self.vector_expr(scope, &a.expr, name);
        let label = self.string(scope, a.param.as_deref(), name)?;
        if label.is_empty() {
            return self.refuse(scope, name, format!("invalid label name {}", quote(&label)));
        }
        let written = grouping(a.modifier.as_ref());
        let by = text::grouping(&written);
        let vector = vector?;
        let gap = if by.is_empty() { "" } else { " " };
        let text = format!("{name}{by}{gap}({}, {})", quote(&label), self.text(vector));
        let (label, grouping) = by_value(&label, written);
        Some(self.vector(scope, Op::CountValues { label, grouping }, vec![vector], text))
    }

    pub(super) fn aggregate(&mut self, scope: Scope<'_>, a: &AggregateExpr) -> Option<NodeIdx> {
        if a.op.id() == T_COUNT_VALUES {
            return self.count_values(scope, a);
        }
        let name = a.op.to_string();
        let grouping = grouping(a.modifier.as_ref());
        let op = match a.op.id() {
            T_SUM => Op::Aggregate { op: AggOp::Sum, grouping },
            T_AVG => Op::Aggregate { op: AggOp::Avg, grouping },
            T_MIN => Op::Aggregate { op: AggOp::Min, grouping },
            T_MAX => Op::Aggregate { op: AggOp::Max, grouping },
            T_COUNT => Op::Aggregate { op: AggOp::Count, grouping },
            T_GROUP => Op::Aggregate { op: AggOp::Group, grouping },
            T_STDDEV => Op::Aggregate { op: AggOp::Stddev, grouping },
            T_STDVAR => Op::Aggregate { op: AggOp::Stdvar, grouping },
            T_QUANTILE => Op::Aggregate { op: AggOp::Quantile, grouping },
            T_TOPK => Op::TopK { choice: Choice::Greatest, grouping },
            T_BOTTOMK => Op::TopK { choice: Choice::Least, grouping },
            T_LIMITK => Op::TopK { choice: Choice::Any, grouping },
            T_LIMIT_RATIO => Op::LimitRatio,
            _ => {
                self.expr(scope, &a.expr);
                return self.unsupported(scope, &name);
            }
        };
        let vector = self.vector_expr(scope, &a.expr, &name);
        let param = a.param.as_ref().map(|p| self.scalar_expr(scope, p, &name));
        let mut inputs = vec![vector?];
        if let Some(param) = param {
            inputs.push(param?);
        }
        let written: Vec<&str> = inputs.iter().rev().map(|i| self.text(*i)).collect();
        let by = match &op {
            Op::Aggregate { grouping, .. } | Op::TopK { grouping, .. } => text::grouping(grouping),
            _ => String::new(),
        };
        let text = format!("{name}{by}{}({})", if by.is_empty() { "" } else { " " }, written.join(", "));
        let annotated = matches!(op, Op::Aggregate { op: AggOp::Quantile, .. } | Op::LimitRatio);
        let node = self.vector(scope, op, inputs, text);
        self.annotate(scope, node, HISTOGRAMS, &a.expr);
        if let Some(param) = a.param.as_ref().filter(|_| annotated) {
            self.annotate(scope, node, 1, param);
        }
        Some(self.groups_marked(scope, node))
    }
}

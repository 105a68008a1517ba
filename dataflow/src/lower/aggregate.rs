//! Aggregations: `sum by (job) (…)`, `topk(3, …)`, `quantile(0.9, …)`.

use super::context::{Lowering, Scope};
use super::text;
use bellwether_operators::functions::AggOp;
use bellwether_operators::program::{Grouping, NodeIdx, Op};
use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV, T_STDVAR, T_SUM, T_TOPK,
};
use promql_parser::parser::{AggregateExpr, LabelModifier};

/// Sorted names without repetitions: `by (b, a, b)` is `by (a, b)`.
pub(super) fn sorted(labels: &[String]) -> Vec<String> {
    let mut labels = labels.to_vec();
    labels.sort();
    labels.dedup();
    labels
}

fn grouping(modifier: Option<&LabelModifier>) -> Grouping {
    match modifier {
        None => Grouping::By(Vec::new()),
        Some(LabelModifier::Include(l)) => Grouping::By(sorted(&l.labels)),
        Some(LabelModifier::Exclude(l)) => Grouping::Without(sorted(&l.labels)),
    }
}

impl Lowering<'_> {
    pub(super) fn aggregate(&mut self, scope: Scope<'_>, a: &AggregateExpr) -> Option<NodeIdx> {
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
            T_TOPK => Op::TopK { bottom: false, grouping },
            T_BOTTOMK => Op::TopK { bottom: true, grouping },
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
        Some(self.vector(scope, op, inputs, text))
    }
}

//! `absent` and `absent_over_time`: 1 where nothing is, with the labels that the selector demands.
//!
//! # Semantics
//! The labels are those of equality matchers, except of a name that is matched more than once; of an expression that is
//! no selector there are none.

use super::call::unwrap_extended;
use super::{Env, bare};
use crate::value::{Element, Fault, drop_name};
use bellwether_model::{Labels, LabelsBuilder, METRIC_NAME};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::Expr;
use std::collections::BTreeSet;

/// The element of an `absent` over `expr`, which has `found` elements or windows.
pub fn absent(expr: &Expr, found: usize, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    if found > 0 {
        return Ok(Vec::new());
    }
    let (inner, _) = unwrap_extended(bare(expr));
    let labels = match bare(inner) {
        Expr::VectorSelector(vs) => demanded(&vs.matchers.matchers),
        Expr::MatrixSelector(ms) => demanded(&ms.vs.matchers.matchers),
        _ => Labels::empty(),
    };
    Ok(vec![env.element(labels, 1.0)])
}

fn demanded(matchers: &[Matcher]) -> Labels {
    let mut labels = LabelsBuilder::default();
    let mut seen = BTreeSet::new();
    for m in matchers.iter().filter(|m| m.name != METRIC_NAME) {
        let first_equal = m.op == MatchOp::Equal && seen.insert(&m.name);
        labels.set(&m.name, if first_equal { &m.value } else { "" });
    }
    drop_name(&labels.build())
}

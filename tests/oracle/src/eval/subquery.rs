//! Subqueries: `expr[1h:5m] offset 10m @ 100`.
//!
//! # Semantics
//! The inner expression is evaluated at the multiples of the step in (t - range, t]; the step is the default one where
//! none is written. Each value becomes a sample with the step's stamp.

use super::selector::{millis, reference_ms};
use super::{Env, vector};
use crate::value::{Fault, Point, Sampled, Windows};
use bellwether_model::Labels;
use bellwether_model::histogram::Hint;
use promql_parser::parser::SubqueryExpr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A hint is about the sample before, which is none of these.
fn without_reset_hint(mut value: Sampled) -> Sampled {
    if let Sampled::Histogram(h) = &mut value
        && matches!(h.hint, Hint::Reset | Hint::NotReset)
    {
        Arc::make_mut(h).hint = Hint::Unknown;
    }
    value
}

/// A subquery as a range vector.
pub fn subquery(sq: &SubqueryExpr, env: &Env<'_>) -> Result<Windows, Fault> {
    let end_ms = reference_ms(sq.at.as_ref(), sq.offset.as_ref(), env);
    let start_ms = end_ms - millis(&sq.range);
    let step_ms = sq.step.as_ref().map_or(env.options.subquery_step_ms, millis);
    let mut rows: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
    let mut at_ms = (start_ms.div_euclid(step_ms) + 1) * step_ms;
    if at_ms < env.options.subquery_from_ms {
        at_ms = -((-env.options.subquery_from_ms).div_euclid(step_ms)) * step_ms;
    }
    while at_ms <= end_ms {
        for e in vector(&sq.expr, &Env { at_ms, ..*env })? {
            rows.entry(e.labels).or_default().push((at_ms, without_reset_hint(e.value)));
        }
        at_ms += step_ms;
    }
    Ok(Windows { rows: rows.into_iter().collect(), start_ms, end_ms, extension: None })
}

//! How far past its instant a unit reads: by negative offsets, and through producers that do.
//!
//! # Semantics
//! The least fixed point over all units. It exists because in a cycle of reads at least one sees older samples only.

use super::catalogue::Catalogue;
use super::order::sights;
use super::range::extrapolates;
use super::unit::Unit;
use super::walk::{inner, offset_ms, operands, usage};
use promql_parser::parser::{Expr, VectorSelector};

/// Look-ahead of all units, ms.
#[derive(Debug, Default)]
pub(super) struct LookAhead {
    pub(super) of_unit: Vec<i64>,
}

impl LookAhead {
    pub(super) fn new(catalogue: &Catalogue, units: &[Unit<'_>]) -> Self {
        let mut ahead = Self { of_unit: vec![0; units.len()] };
        for component in &catalogue.components {
            // Producers first: outside of cycles one round settles a component.
            for _ in 0..=component.len() {
                let before = ahead.of_unit.clone();
                for unit in component {
                    ahead.of_unit[*unit] = ahead.of(catalogue, units, &units[*unit], units[*unit].expr, false);
                }
                if component.len() == 1 && before == ahead.of_unit {
                    break;
                }
            }
        }
        ahead
    }

    /// Look-ahead of a part of a unit's expression, ms.
    pub(super) fn of(
        &self,
        catalogue: &Catalogue,
        units: &[Unit<'_>],
        unit: &Unit<'_>,
        expr: &Expr,
        in_subquery: bool,
    ) -> i64 {
        let below = |e: &Expr, sub: bool| self.of(catalogue, units, unit, e, sub);
        let selected = |v: &VectorSelector, extrapolating: bool| {
            let used = usage(v, extrapolating, in_subquery);
            let through = sights(catalogue, units, unit, used);
            let ahead = through.iter().map(|s| self.of_unit[s.producer_unit] - s.lag_ms.max(used.offset_ms));
            ahead.chain([-used.offset_ms]).max().unwrap_or(0).max(0)
        };
        match expr {
            Expr::VectorSelector(v) => selected(v, false),
            Expr::MatrixSelector(m) => selected(&m.vs, false),
            Expr::Subquery(s) => (below(&s.expr, true) - offset_ms(s.offset.as_ref())).max(0),
            Expr::Call(c) => {
                let arg = |a: &Expr| match inner(a) {
                    Expr::MatrixSelector(m) => selected(&m.vs, extrapolates(c.func.name)),
                    other => below(other, in_subquery),
                };
                c.args.args.iter().map(|a| arg(a)).max().unwrap_or(0)
            }
            other => operands(other).into_iter().map(|e| below(e, in_subquery)).max().unwrap_or(0),
        }
    }
}

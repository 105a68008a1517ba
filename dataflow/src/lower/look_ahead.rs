//! How far past its instant a unit reads, and for which fixed instants it waits: by negative offsets, by `@`, and through
//! producers that do.
//!
//! # Semantics
//! The least fixed point over all units. It exists because in a cycle of reads at least one sees older samples only.

use super::at::{At, at};
use super::catalogue::Catalogue;
use super::extended::bare;
use super::options::Options;
use super::order::sights;
use super::unit::Unit;
use super::walk::{Use, offset_ms, operands, usage};
use promql_parser::parser::{Expr, VectorSelector};

/// What an evaluation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    /// How far past its instant it reads, ms; negative where it reads older samples only.
    pub(super) ms: i64,
    /// The watermark before which none is ready, ms.
    pub(super) not_before_ms: i64,
}

impl Default for Ahead {
    /// Of what reads nothing.
    fn default() -> Self {
        Self { ms: i64::MIN / 4, not_before_ms: i64::MIN }
    }
}

impl Ahead {
    /// Of what is evaluated no earlier than `patience_ms` after its instant, whatever it reads.
    fn at_its_instant(self, patience_ms: i64) -> Self {
        Self { ms: self.ms.max(patience_ms), ..self }
    }

    fn and(self, other: Self) -> Self {
        Self { ms: self.ms.max(other.ms), not_before_ms: self.not_before_ms.max(other.not_before_ms) }
    }

    /// The same, seen from an instant that is `ms` later.
    fn after(self, ms: i64) -> Self {
        Self { ms: self.ms.saturating_sub(ms), ..self }
    }

    /// Of what stands at a fixed instant, seen from any step.
    fn fixed(self, at_ms: i64) -> Self {
        Self { ms: i64::MIN / 4, not_before_ms: self.not_before_ms.max(at_ms.saturating_add(self.ms)) }
    }
}

/// What all units wait for.
#[derive(Debug, Default)]
pub(super) struct LookAhead {
    pub(super) of_unit: Vec<Ahead>,
    lookback_ms: i64,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    catalogue: &'a Catalogue,
    units: &'a [Unit<'a>],
    unit: &'a Unit<'a>,
    in_subquery: bool,
    /// The instant at which it is evaluated, if that is fixed, ms.
    pinned_ms: Option<i64>,
}

impl LookAhead {
    pub(super) fn new(catalogue: &Catalogue, units: &[Unit<'_>], options: &Options) -> Self {
        let lookback_ms = options.lookback_ms;
        let of_unit: Vec<Ahead> = units.iter().map(|u| Ahead::default().at_its_instant(u.patience_ms())).collect();
        let mut ahead = Self { of_unit, lookback_ms };
        let mut least = ahead.of_unit.clone();
        for (least, unit) in least.iter_mut().zip(units) {
            least.ms = least.ms.max(unit.behind_clock_ms(options.lateness_ms));
        }
        ahead.settle(catalogue, units, &least);
        ahead
    }

    /// The fixed point in which no unit waits for less than `least`.
    fn settle(&mut self, catalogue: &Catalogue, units: &[Unit<'_>], least: &[Ahead]) {
        for component in &catalogue.components {
            // Producers first: outside of cycles one round settles a component.
            for _ in 0..=component.len() {
                let before = self.of_unit.clone();
                for unit in component {
                    let unit = &units[*unit];
                    let own = self.of(catalogue, units, unit, unit.expr, false);
                    // Templates ask at the step, which may be later than the instant.
                    let asking = unit.queries.iter().filter_map(|query| unit.asking(query));
                    let asked = asking.map(|asking| self.of(catalogue, units, &asking, asking.expr, false));
                    let asked = asked.map(|ahead| ahead.after(-unit.query_offset_ms));
                    self.of_unit[unit.index] = asked.fold(own, Ahead::and).and(least[unit.index]);
                }
                if component.len() == 1 && before == self.of_unit {
                    break;
                }
            }
        }
    }

    /// What a part of a unit's expression waits for.
    pub(super) fn of(
        &self,
        catalogue: &Catalogue,
        units: &[Unit<'_>],
        unit: &Unit<'_>,
        expr: &Expr,
        in_subquery: bool,
    ) -> Ahead {
        self.expr(Place { catalogue, units, unit, in_subquery, pinned_ms: None }, expr)
            .at_its_instant(unit.patience_ms())
    }

    /// The same for a part that stands at a fixed instant: it can be evaluated as soon as what it reads is there.
    pub(super) fn at(
        &self,
        catalogue: &Catalogue,
        units: &[Unit<'_>],
        unit: &Unit<'_>,
        expr: &Expr,
        at_ms: i64,
    ) -> Ahead {
        self.expr(Place { catalogue, units, unit, in_subquery: false, pinned_ms: Some(at_ms) }, expr)
    }

    fn expr(&self, place: Place<'_>, expr: &Expr) -> Ahead {
        let (extension, expr) = bare(expr);
        let ahead_ms = extension.map_or(0, |e| e.ahead_ms(self.lookback_ms));
        match expr {
            Expr::VectorSelector(v) => self.selector(place, v, ahead_ms),
            Expr::MatrixSelector(m) => self.selector(place, &m.vs, ahead_ms),
            Expr::Subquery(s) => {
                let below = self.expr(Place { in_subquery: true, pinned_ms: None, ..place }, &s.expr);
                let below = below.at_its_instant(place.unit.patience_ms()).after(offset_ms(s.offset.as_ref()));
                place.seen(at(place.unit, s.at.as_ref(), place.in_subquery), below)
            }
            other => operands(other).into_iter().map(|e| self.expr(place, e)).fold(Ahead::default(), Ahead::and),
        }
    }

    fn selector(&self, place: Place<'_>, v: &VectorSelector, ahead_ms: i64) -> Ahead {
        let stands = at(place.unit, v.at.as_ref(), place.in_subquery);
        let plain = usage(v, place.in_subquery);
        let used = Use { fixed: matches!(stands, At::Instant(_)), offset_ms: plain.offset_ms - ahead_ms, ..plain };
        let through = sights(place.catalogue, place.units, place.unit, used);
        let through = through.iter().map(|s| self.of_unit[s.producer_unit].after(s.lag_ms.max(used.offset_ms)));
        let own = Ahead::default().at_its_instant(place.unit.patience_ms()).after(used.offset_ms);
        place.seen(stands, through.fold(own, Ahead::and))
    }
}

impl Place<'_> {
    /// What stands there, seen from here.
    fn seen(self, stands: At, ahead: Ahead) -> Ahead {
        match stands {
            At::Instant(at_ms) if self.pinned_ms != Some(at_ms) => ahead.fixed(at_ms),
            _ => ahead,
        }
    }
}

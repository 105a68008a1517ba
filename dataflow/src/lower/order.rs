//! Which samples of a producer an evaluation sees.
//!
//! # Semantics
//! Evaluations are totally ordered by (step, file, group, rule), and one sees the samples of earlier ones only. Reader R
//! evaluates at `t = s - offset(R)`, producer P stamps with `s' - offset(P)`; so R sees stamps up to
//! `t + offset(R) - offset(P)`, one ms less if P stands later in the order or is R itself. Where the window ends
//! earlier than that, nothing has to be done. Otherwise
//! * the window is cut: samples newer than `t - clip` are not seen; or
//! * for functions that extrapolate to the window's borders, when the own instant's sample is all that must stay
//!   unseen: the reader runs before the producer, instant by instant.
//!
//! Points of a subquery that lie before the step are evaluations of that step, so they see all that was recorded at
//! their instants. They are computed once for all steps: at the step itself such a point sees the sample of
//! a later rule too, one evaluation early. In a cycle the window is cut instead, since the sample is not there yet.
//! The same goes for what `@` fixes.

use super::catalogue::Catalogue;
use super::unit::Unit;
use super::walk::{self, Use};
use crate::plan::Read;

/// One read, and how far before the reader's instant the newest sample that it may see is, ms (negative: after).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) producer_unit: usize,
    pub(super) read: Read,
    pub(super) lag_ms: i64,
}

/// What a use of a selector by a unit reads of producers.
pub(super) fn sights(catalogue: &Catalogue, units: &[Unit<'_>], reader: &Unit<'_>, used: Use<'_>) -> Vec<Sight> {
    let producers = catalogue.read_by(&walk::matchers(used.selector));
    producers.into_iter().map(|p| sight(catalogue, &units[p], reader, used)).collect()
}

fn sight(catalogue: &Catalogue, producer: &Unit<'_>, reader: &Unit<'_>, used: Use<'_>) -> Sight {
    let later = i64::from(producer.order >= reader.order);
    let unseen_ms = producer.query_offset_ms - reader.query_offset_ms + later;
    let free = (used.in_subquery || used.fixed) && !catalogue.in_one_cycle(producer.index, reader.index);
    let first = used.extrapolates && unseen_ms == 1;
    let (clip_ms, first, lag_ms) = match unseen_ms {
        _ if free || used.offset_ms >= unseen_ms => (None, false, used.offset_ms),
        _ if first => (None, true, unseen_ms),
        ms => (Some(ms), false, ms),
    };
    let number = catalogue.numbers.get(&producer.index).copied().unwrap_or(0);
    Sight { producer_unit: producer.index, read: Read { producer: number, clip_ms, first }, lag_ms }
}

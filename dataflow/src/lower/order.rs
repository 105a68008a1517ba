//! Which samples of a producer an evaluation sees.
//!
//! # Semantics
//! Evaluations are totally ordered by (step, file, group, rule), and one sees the samples of earlier ones only. Reader R
//! evaluates at `t = s - offset(R)`, producer P stamps with `s' - offset(P)`; so R sees stamps up to
//! `t + offset(R) - offset(P)`, one ms less if P stands later in the order or is R itself. Where the window ends
//! earlier than that, nothing has to be done. Otherwise samples newer than `t - clip` are hidden from it.
//!
//! Points of a subquery that lie before the step are evaluations of that step, so they see all that was recorded at
//! their instants. They are computed once for all steps: at the step itself such a point sees the sample of
//! a later rule too, one evaluation early. In a cycle that sample is hidden, since it is not there yet.
//! The same goes for what `@` fixes.

use super::catalogue::Catalogue;
use super::unit::Unit;
use super::walk::{self, Use};
use bellwether_operators::program::ProducerRead;

/// One read, and how far before the reader's instant the newest sample that it may see is, ms (negative: after).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) producer_unit: usize,
    pub(super) read: ProducerRead,
    pub(super) lag_ms: i64,
}

/// What a use of a selector by a unit reads of producers.
pub(super) fn sights(catalogue: &Catalogue, units: &[Unit<'_>], reader: &Unit<'_>, used: Use<'_>) -> Vec<Sight> {
    let producers = catalogue.read_by(reader, &walk::matchers(used.selector));
    producers.into_iter().map(|p| sight(catalogue, &units[p], reader, used)).collect()
}

fn sight(catalogue: &Catalogue, producer: &Unit<'_>, reader: &Unit<'_>, used: Use<'_>) -> Sight {
    let later = i64::from(producer.order >= reader.order);
    let unseen_ms = producer.query_offset_ms - reader.query_offset_ms + later;
    let free = (used.in_subquery || used.fixed) && !catalogue.in_one_cycle(producer.index, reader.index);
    let clip_ms = (!free && used.offset_ms < unseen_ms).then_some(unseen_ms);
    let lag_ms = clip_ms.unwrap_or(used.offset_ms);
    let number = catalogue.numbers.get(&producer.index).copied().unwrap_or(0);
    Sight { producer_unit: producer.index, read: ProducerRead { producer: number, clip_ms }, lag_ms }
}

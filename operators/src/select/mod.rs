//! `select`: series ⋈ selectors, by differential joins that follow both sides as they change.
//!
//! # Position
//! ```text
//! `window` ── (join key, slot) ───────────────────────────┐
//!    └─────── metric names ─ distinct ─┐                  ▼
//! bindings ─ [table] ─ nameless rows ─ ⋈ ─▶ keyed rows ─▶ ⋈ ─▶ (selector, slot) ─▶ `evaluate`
//!                └──── keyed rows ──────────▲
//! ```
//!
//! # Semantics
//! A selector is filed under one equality matcher; a series stands under all its label pairs that selectors use
//! ([`crate::ingest::JoinKeys`]). What comes out is a candidate: it agrees in one matcher (up to a collision of hashes),
//! the evaluator runs them all. A selector without an equality matcher is first joined to the metric names that exist
//! and that its matchers of the name accept, and filed under each of these.
//!
//! # Time
//! Rows of a program come and go at the epoch whose binding carries it. Everything is arranged where it is: the series of
//! a worker stay on it, and every worker holds all selectors.
//!
//! # State
//! Traces of both sides, compacted up to the frontier: they hold what is live, not its history.

mod names;
mod table;

use crate::ingest::{Binding, Gate, NameUpdate, PairUpdate};
use crate::window::Slot;
use differential_dataflow::operators::arrange::TraceAgent;
use differential_dataflow::operators::arrange::arrangement::{Arranged, arrange_core};
use differential_dataflow::trace::implementations::{ValBatcher, ValSpine};
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;

/// (selector id, slot) at a time, come or gone.
pub type Candidate = ((u128, Slot), u64, isize);

/// A collection, arranged by key on its worker.
type Local<'scope, K, V> = Arranged<'scope, TraceAgent<ValSpine<K, V, u64, isize>>>;

fn arrange<'scope, K, V>(collection: VecCollection<'scope, u64, (K, V), isize>, name: &str) -> Local<'scope, K, V>
where
    K: Ord + Clone + std::fmt::Debug + 'static,
    V: Ord + Clone + std::fmt::Debug + 'static,
{
    arrange_core::<_, _, ValBatcher<K, V, u64, isize>, _>(collection.inner, Pipeline, name, ValBatcher::new)
}

/// Builds the joins; gives the candidates that came or went.
pub fn select<'scope>(
    bindings: StreamVec<'scope, u64, Binding>,
    pairs: StreamVec<'scope, u64, PairUpdate>,
    names: StreamVec<'scope, u64, NameUpdate>,
    gate: Gate,
) -> StreamVec<'scope, u64, Candidate> {
    let (keyed, nameless) = table::table(bindings, gate);
    let by_name = names::by_name(nameless.as_collection(), names.as_collection());
    let selectors = arrange(keyed.as_collection().concat(by_name), "Selectors");
    let series = arrange(pairs.as_collection(), "Series");
    series.join_core(selectors, |_key, slot, selector| Some((*selector, *slot))).inner
}

#[cfg(test)]
mod tests;

//! Selectors without an equality matcher, joined to the metric names that exist.
//!
//! # State
//! The distinct metric names of the worker's series, and the selectors. A change of one selector looks at all names; a
//! new name is looked at by all such selectors, which are few.

use super::arrange;
use super::table::{Keyed, Nameless};
use crate::evaluate::Matchers;
use crate::program::selector::pair_key;
use bellwether_model::METRIC_NAME;
use differential_dataflow::VecCollection;
use differential_dataflow::operators::arrange::arrangement::arrange_core;
use differential_dataflow::trace::implementations::{KeyBatcher, KeyBuilder, KeySpine};
use std::collections::HashMap;
use timely::dataflow::channels::pact::Pipeline;

/// Compiled matchers that are kept; rows of selectors long gone are dropped all at once.
const COMPILED: usize = 4096;

/// Names that some series has, each once.
fn distinct<'scope>(names: VecCollection<'scope, u64, String, isize>) -> VecCollection<'scope, u64, String, isize> {
    let keys = names.map(|name| (name, ())).inner;
    let batcher = KeyBatcher::<String, u64, isize>::new;
    arrange_core::<_, _, KeyBatcher<String, u64, isize>, KeySpine<String, u64, isize>>(keys, Pipeline, "Names", batcher)
        .reduce_abelian::<_, KeyBuilder<String, u64, isize>, KeySpine<String, u64, isize>, _, _>(
            "Distinct",
            |_name, _count, out| out.push(((), 1)),
            |batch, name, updates| {
                batch.clear();
                batch.extend(updates.drain(..).map(|((), time, diff)| ((name.clone(), ()), time, diff)));
            },
        )
        .as_collection(|name, ()| name.clone())
}

/// Files each nameless selector under the metric names that its matchers of the name accept.
pub(super) fn by_name<'scope>(
    selectors: VecCollection<'scope, u64, Nameless, isize>,
    names: VecCollection<'scope, u64, String, isize>,
) -> VecCollection<'scope, u64, Keyed, isize> {
    // Every name meets every selector: both sides stand under one key.
    let names = arrange(distinct(names).map(|name| ((), name)), "Distinct names");
    let selectors = arrange(selectors.map(|row| ((), row)), "Nameless selectors");
    let mut compiled: HashMap<u128, Matchers> = HashMap::new();
    selectors.join_core(names, move |(), (id, matchers), name| {
        if compiled.len() >= COMPILED && !compiled.contains_key(id) {
            compiled.clear();
        }
        let accepts = compiled.entry(*id).or_insert_with(|| Matchers::new(matchers)).accept_name(name);
        accepts.then(|| (pair_key(METRIC_NAME, name), *id))
    })
}

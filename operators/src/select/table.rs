//! [table]: bindings in, the rows of the selector table that came or went out.
//!
//! # State
//! The rows in force: two sets of the size of the program's selector table.

use crate::ingest::{Binding, Gate, Time};
use crate::program::selector::pair_key;
use crate::program::{Matcher, Program};
use std::collections::BTreeSet;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

/// A selector filed under a join key.
pub(super) type Keyed = (u64, u128);

/// A selector without an equality matcher, with its matchers.
pub(super) type Nameless = (u128, Vec<Matcher>);

/// Updates of rows.
type Updates<R> = Vec<(R, u64, isize)>;

/// Rows that came or went.
type Rows<'scope, R> = StreamVec<'scope, u64, (R, u64, isize)>;

/// The selector table of a program.
#[derive(Debug, Default)]
struct Table {
    keyed: BTreeSet<Keyed>,
    nameless: BTreeSet<Nameless>,
}

impl Table {
    fn of(program: &Program) -> Self {
        let mut table = Self::default();
        for selector in &program.selectors {
            match crate::ingest::key_of(selector) {
                Some((name, value)) => {
                    table.keyed.insert((pair_key(name, value), selector.id));
                }
                None => {
                    table.nameless.insert((selector.id, selector.matchers.clone()));
                }
            }
        }
        table
    }
}

fn difference<R: Ord + Clone>(old: &BTreeSet<R>, new: &BTreeSet<R>, time: u64) -> Updates<R> {
    let gone = old.difference(new).map(|row| (row.clone(), time, -1));
    gone.chain(new.difference(old).map(|row| (row.clone(), time, 1))).collect()
}

/// Builds the operator.
pub(super) fn table<'scope>(
    bindings: StreamVec<'scope, u64, Binding>,
    gate: Gate,
) -> (Rows<'scope, Keyed>, Rows<'scope, Nameless>) {
    let mut builder = OperatorBuilder::new("Table".to_owned(), bindings.scope());
    let mut bindings = builder.new_input(bindings, Pipeline);
    let (keyed, keyed_stream) = builder.new_output::<Updates<Keyed>>();
    let (nameless, nameless_stream) = builder.new_output::<Updates<Nameless>>();
    let mut keyed = OutputBuilder::from(keyed);
    let mut nameless = OutputBuilder::from(nameless);
    builder.build(move |_| {
        let mut table = Table::default();
        move |_| {
            let (mut keyed, mut nameless) = (keyed.activate(), nameless.activate());
            bindings.for_each(|cap, data| {
                for binding in data.drain(..).filter(|b| gate.admits(b.epoch())) {
                    let Some(program) = &binding.program else { continue };
                    let (time, new) = (Time::pack(binding.epoch(), 0), Table::of(program));
                    let list = difference(&table.keyed, &new.keyed, time);
                    keyed.session(&cap.delayed(&time, 0)).give_iterator(list.into_iter());
                    let list = difference(&table.nameless, &new.nameless, time);
                    nameless.session(&cap.delayed(&time, 1)).give_iterator(list.into_iter());
                    table = new;
                }
            });
        }
    });
    (keyed_stream, nameless_stream)
}

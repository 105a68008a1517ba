//! What a worker is doing, for those who find it dead: the epoch, the node and the rules that need it.
//!
//! # State
//! Of the thread: whoever catches a panic has nothing else to ask.

use crate::program::{NodeIdx, Program};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

thread_local! {
    static EPOCH: RefCell<Option<(u64, Arc<Program>)>> = const { RefCell::new(None) };
    static NODE: Cell<Option<NodeIdx>> = const { Cell::new(None) };
}

/// Where an evaluation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// The epoch.
    pub epoch: u64,
    /// The expression of the node.
    pub expression: String,
    /// The rules that contain it, as `group/name`; recorded series by their name.
    pub rules: Vec<String>,
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, expression, rules } = self;
        write!(f, "epoch {epoch}, {expression} of {}", rules.join(", "))
    }
}

/// An epoch begins on this thread.
pub(super) fn epoch(epoch: u64, program: &Arc<Program>) {
    EPOCH.with_borrow_mut(|at| *at = Some((epoch, Arc::clone(program))));
    NODE.set(None);
}

/// A node is evaluated on this thread, or none.
pub(super) fn node(n: Option<NodeIdx>) {
    NODE.set(n);
}

/// Where the evaluation on this thread stands, if one is going on.
pub fn whereabouts() -> Option<Whereabouts> {
    let n = NODE.get()?;
    EPOCH.with_borrow(|at| {
        let (epoch, program) = at.as_ref()?;
        let expression = program.nodes.get(n)?.text.clone();
        Some(Whereabouts { epoch: *epoch, expression, rules: program.rules_with(n) })
    })
}

//! What sharing saves: figures for `--explain` and `check`.

use crate::plan::Dag;
use bellwether_operators::program::Op;
use serde::{Deserialize, Serialize};

/// How much of the rules is computed once for several of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// Nodes that the rules ask for, each rule by itself.
    pub nodes_asked: usize,
    /// Nodes of the shared plan.
    pub nodes: usize,
    /// Windows (instant and range) that the rules ask for.
    pub windows_asked: usize,
    /// Windows of the shared plan.
    pub windows: usize,
    /// Rows of the selector table.
    pub selectors: usize,
    /// Grids.
    pub grids: usize,
}

/// Counts a finished DAG.
pub fn sharing(dag: &Dag) -> Sharing {
    let is_window = |op: &Op| matches!(op, Op::Instant { .. } | Op::Range { .. });
    Sharing {
        nodes_asked: dag.asked,
        nodes: dag.nodes.len(),
        windows_asked: dag.asked_leaves,
        windows: dag.nodes.iter().filter(|n| is_window(&n.op)).count(),
        selectors: dag.selectors.len(),
        grids: dag.grids.len(),
    }
}

impl std::fmt::Display for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { nodes_asked, nodes, windows_asked, windows, selectors, grids } = self;
        write!(f, "{nodes} nodes for {nodes_asked}, {windows} windows for {windows_asked}, ")?;
        write!(f, "{selectors} selectors, {grids} grids")
    }
}

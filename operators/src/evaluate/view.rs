//! What a node sees while it is evaluated: the program, its operands' rows, the instants.
//!
//! Rows of materialised operands come from their blocks; rows of fused ones (`Node::materialize` is false) are computed
//! on demand, under a mask: the cheap side of a match is computed first and the dear side only for what survives.

use super::elements::{Changes, Cursor, Elements};
use super::node::NodeState;
use super::selectors::SelectorRows;
use crate::program::{Node, NodeIdx, Op, Placement, Program, Source};
use bellwether_model::block::{has, words};
use bellwether_model::{Block, HistogramColumn, Labels, Row, RowMut, SHARDS, StepRange, worker_of_shard};

/// Whose rows a node's rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Rows of a selector.
    Selector(usize),
    /// Rows of this node's own [`Elements`].
    Node(NodeIdx),
}

/// A node's rows: whose they are, and whether the metric name was dropped on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsOf {
    /// Owner.
    pub owner: Owner,
    /// Whether labels are without the metric name.
    pub drop_name: bool,
}

/// The rows of every node of a program.
pub fn rows_of(program: &Program) -> Vec<RowsOf> {
    let mut all: Vec<RowsOf> = Vec::with_capacity(program.nodes.len());
    for (n, node) in program.nodes.iter().enumerate() {
        let own = RowsOf { owner: Owner::Node(n), drop_name: false };
        let input = |i: usize| node.inputs.get(i).and_then(|x| all.get(*x)).copied().unwrap_or(own);
        let dropped =
            |r: RowsOf, drop: bool| RowsOf { drop_name: (r.drop_name || drop) && !program.delayed_names, ..r };
        all.push(match &node.op {
            Op::Instant { selector, reading, .. } => {
                dropped(RowsOf { owner: Owner::Selector(*selector), drop_name: false }, reading.drops_name())
            }
            Op::Range { source, func, .. } => {
                let base = match source {
                    Source::Selector(s) => RowsOf { owner: Owner::Selector(*s), drop_name: false },
                    Source::Ring(r) | Source::Pin(r) => all.get(*r).copied().unwrap_or(own),
                };
                dropped(base, !func.keeps_name())
            }
            Op::LimitRatio => input(0),
            Op::Map(_) | Op::HistogramStat(_) => dropped(input(0), true),
            Op::Arith { op, bool_mode, .. } => dropped(input(0), *bool_mode || !op.keeps_name()),
            Op::Set { op: crate::program::SetOp::And | crate::program::SetOp::Unless, .. } => input(0),
            Op::TopK { .. } if node.exchange.is_none() => input(0),
            _ => own,
        });
    }
    all
}

/// Instants of a stepwise phase: which one of each grid is being evaluated.
#[derive(Clone, Debug, Default)]
pub struct Instant {
    /// By grid: index of the instant in the epoch's range, if the grid has it.
    pub at: Vec<Option<usize>>,
    /// By node: whether it is evaluated instant by instant.
    pub member: Vec<bool>,
}

/// A row being computed, with the kernels' scratch memory.
#[derive(Debug, Default)]
pub struct RowScratch {
    pub(super) values: Vec<f64>,
    pub(super) bits: Vec<u64>,
    pub(super) histograms: HistogramColumn,
    pub(super) kernel: super::leaf::LeafScratch,
}

impl RowScratch {
    /// The row, cleared, with room for `steps`.
    pub(super) fn start(&mut self, steps: usize) {
        self.values.resize(steps, 0.0);
        self.bits.clear();
        self.bits.resize(words(steps), 0);
        self.histograms.clear();
    }

    /// The kernels' scratch memory, and the row for writing.
    pub(super) fn parts(&mut self) -> (&mut super::leaf::LeafScratch, RowMut<'_>) {
        let Self { values, bits, histograms, kernel } = self;
        (kernel, RowMut { values, bits, histograms: histograms.row_mut(0) })
    }

    /// The row, for reading.
    pub(super) fn row(&self) -> Row<'_> {
        Row { values: &self.values, bits: &self.bits, histograms: self.histograms.row(0) }
    }
}

/// What does not need the samples.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(super) program: &'a Program,
    pub(super) states: &'a [Option<Box<dyn NodeState>>],
    pub(super) rows_of: &'a [RowsOf],
    pub(super) selectors: &'a [SelectorRows],
    pub(super) blocks: &'a [Block],
    pub(super) steps: &'a [StepRange],
    /// Results of the members of a stepwise phase at its instant.
    pub(super) subs: &'a [Block],
    pub(super) instant: Option<&'a Instant>,
    pub(super) worker: usize,
    pub(super) peers: usize,
}

impl<'a> View<'a> {
    /// A node of the program.
    pub fn node(&self, n: NodeIdx) -> &'a Node {
        &self.program.nodes[n]
    }

    /// The instants at which a node is being evaluated.
    pub fn steps(&self, n: NodeIdx) -> StepRange {
        let grid = self.program.nodes[n].grid;
        let all = self.steps[grid];
        match self.instant {
            Some(i) if i.member[n] => match i.at[grid] {
                Some(k) => StepRange { first_ms: all.at(k), count: 1, ..all },
                None => StepRange { count: 0, ..all },
            },
            _ => all,
        }
    }

    /// Whether the instants being evaluated begin an epoch of the node's grid.
    pub fn begins_epoch(&self, n: NodeIdx) -> bool {
        self.instant.is_none_or(|i| i.at[self.program.nodes[n].grid] == Some(0))
    }

    fn elements(&self, n: NodeIdx) -> Option<&'a Elements> {
        match self.rows_of[n].owner {
            Owner::Selector(s) => Some(&self.selectors[s].elements),
            Owner::Node(m) => self.states[m].as_ref().and_then(|s| s.elements()),
        }
    }

    /// Rows of a node's block, free ones included.
    pub fn rows(&self, n: NodeIdx) -> usize {
        self.elements(n).map_or(0, Elements::rows)
    }

    /// Elements of a node on this worker.
    pub fn count(&self, n: NodeIdx) -> usize {
        self.elements(n).map_or(0, Elements::len)
    }

    /// Whether a row has an element.
    pub fn is_live(&self, n: NodeIdx, row: u32) -> bool {
        self.elements(n).is_some_and(|e| e.get(row).is_some())
    }

    /// The rows that have an element.
    pub fn live(&self, n: NodeIdx) -> impl Iterator<Item = u32> + use<'a> {
        self.elements(n).into_iter().flat_map(Elements::live)
    }

    /// The labels of a row.
    pub fn labels(&self, n: NodeIdx, row: u32) -> Labels {
        let labels = self.full_labels(n, row);
        if self.rows_of[n].drop_name { labels.without_name() } else { labels }
    }

    /// The labels of a row before the metric name was dropped.
    pub fn full_labels(&self, n: NodeIdx, row: u32) -> Labels {
        self.elements(n).and_then(|e| e.get(row)).cloned().unwrap_or_else(Labels::empty)
    }

    /// What happened to a node's rows since the cursor.
    pub fn changes(&self, n: NodeIdx, cursor: &mut Cursor) -> Changes {
        self.elements(n).map(|e| e.changes(cursor)).unwrap_or_default()
    }

    /// The shard of an element; a placement that does not tell falls back on all labels.
    pub fn shard(&self, placement: &Placement, labels: &Labels) -> usize {
        if self.program.leaves == 1 {
            return 0;
        }
        let shard = placement.shard(&self.program.tenant, labels);
        shard.or_else(|| Placement::Except(Vec::new()).shard(&self.program.tenant, labels)).unwrap_or(0)
    }

    /// The worker that owns a label set under a placement.
    pub fn owner(&self, placement: &Placement, labels: &Labels) -> usize {
        if self.peers == 1 {
            return 0;
        }
        let shard = placement.shard(&self.program.tenant, labels).unwrap_or(0);
        worker_of_shard(shard.min(SHARDS - 1), self.peers)
    }

    /// Rows of a materialised node's result; elements that came since it was evaluated have none.
    pub fn block_rows(&self, n: NodeIdx) -> usize {
        match self.instant {
            Some(instant) if instant.member[n] => self.subs[n].rows(),
            _ => self.blocks[n].rows(),
        }
    }

    /// A row of a materialised node, at the instants of `reader`. An element that a rule published after the node was
    /// evaluated is absent: the evaluation came before it.
    pub fn block_row<'s>(&'s self, reader: NodeIdx, n: NodeIdx, row: u32, scratch: &'s mut RowScratch) -> Row<'s> {
        let instant = self.instant.filter(|i| !i.member[n] && i.member[reader]);
        if row as usize >= self.block_rows(n) {
            scratch.start(self.steps(reader).count);
            return scratch.row();
        }
        let block = match self.instant {
            Some(i) if i.member[n] => &self.subs[n],
            _ => &self.blocks[n],
        };
        let Some(instant) = instant else { return block.row(row as usize) };
        scratch.start(1);
        let at = instant.at[self.program.nodes[n].grid];
        if let Some(value) = at.and_then(|k| block.row(row as usize).value(k)) {
            let (values, bits) = (&mut scratch.values, &mut scratch.bits);
            RowMut { values, bits, histograms: scratch.histograms.row_mut(0) }.put(0, value);
        }
        scratch.row()
    }

    /// Bits by step of node `n`, as bits by step of `reader`, which is on the same grid.
    pub fn bits_of(&self, reader: NodeIdx, n: NodeIdx, bits: &[u64]) -> Vec<u64> {
        match self.instant {
            Some(instant) if instant.member[reader] && !instant.member[n] => {
                let at = instant.at[self.program.nodes[n].grid];
                vec![u64::from(at.is_some_and(|k| k / 64 < bits.len() && has(bits, k)))]
            }
            _ => bits.to_vec(),
        }
    }

    /// Copies a row of a materialised node, at the instants of `reader`.
    pub fn copy_row(&self, reader: NodeIdx, n: NodeIdx, row: u32, out: &mut RowMut<'_>) {
        let mut scratch = RowScratch::default();
        out.copy_from(self.block_row(reader, n, row, &mut scratch));
    }
}

//! Names that go last: `promql-delayed-name-removal`.
//!
//! # Semantics (Prometheus promql/engine.go, `DropName`)
//! What drops the metric name says so of its elements, and the name goes once the whole expression is evaluated; until then
//! it is a label like any other, which functions of labels may read and write. Which elements drop their name follows from
//! the operators, except behind an `or` of elements that do and elements that do not, and behind a function that gives
//! some of them a new name: there, those that drop it carry the label [`DROPPED`].
//!
//! An aggregate drops its name at the steps at which one of its elements does. So of such a mixture, it is put together
//! from groups with a marked element and groups without.

use super::context::{Lowering, Scope};
use bellwether_model::{DROPPED, METRIC_NAME};
use bellwether_operators::functions::AggOp;
use bellwether_operators::program::{Grouping, NodeIdx, Op, PinnedWindow, Reading, SetOp, Shape, Source};

/// Which elements of a node drop their name in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// None.
    Stay,
    /// All.
    Go,
    /// Those that are marked.
    Marked,
}

impl Lowering<'_> {
    /// Learns of nodes that were made.
    pub(super) fn learn_names(&mut self) {
        while self.options.delayed_names && self.names.len() < self.dag.nodes.len() {
            let found = self.of_op(self.names.len());
            self.names.push(found);
        }
    }

    fn names_of(&self, n: NodeIdx) -> Names {
        self.names.get(n).copied().unwrap_or(Names::Stay)
    }

    fn of_source(&self, source: Source) -> Names {
        match source {
            Source::Selector(_) => Names::Stay,
            Source::Ring(n) | Source::Pin(n) => self.names_of(n),
        }
    }

    fn of_op(&self, n: NodeIdx) -> Names {
        let node = &self.dag.nodes[n];
        let input = |i: usize| node.inputs.get(i).map_or(Names::Stay, |n| self.names_of(*n));
        match &node.op {
            Op::Instant { reading: Reading::Time | Reading::StartTime, .. }
            | Op::Map(_)
            | Op::HistogramStat(_)
            | Op::HistogramQuantile
            | Op::HistogramFraction
            | Op::Binary { bool_mode: true, .. } => Names::Go,
            Op::Range { source, func, .. } if func.keeps_name() => self.of_source(*source),
            Op::Range { .. } => Names::Go,
            Op::Pin { window: Some(PinnedWindow { source, .. }), .. } => self.of_source(*source),
            Op::Arith { op, bool_mode, .. } if *bool_mode || !op.keeps_name() => Names::Go,
            Op::LabelReplace { dst, .. } if dst == DROPPED => Names::Marked,
            Op::LabelReplace { dst, .. } if dst == METRIC_NAME && input(0) != Names::Stay => Names::Marked,
            Op::LabelJoin { dst, .. } if dst == METRIC_NAME => Names::Stay,
            Op::Set { op: SetOp::Or, .. } if input(0) != input(1) => Names::Marked,
            Op::Aggregate { .. } if input(0) == Names::Marked => Names::Stay,
            Op::Arith { .. }
            | Op::LabelReplace { .. }
            | Op::LabelJoin { .. }
            | Op::Aggregate { .. }
            | Op::TopK { .. }
            | Op::LimitRatio
            | Op::Info { .. }
            | Op::Ring { .. }
            | Op::Pin { .. }
            | Op::Set { .. } => input(0),
            _ => Names::Stay,
        }
    }

    /// The vector with a mark on elements that all drop their name.
    pub(super) fn marked(&mut self, scope: Scope<'_>, vector: NodeIdx) -> NodeIdx {
        if self.names_of(vector) == Names::Go { self.mark(scope, vector) } else { vector }
    }

    fn mark(&mut self, scope: Scope<'_>, vector: NodeIdx) -> NodeIdx {
        let (dst, replacement) = (DROPPED.to_owned(), "1".to_owned());
        let op = Op::LabelReplace { dst, replacement, src: String::new(), regex: String::new() };
        self.vector(scope, op, vec![vector], self.text(vector).to_owned())
    }

    /// Both sides of an `or`, with marks if only some of the elements drop their name.
    pub(super) fn both_marked(&mut self, scope: Scope<'_>, left: NodeIdx, right: NodeIdx) -> (NodeIdx, NodeIdx) {
        if self.names_of(left) == self.names_of(right) {
            return (left, right);
        }
        (self.marked(scope, left), self.marked(scope, right))
    }

    /// The groups of an aggregate, with a mark on those that have a marked element.
    pub(super) fn groups_marked(&mut self, scope: Scope<'_>, aggregate: NodeIdx) -> NodeIdx {
        let node = &self.dag.nodes[aggregate];
        let (Op::Aggregate { grouping, .. }, Some(vector)) = (&node.op, node.inputs.first().copied()) else {
            return aggregate;
        };
        if self.names_of(vector) != Names::Marked {
            return aggregate;
        }
        let (grouping, text) = (grouping.clone(), node.text.clone());
        let key = match &grouping {
            Grouping::By(labels) => Grouping::By(labels.clone()),
            // Labels of the groups: what was grouped away is not there.
            Grouping::Without(_) => Grouping::Without(Vec::new()),
        };
        let set = |lower: &mut Self, op: SetOp, key: &Grouping, sides: [NodeIdx; 2]| {
            lower.vector(scope, Op::Set { op, key: key.clone() }, sides.to_vec(), text.clone())
        };
        let one = self.number(scope, 1.0);
        let one = self.vector(scope, Op::VectorOf, vec![one], text.clone());
        let one = self.mark(scope, one);
        let drop_it = set(self, SetOp::And, &Grouping::By(vec![DROPPED.to_owned()]), [vector, one]);
        let groups = Op::Aggregate { op: AggOp::Group, grouping };
        let groups = self.vector(scope, groups, vec![drop_it], text.clone());
        let go = set(self, SetOp::And, &key, [aggregate, groups]);
        let go = self.mark(scope, go);
        let stay = set(self, SetOp::Unless, &key, [aggregate, groups]);
        set(self, SetOp::Or, &key, [go, stay])
    }

    /// The result of a whole expression, without the names that go.
    pub(super) fn finished(&mut self, scope: Scope<'_>, result: NodeIdx) -> NodeIdx {
        let marked = match self.names_of(result) {
            _ if self.shape(result) != Shape::Vector => return result,
            Names::Stay => return result,
            Names::Go => false,
            Names::Marked => true,
        };
        self.vector(scope, Op::DropName { marked }, vec![result], self.text(result).to_owned())
    }
}

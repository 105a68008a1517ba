//! What lowering one expression needs: the DAG, the catalogue, and where errors go.

use super::catalogue::Catalogue;
use super::error::LowerError;
use super::look_ahead::LookAhead;
use super::names::Names;
use super::note::{Marked, Places};
use super::options::Options;
use super::unit::Unit;
use super::walk::Use;
use crate::plan::{Dag, Part};
use bellwether_operators::program::{NodeIdx, Op, Shape};
use std::collections::BTreeMap;

/// Where in a unit an expression stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) unit: &'a Unit<'a>,
    /// Grid of the nodes.
    pub(super) grid: usize,
    /// Within a subquery.
    pub(super) in_subquery: bool,
    /// The only instant of the grid, where `@` has fixed it, ms.
    pub(super) pinned_ms: Option<i64>,
}

impl Scope<'_> {
    /// A selector's use, as it is here.
    pub(super) fn reads<'u>(&self, used: Use<'u>) -> Use<'u> {
        Use { fixed: self.pinned_ms.is_some(), ..used }
    }
}

/// Lowers all units into one DAG. A function that finds an error records it and returns `None`; its callers look at
/// their other operands nevertheless, so that all errors are found at once.
#[derive(Debug)]
pub(super) struct Lowering<'a> {
    pub(super) options: &'a Options,
    pub(super) units: &'a [Unit<'a>],
    pub(super) catalogue: &'a Catalogue,
    pub(super) ahead: &'a LookAhead,
    pub(super) dag: Dag,
    pub(super) errors: Vec<LowerError>,
    /// By unit: what its nodes may have something to say about.
    pub(super) marked: Vec<Vec<Marked>>,
    /// Places in the expressions of units that were asked for.
    pub(super) places: BTreeMap<usize, Places>,
    /// By node, where names go last.
    pub(super) names: Vec<Names>,
}

impl Lowering<'_> {
    /// Records an error about a construct.
    pub(super) fn refuse(&mut self, scope: Scope<'_>, construct: &str, message: String) -> Option<NodeIdx> {
        self.errors.push(LowerError {
            unit: Some(scope.unit.index),
            origin: scope.unit.label(),
            construct: construct.to_owned(),
            message,
            position: crate::promql::locate(scope.unit.text, construct),
        });
        None
    }

    /// Records that a construct is not supported yet.
    pub(super) fn unsupported(&mut self, scope: Scope<'_>, construct: &str) -> Option<NodeIdx> {
        self.refuse(scope, construct, format!("{construct} is not supported yet"))
    }

    pub(super) fn node(
        &mut self,
        scope: Scope<'_>,
        shape: Shape,
        op: Op,
        inputs: Vec<NodeIdx>,
        text: String,
    ) -> NodeIdx {
        let node = self.dag.add(Part { op, inputs, grid: scope.grid, shape, text });
        self.learn_names();
        node
    }

    pub(super) fn vector(&mut self, scope: Scope<'_>, op: Op, inputs: Vec<NodeIdx>, text: String) -> NodeIdx {
        self.node(scope, Shape::Vector, op, inputs, text)
    }

    pub(super) fn shape(&self, node: NodeIdx) -> Shape {
        self.dag.nodes[node].shape
    }

    pub(super) fn text(&self, node: NodeIdx) -> &str {
        &self.dag.nodes[node].text
    }
}

//! Random expressions that have a type: the table of productions, and how a tree grows from it.
//!
//! To add a construct, add a row to the table of the file that it belongs to: what it gives, how often, and a function
//! that makes the tree and asks [`Grammar::vector`] and its like for operands.

mod aggregate;
mod function;
mod operator;
mod range;
mod scalar;
mod selector;

use crate::random::Random;
use crate::tree::{Kind, Tree};

/// A way to write an expression of some kind.
pub struct Production {
    /// What it gives.
    pub kind: Kind,
    /// How often it is taken, against the others of its kind; a leaf needs no operands.
    pub weight: u32,
    /// Whether it may stand where the tree must not grow any more.
    pub is_leaf: bool,
    /// Makes one.
    pub make: fn(&mut Grammar<'_>) -> Tree,
}

/// A production with operands.
const fn inner(kind: Kind, weight: u32, make: fn(&mut Grammar<'_>) -> Tree) -> Production {
    Production { kind, weight, is_leaf: false, make }
}

/// A production without.
const fn leaf(kind: Kind, weight: u32, make: fn(&mut Grammar<'_>) -> Tree) -> Production {
    Production { kind, weight, is_leaf: true, make }
}

/// The whole table, by construct.
const TABLES: &[&[Production]] =
    &[selector::TABLE, range::TABLE, aggregate::TABLE, operator::TABLE, function::TABLE, scalar::TABLE];

/// A metric that a selector may ask for.
#[derive(Clone, Debug)]
pub struct Source {
    /// Metric name.
    pub name: String,
    /// Labels that its series may have.
    pub labels: Vec<String>,
    /// Whether a rule writes it.
    pub is_produced: bool,
}

/// What grows trees.
#[derive(Debug)]
pub struct Grammar<'a> {
    /// Where chance comes from.
    pub random: &'a mut Random,
    /// Metrics that there are.
    pub sources: &'a [Source],
    depth: u32,
    /// How many subqueries are around the expression.
    subqueries: u32,
}

impl<'a> Grammar<'a> {
    /// A grammar over some metrics.
    pub fn new(random: &'a mut Random, sources: &'a [Source]) -> Self {
        Self { random, sources, depth: 0, subqueries: 0 }
    }

    /// A rule's expression: mostly a vector.
    pub fn root(&mut self) -> Tree {
        self.depth = *self.random.pick(&[1, 2, 2, 3, 3, 4]);
        if self.random.chance(3) { self.grow(Kind::Scalar) } else { self.grow(Kind::Vector) }
    }

    /// A condition, as alerts have it: a vector that is empty at times.
    pub fn condition(&mut self) -> Tree {
        self.depth = *self.random.pick(&[1, 2, 2, 3]);
        if self.random.chance(70) { operator::comparison(self) } else { self.grow(Kind::Vector) }
    }

    /// An operand that is a vector.
    pub fn vector(&mut self) -> Tree {
        self.operand(Kind::Vector)
    }

    /// An operand that is a scalar.
    pub fn scalar(&mut self) -> Tree {
        self.operand(Kind::Scalar)
    }

    /// An operand that is a range vector.
    pub fn matrix(&mut self) -> Tree {
        self.operand(Kind::Matrix)
    }

    /// A vector inside a subquery.
    pub fn within_subquery(&mut self) -> Tree {
        self.subqueries += 1;
        let tree = self.vector();
        self.subqueries -= 1;
        tree
    }

    /// Whether one more subquery around an operand is affordable.
    pub fn may_nest(&self) -> bool {
        self.subqueries < 2
    }

    fn operand(&mut self, kind: Kind) -> Tree {
        let depth = self.depth;
        self.depth = depth.saturating_sub(1);
        let tree = self.grow(kind);
        self.depth = depth;
        tree
    }

    fn grow(&mut self, kind: Kind) -> Tree {
        let all = || TABLES.iter().copied().flatten().filter(|p| p.kind == kind);
        // Now and then a tree stays small.
        let stops = self.depth == 0 || self.random.chance(10);
        let list: Vec<&Production> = all().filter(|p| p.is_leaf || !stops).collect();
        let at = self.random.weighted(list.iter().map(|p| p.weight));
        (list[at].make)(self)
    }

    /// A metric: inside a subquery an ingested one, because there an evaluation sees what later rules record at its
    /// own instant too (a difference that `lower/order.rs` documents).
    pub fn source(&mut self) -> Source {
        if self.in_subquery() {
            return self.ingested_source();
        }
        self.random.pick(self.sources).clone()
    }

    /// A metric that no rule writes.
    pub fn ingested_source(&mut self) -> Source {
        let usable: Vec<&Source> = self.sources.iter().filter(|s| !s.is_produced).collect();
        (*self.random.pick(&usable)).clone()
    }

    /// Whether the expression is inside of a subquery.
    pub fn in_subquery(&self) -> bool {
        self.subqueries > 0
    }

    /// Whether a selector may ask for series of any name.
    pub fn may_read_all(&self) -> bool {
        self.subqueries == 0
    }

    /// Labels to group or match by; written in parentheses.
    pub fn label_list(&mut self) -> String {
        let labels = self.random.some(LABELS, 35);
        format!("({})", labels.join(", "))
    }

    /// One of a list of texts.
    pub fn one_of(&mut self, list: &[&'static str]) -> &'static str {
        let one: &&str = self.random.pick(list);
        one
    }
}

/// Labels that expressions name.
pub const LABELS: &[&str] = &["instance", "job", "zone", "code", "le"];

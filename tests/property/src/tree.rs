//! Expressions as trees of text, so that a failing one can be made smaller part by part.

use std::fmt;

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Scalar,
    /// An instant vector.
    Vector,
    /// A range vector.
    Matrix,
}

/// A piece of a tree.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// An operand.
    Sub(Tree),
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Tree> for Part {
    fn from(tree: Tree) -> Self {
        Self::Sub(tree)
    }
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What it gives.
    pub kind: Kind,
    /// Its pieces in order.
    pub parts: Vec<Part>,
}

impl Tree {
    /// A tree of pieces.
    pub fn new(kind: Kind, parts: Vec<Part>) -> Self {
        Self { kind, parts }
    }

    /// All trees that are one step smaller: an operand of the same kind in its place, or one of its operands made smaller.
    pub fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        self.descendants(self.kind, &mut all);
        for (at, part) in self.parts.iter().enumerate() {
            let Part::Sub(sub) = part else { continue };
            for less in sub.smaller() {
                let mut parts = self.parts.clone();
                parts[at] = Part::Sub(less);
                all.push(Self { kind: self.kind, parts });
            }
        }
        all
    }

    fn descendants(&self, kind: Kind, all: &mut Vec<Self>) {
        for part in &self.parts {
            if let Part::Sub(sub) = part {
                if sub.kind == kind {
                    all.push(sub.clone());
                } else {
                    sub.descendants(kind, all);
                }
            }
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Sub(sub) => write!(f, "{sub}"),
        })
    }
}

/// A tree of a kind: texts and operands in order.
macro_rules! tree {
    ($kind:ident: $($part:expr),+ $(,)?) => {
        $crate::tree::Tree::new($crate::tree::Kind::$kind, vec![$($crate::tree::Part::from($part)),+])
    };
}
pub(crate) use tree;

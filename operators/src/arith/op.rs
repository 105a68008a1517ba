//! Names of the binary operators.

use serde::{Deserialize, Serialize};

/// A binary operator of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BinOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `>`
    Gt,
    /// `<`
    Lt,
    /// `>=`
    Ge,
    /// `<=`
    Le,
    /// `</`: the observations of a histogram below a value.
    TrimUpper,
    /// `>/`: those above it.
    TrimLower,
}

use BinOp::*;

const NAMES: [(BinOp, &str); 15] = [
    (Add, "+"),
    (Sub, "-"),
    (Mul, "*"),
    (Div, "/"),
    (Mod, "%"),
    (Pow, "^"),
    (Atan2, "atan2"),
    (Eq, "=="),
    (Ne, "!="),
    (Gt, ">"),
    (Lt, "<"),
    (Ge, ">="),
    (Le, "<="),
    (TrimUpper, "</"),
    (TrimLower, ">/"),
];

impl BinOp {
    /// The operator that PromQL writes so.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, n)| *n == name).map(|(op, _)| *op)
    }

    /// As PromQL writes it.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(op, _)| *op == self).map_or("", |(_, n)| n)
    }

    /// All operators.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(op, _)| *op)
    }

    /// Whether it compares.
    pub fn is_comparison(self) -> bool {
        matches!(self, Eq | Ne | Gt | Lt | Ge | Le)
    }

    /// Whether it trims histograms: floats have no result.
    pub fn is_trim(self) -> bool {
        matches!(self, TrimUpper | TrimLower)
    }

    /// Whether results keep the metric name.
    pub fn keeps_name(self) -> bool {
        self.is_comparison() || self.is_trim()
    }

    /// Whether a comparison holds; false for other operators.
    pub fn compares(self, l: f64, r: f64) -> bool {
        match self {
            Eq => l == r,
            Ne => l != r,
            Gt => l > r,
            Lt => l < r,
            Ge => l >= r,
            Le => l <= r,
            _ => false,
        }
    }

    /// A comparison seen from its right side, if `flipped`: `5 < v` is `v > 5`.
    pub(super) fn facing(self, flipped: bool) -> Self {
        match self {
            Gt if flipped => Lt,
            Lt if flipped => Gt,
            Ge if flipped => Le,
            Le if flipped => Ge,
            op => op,
        }
    }
}

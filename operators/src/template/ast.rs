//! The syntax tree of a template.

use super::value::Value;

/// Where a node stands: `at` is the place that Go gives for it, the text from `start` to `end` is the node itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub at: usize,
    pub start: usize,
    pub end: usize,
}

/// What is executed in order.
pub(super) type List = Vec<Node>;

/// One step of a template.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    /// A pipeline whose value is printed unless it declares variables.
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    /// Runs a named template.
    Template {
        name: String,
        pipe: Option<Pipe>,
        span: Span,
    },
    Break,
    Continue,
}

/// A pipeline and what is executed if it has a value that is not empty, or else.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub pipe: Pipe,
    pub list: List,
    pub otherwise: List,
}

/// Commands whose results are passed on, and the variables that get the last one.
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    pub span: Span,
    pub assigns: bool,
    pub variables: Vec<String>,
    pub commands: Vec<Command>,
}

/// A function or operand with arguments; never empty.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub span: Span,
    pub first: Operand,
    pub args: Vec<Operand>,
}

/// An operand and its place.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub span: Span,
    pub kind: OperandKind,
}

/// What an operand is.
#[derive(Clone, Debug)]
pub(super) enum OperandKind {
    Dot,
    Nil,
    /// Fields of dot.
    Field(Vec<String>),
    /// A variable and fields of it.
    Variable(String, Vec<String>),
    /// Fields of a parenthesised pipeline or of a function's result.
    Chain(Box<Operand>, Vec<String>),
    Function(String),
    Pipe(Box<Pipe>),
    /// A literal: bool, string or number.
    Literal(Value),
}

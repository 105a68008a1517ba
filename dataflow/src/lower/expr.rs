//! One expression to one node: which file lowers which construct.

use super::context::{Lowering, Scope};
use bellwether_operators::functions::MathFn;
use bellwether_operators::program::{HISTOGRAMS, NodeIdx, Op, Reading, Shape};
use promql_parser::parser::Expr;

impl Lowering<'_> {
    /// Lowers a scalar or vector expression.
    pub(super) fn expr(&mut self, scope: Scope<'_>, expr: &Expr) -> Option<NodeIdx> {
        match self.fixed_at(scope, expr) {
            Some(at_ms) => self.pinned(scope, at_ms, expr),
            None => self.expr_at(scope, expr),
        }
    }

    /// The same for an expression that stands where it is evaluated.
    pub(super) fn expr_at(&mut self, scope: Scope<'_>, expr: &Expr) -> Option<NodeIdx> {
        match expr {
            Expr::Paren(p) => self.expr(scope, &p.expr),
            Expr::NumberLiteral(n) => Some(self.number(scope, n.val)),
            Expr::VectorSelector(v) => self.instant(scope, v, Reading::Value),
            Expr::Unary(u) => {
                let operand = self.expr(scope, &u.expr)?;
                Some(self.negate(scope, operand))
            }
            Expr::Binary(b) => {
                let node = self.operator(scope, b)?;
                if matches!(self.dag.nodes[node].op, Op::Binary { .. } | Op::Arith { .. }) {
                    self.annotate(scope, node, HISTOGRAMS, expr);
                }
                Some(node)
            }
            Expr::Aggregate(a) => self.aggregate(scope, a),
            Expr::Call(c) => {
                let node = self.call(scope, c)?;
                self.note_sort(scope, c, expr, node);
                Some(node)
            }
            Expr::MatrixSelector(_) => self.misplaced(scope, "a range vector"),
            Expr::Subquery(_) => self.misplaced(scope, "a subquery"),
            Expr::StringLiteral(_) => self.misplaced(scope, "a string"),
            Expr::Extension(_) => self.misplaced(scope, "an extension"),
        }
    }

    fn misplaced(&mut self, scope: Scope<'_>, what: &str) -> Option<NodeIdx> {
        self.refuse(scope, what, format!("{what} is only allowed as an argument of a function that takes one"))
    }

    /// An operand that must be an instant vector.
    pub(super) fn vector_expr(&mut self, scope: Scope<'_>, expr: &Expr, of: &str) -> Option<NodeIdx> {
        self.typed(scope, expr, Shape::Vector, of)
    }

    /// An operand that must be a scalar.
    pub(super) fn scalar_expr(&mut self, scope: Scope<'_>, expr: &Expr, of: &str) -> Option<NodeIdx> {
        self.typed(scope, expr, Shape::Scalar, of)
    }

    fn typed(&mut self, scope: Scope<'_>, expr: &Expr, wanted: Shape, of: &str) -> Option<NodeIdx> {
        let node = self.expr(scope, expr)?;
        if self.shape(node) == wanted {
            return Some(node);
        }
        let name = |s: Shape| if s == Shape::Scalar { "scalar" } else { "instant vector" };
        let message = format!("expected type {} in {of}, got {}", name(wanted), name(self.shape(node)));
        self.refuse(scope, of, message)
    }

    pub(super) fn number(&mut self, scope: Scope<'_>, value: f64) -> NodeIdx {
        let text = crate::plan::passes::fold::number_text(value);
        self.node(scope, Shape::Scalar, Op::Number(value), Vec::new(), text)
    }

    pub(super) fn negate(&mut self, scope: Scope<'_>, operand: NodeIdx) -> NodeIdx {
        let text = format!("-{}", self.operand(operand));
        match self.shape(operand) {
            Shape::Scalar => self.node(scope, Shape::Scalar, Op::ScalarMap(MathFn::Negate), vec![operand], text),
            _ => self.vector(scope, Op::Map(MathFn::Negate), vec![operand], text),
        }
    }

    pub(super) fn time(&mut self, scope: Scope<'_>) -> NodeIdx {
        self.node(scope, Shape::Scalar, Op::Time, Vec::new(), "time()".to_owned())
    }

    /// The text of a string argument.
    pub(super) fn string(&mut self, scope: Scope<'_>, expr: Option<&Expr>, of: &str) -> Option<String> {
        match expr.map(super::walk::inner) {
            Some(Expr::StringLiteral(s)) => Some(s.val.clone()),
            _ => {
                self.refuse(scope, of, format!("expected type string in {of}"));
                None
            }
        }
    }
}

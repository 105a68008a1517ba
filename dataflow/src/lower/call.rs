//! Function calls: which file lowers which function.

use super::calendar::calendar_function;
use super::context::{Lowering, Scope};
use super::math::math_function;
use super::range::range_function;
use super::walk::inner;
use bellwether_operators::program::{NodeIdx, Shape};
use promql_parser::parser::{Call, Expr};

impl Lowering<'_> {
    pub(super) fn call(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        let name = call.func.name;
        if let Some((at, f)) = range_function(name) {
            return self.range_call(scope, call, at, f);
        }
        if let Some(f) = math_function(name) {
            return self.map_call(scope, call, f);
        }
        if let Some(f) = calendar_function(name) {
            return self.calendar_call(scope, call, f);
        }
        match name {
            "time" => Some(self.time(scope)),
            "pi" => Some(self.number(scope, std::f64::consts::PI)),
            "vector" => self.vector_of(scope, call),
            "scalar" => self.scalar_of(scope, call),
            "timestamp" => self.timestamp(scope, call),
            "absent" => self.absent(scope, call),
            "label_replace" => self.label_replace(scope, call),
            "label_join" => self.label_join(scope, call),
            "histogram_quantile" => self.histogram_quantile(scope, call),
            other => {
                for arg in &call.args.args {
                    self.look_for_errors(scope, arg);
                }
                self.unsupported(scope, other)
            }
        }
    }

    /// Lowers an argument of an unsupported function for its errors only.
    fn look_for_errors(&mut self, scope: Scope<'_>, arg: &Expr) {
        match inner(arg) {
            Expr::MatrixSelector(_) | Expr::StringLiteral(_) => {}
            Expr::Subquery(s) => drop(self.expr(scope, &s.expr)),
            other => drop(self.expr(scope, other)),
        }
    }

    /// `timestamp(selector)` reads the samples' own times; of other expressions it is the evaluation instant.
    fn timestamp(&mut self, scope: Scope<'_>, call: &Call) -> Option<NodeIdx> {
        match call.args.args.first().map(|a| inner(a)) {
            Some(Expr::VectorSelector(v)) => self.instant(scope, v, true),
            _ => self.refuse(scope, "timestamp", "timestamp() of an expression is not supported yet".to_owned()),
        }
    }

    /// The arguments of a call: vectors and scalars as `shapes` says; of fewer arguments fewer.
    pub(super) fn args(&mut self, scope: Scope<'_>, call: &Call, shapes: &[Shape]) -> Option<Vec<NodeIdx>> {
        let name = call.func.name;
        let lowered: Vec<Option<NodeIdx>> = call
            .args
            .args
            .iter()
            .zip(shapes)
            .map(|(arg, shape)| match shape {
                Shape::Scalar => self.scalar_expr(scope, arg, name),
                _ => self.vector_expr(scope, arg, name),
            })
            .collect();
        lowered.into_iter().collect()
    }
}

//! Expressions, evaluated at one step from all samples.
//!
//! Each file is one construct. Nothing is kept between steps.

mod absent;
mod aggregate;
mod binary;
mod calendar;
mod call;
mod changes;
mod extended;
mod histogram;
mod histogram_range;
mod histogram_sum;
mod histogram_value;
mod info;
mod label_functions;
mod matching;
mod math;
mod noise;
mod over_time;
mod rate;
mod regression;
mod selector;
mod subquery;
mod top;

use crate::Options;
use crate::store::Store;
use crate::value::{Element, Fault, Sampled, Value, Windows, drop_name, fail, unique};
use bellwether_model::Labels;
use promql_parser::parser::Expr;

/// What the query was asked with: what `start()`, `end()` and `step()` mean at every depth.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// First step, ms.
    pub start_ms: i64,
    /// Last step, ms.
    pub end_ms: i64,
    /// Distance of its steps, ms.
    pub step_ms: i64,
}

impl Bounds {
    /// Of a query for one instant.
    pub fn instant(at_ms: i64) -> Self {
        Self { start_ms: at_ms, end_ms: at_ms, step_ms: 0 }
    }
}

/// Where and when an expression is evaluated.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The samples.
    pub store: &'a Store,
    /// Lookback and the like.
    pub options: Options,
    /// The step, ms.
    pub at_ms: i64,
    /// The query's bounds.
    pub bounds: Bounds,
}

impl Env<'_> {
    /// An element that is computed at this step.
    pub fn element(&self, labels: Labels, value: f64) -> Element {
        self.sampled(labels, Sampled::Float(value))
    }

    /// The same, whatever its value is.
    pub fn sampled(&self, labels: Labels, value: Sampled) -> Element {
        Element { labels, value, stamp_ms: self.at_ms }
    }
}

/// The value of an expression.
pub fn eval(expr: &Expr, env: &Env<'_>) -> Result<Value, Fault> {
    match expr {
        Expr::NumberLiteral(n) => Ok(Value::Scalar(n.val)),
        Expr::StringLiteral(s) => Ok(Value::Text(s.val.clone())),
        Expr::Paren(p) => eval(&p.expr, env),
        Expr::VectorSelector(vs) => selector::instant(vs, env).map(Value::Vector),
        Expr::MatrixSelector(ms) => selector::range(ms, env).map(Value::Matrix),
        Expr::Subquery(sq) => subquery::subquery(sq, env).map(Value::Matrix),
        Expr::Unary(u) => negate(eval(&u.expr, env)?),
        Expr::Binary(b) => binary::binary(b, env).map(|v| noise::disturbed(v, env)),
        Expr::Aggregate(a) => aggregate::aggregate(a, env).map(|v| noise::disturbed(Value::Vector(v), env)),
        Expr::Call(c) => call::call(c, env).map(|v| noise::disturbed(v, env)),
        Expr::Extension(_) => Err(Fault::NotSupported("extension nodes".to_owned())),
    }
}

/// The instant vector of an expression.
pub fn vector(expr: &Expr, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    match eval(expr, env)? {
        Value::Vector(v) => Ok(v),
        _ => fail("expected type instant vector"),
    }
}

/// The number of an expression.
pub fn scalar(expr: &Expr, env: &Env<'_>) -> Result<f64, Fault> {
    match eval(expr, env)? {
        Value::Scalar(v) => Ok(v),
        _ => fail("expected type scalar"),
    }
}

/// The range vector of an expression.
pub fn windows(expr: &Expr, env: &Env<'_>) -> Result<Windows, Fault> {
    match eval(expr, env)? {
        Value::Matrix(w) => Ok(w),
        _ => fail("expected type range vector"),
    }
}

/// The string of an expression.
pub fn text(expr: &Expr, env: &Env<'_>) -> Result<String, Fault> {
    match eval(expr, env)? {
        Value::Text(s) => Ok(s),
        _ => fail("expected type string"),
    }
}

fn negate(value: Value) -> Result<Value, Fault> {
    match value {
        Value::Scalar(v) => Ok(Value::Scalar(-v)),
        Value::Vector(v) => {
            let negated = |value| match value {
                Sampled::Float(v) => Sampled::Float(-v),
                Sampled::Histogram(h) => histogram_value::changed(&h, |h| h.multiply(-1.0)),
            };
            let each = |e: Element| Element { labels: drop_name(&e.labels), value: negated(e.value), ..e };
            unique(v.into_iter().map(each).collect()).map(Value::Vector)
        }
        _ => fail("unary expression only allowed on expressions of type scalar or instant vector"),
    }
}

/// Each float through `f`, names dropped, histograms too.
pub fn map(elements: Vec<Element>, f: impl Fn(f64) -> f64) -> Result<Vec<Element>, Fault> {
    let each = |e: Element| {
        let value = Sampled::Float(f(e.float()?));
        Some(Element { labels: drop_name(&e.labels), value, ..e })
    };
    unique(elements.into_iter().filter_map(each).collect())
}

/// The expression below any parentheses.
pub fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(p) => bare(&p.expr),
        other => other,
    }
}

//! Function calls: which function does what.

use super::extended::{check, counted, points_of};
use super::over_time::{keeps_name, values};
use super::rate::{Kind, extrapolated, instantaneous};
use super::{Env, absent, bare, calendar, changes, eval, histogram, histogram_value, info, label_functions, map, math};
use super::{over_time, regression, scalar, selector, text, vector, windows};
use crate::numeric::{go_max, go_min, quantile};
use crate::value::{
    Element, Extension, Fault, FloatPoint, Point, Sampled, Value, Windows, drop_name, fail, floats, unique,
};
use bellwether_dataflow::promql::{ANCHORED, SMOOTHED};
use bellwether_model::Labels;
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Call, Expr};

/// The expression within `anchored` or `smoothed`, and which.
pub fn unwrap_extended(expr: &Expr) -> (&Expr, Option<Extension>) {
    let Expr::Call(c) = expr else { return (expr, None) };
    match (c.func.name, c.args.args.as_slice()) {
        (ANCHORED, [inner]) => (inner, Some(Extension::Anchored)),
        (SMOOTHED, [inner]) => (inner, Some(Extension::Smoothed)),
        _ => (expr, None),
    }
}

/// A function call.
pub fn call(c: &Call, env: &Env<'_>) -> Result<Value, Fault> {
    let args = c.args.args.as_slice();
    let name = c.func.name;
    match (name, args) {
        (ANCHORED | SMOOTHED, [inner]) => extended_selector(inner, name, env),
        ("time", []) => Ok(Value::Scalar(env.at_ms as f64 / 1000.0)),
        ("max_of", [a, b]) => Ok(Value::Scalar(go_max(scalar(a, env)?, scalar(b, env)?))),
        ("min_of", [a, b]) => Ok(Value::Scalar(go_min(scalar(a, env)?, scalar(b, env)?))),
        ("start", []) => Ok(Value::Scalar(env.bounds.start_ms as f64 / 1000.0)),
        ("end", []) => Ok(Value::Scalar(env.bounds.end_ms as f64 / 1000.0)),
        ("range", []) => Ok(Value::Scalar((env.bounds.end_ms - env.bounds.start_ms) as f64 / 1000.0)),
        ("step", []) if env.bounds.start_ms == env.bounds.end_ms => Ok(Value::Scalar(0.0)),
        ("step", []) => Ok(Value::Scalar(env.bounds.step_ms as f64 / 1000.0)),
        ("pi", []) => Ok(Value::Scalar(std::f64::consts::PI)),
        ("scalar", [v]) => Ok(Value::Scalar(match floats_of(&vector(v, env)?).as_slice() {
            [only] => *only,
            _ => f64::NAN,
        })),
        _ if c.func.arg_types.contains(&ValueType::Matrix) => over_range(c, env).map(Value::Vector),
        _ => over_instant(c, env).map(Value::Vector),
    }
}

/// The values that are floats.
fn floats_of(elements: &[Element]) -> Vec<f64> {
    elements.iter().filter_map(Element::float).collect()
}

/// A selector with an extension, by itself.
fn extended_selector(inner: &Expr, name: &str, env: &Env<'_>) -> Result<Value, Fault> {
    let extension = if name == ANCHORED { Extension::Anchored } else { Extension::Smoothed };
    match (inner, extension) {
        (Expr::VectorSelector(vs), Extension::Smoothed) => selector::smoothed(vs, env).map(Value::Vector),
        (Expr::VectorSelector(vs), Extension::Anchored) => selector::instant(vs, env).map(Value::Vector),
        (Expr::MatrixSelector(ms), _) => {
            let w = selector::extended(ms, extension, env)?;
            let mut rows = Vec::new();
            for (labels, points) in &w.rows {
                rows.push((labels.clone(), points_of(points, &w)?));
            }
            rows.retain(|(_, points)| !points.is_empty());
            Ok(Value::Matrix(Windows { rows, ..w }))
        }
        _ => fail("anchored and smoothed modifiers can only be used on selectors"),
    }
}

/// The windows of a range function's argument, with the samples that its extension may use.
fn argument(expr: &Expr, env: &Env<'_>) -> Result<Windows, Fault> {
    match unwrap_extended(bare(expr)) {
        (Expr::MatrixSelector(ms), Some(extension)) => selector::extended(ms, extension, env),
        _ => windows(expr, env),
    }
}

/// Functions of range vectors.
fn over_range(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let args = c.args.args.as_slice();
    let name = c.func.name;
    let (range, numbers) = match args {
        [q, range] if name == "quantile_over_time" => (range, vec![scalar(q, env)?]),
        [range, numbers @ ..] => (range, numbers.iter().map(|n| scalar(n, env)).collect::<Result<_, _>>()?),
        _ => return fail("wrong number of arguments"),
    };
    let (_, extension) = unwrap_extended(bare(range));
    check(name, extension)?;
    let w = argument(range, env)?;
    if name == "absent_over_time" {
        return absent::absent(range, w.rows.len(), env);
    }
    let mut out = Vec::new();
    for (labels, points) in &w.rows {
        if let Some(value) = range_function(name, points, &w, &numbers, env)? {
            let labels = if keeps_name(name) { labels.clone() } else { drop_name(labels) };
            out.push(env.sampled(labels, value));
        }
    }
    unique(out)
}

fn range_function(
    name: &str,
    points: &[Point],
    w: &Windows,
    numbers: &[f64],
    env: &Env<'_>,
) -> Result<Option<Sampled>, Fault> {
    let kind = |counter, per_second| Kind { counter, per_second };
    Ok(match name {
        "rate" => extrapolated(points, w, kind(true, true)),
        "increase" => extrapolated(points, w, kind(true, false)),
        "delta" => extrapolated(points, w, kind(false, false)),
        "irate" => instantaneous(points, kind(true, true)),
        "idelta" => instantaneous(points, kind(false, false)),
        "changes" => changes::changes(counted(points, w)).map(Sampled::Float),
        "resets" => changes::resets(counted(points, w)).map(Sampled::Float),
        _ => match over_time::of_any(name, points) {
            Some(value) => value,
            None => float_function(name, &floats(points), numbers, env)?.map(Sampled::Float),
        },
    })
}

/// Functions that see the floats of a window only.
fn float_function(name: &str, points: &[FloatPoint], numbers: &[f64], env: &Env<'_>) -> Result<Option<f64>, Fault> {
    if points.is_empty() {
        return Ok(None);
    }
    Ok(match (name, numbers) {
        ("deriv", _) => regression::deriv(points),
        ("predict_linear", [seconds]) => regression::predict(points, env.at_ms, *seconds),
        ("quantile_over_time", [q]) => Some(quantile(*q, &values(points))),
        ("double_exponential_smoothing", [sf, tf]) => over_time::smoothed(&values(points), *sf, *tf)?,
        ("integral", strategy) => Some(over_time::integral(points, strategy.first().copied())),
        _ if name.starts_with("ts_of_") => over_time::time_of(name, points),
        _ => match over_time::function(name) {
            Some(f) => Some(f(&values(points))),
            None => return Err(Fault::NotSupported(format!("function {name}"))),
        },
    })
}

/// Functions of instant vectors and scalars.
fn over_instant(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let name = c.func.name;
    if let Some(f) = math::function(name) {
        return map(only_vector(c, env)?, f);
    }
    if let Some(f) = calendar::function(name) {
        return map(only_vector(c, env)?, f);
    }
    match (name, c.args.args.as_slice()) {
        ("round", _) => math::round(c, env),
        ("clamp" | "clamp_min" | "clamp_max", _) => math::clamp(c, env),
        ("label_replace", _) => label_functions::replace(c, env),
        ("label_join", _) => label_functions::join(c, env),
        ("info", _) => info::info(c, env),
        ("histogram_quantile", _) => histogram::histogram_quantile(c, env),
        ("histogram_quantiles", _) => histogram::histogram_quantiles(c, env),
        ("histogram_fraction", _) => histogram::histogram_fraction(c, env),
        ("vector", [s]) => Ok(vec![env.element(Labels::empty(), scalar(s, env)?)]),
        ("timestamp", [v]) => timestamp(v, env),
        ("absent", [v]) => absent::absent(v, vector(v, env)?.len(), env),
        ("sort", [v]) => Ok(sorted(vector(v, env)?, false)),
        ("sort_desc", [v]) => Ok(sorted(vector(v, env)?, true)),
        ("sort_by_label" | "sort_by_label_desc", [v, names @ ..]) => by_labels(vector(v, env)?, names, name, env),
        (_, [v]) if histogram_value::function(name).is_some() => histogram_value::each(name, vector(v, env)?),
        _ => Err(Fault::NotSupported(format!("function {name}"))),
    }
}

/// The vector argument, or the step itself where a calendar function has none.
fn only_vector(c: &Call, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    match c.args.args.as_slice() {
        [] => Ok(vec![env.element(Labels::empty(), env.at_ms as f64 / 1000.0)]),
        [v, ..] => vector(v, env),
    }
}

/// `timestamp`: of a selector the stamps of its samples, of anything else the step.
fn timestamp(v: &Expr, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let selects = matches!(bare(v), Expr::VectorSelector(_));
    let elements = match eval(v, env)? {
        Value::Vector(elements) => elements,
        _ => return fail("expected type instant vector"),
    };
    let seconds = |e: &Element| if selects { e.stamp_ms } else { env.at_ms } as f64 / 1000.0;
    unique(elements.iter().map(|e| env.element(drop_name(&e.labels), seconds(e))).collect())
}

/// In order of some labels, then of all.
fn by_labels(elements: Vec<Element>, names: &[Box<Expr>], name: &str, env: &Env<'_>) -> Result<Vec<Element>, Fault> {
    let names = names.iter().map(|n| text(n, env)).collect::<Result<Vec<String>, _>>()?;
    let mut elements = elements;
    let of = |e: &Element| names.iter().map(|n| natural(e.labels.get(n))).collect::<Vec<_>>();
    elements.sort_by(|a, b| of(a).cmp(&of(b)).then(a.labels.cmp(&b.labels)));
    if name.ends_with("_desc") {
        elements.reverse();
    }
    Ok(elements)
}

/// A text cut into what is before each number, and the number.
fn natural(text: &str) -> Vec<(String, u64)> {
    let mut parts: Vec<(String, u64)> = Vec::new();
    for c in text.chars() {
        match (c.to_digit(10), parts.last_mut()) {
            (Some(digit), Some((_, number))) => *number = number.saturating_mul(10).saturating_add(u64::from(digit)),
            (Some(digit), None) => parts.push((String::new(), u64::from(digit))),
            (None, Some((before, 0))) => before.push(c),
            (None, _) => parts.push((c.to_string(), 0)),
        }
    }
    parts
}

/// In order of values; NaN is last either way, and histograms have no order.
fn sorted(elements: Vec<Element>, descending: bool) -> Vec<Element> {
    let mut floats: Vec<(f64, Element)> = elements.into_iter().filter_map(|e| Some((e.float()?, e))).collect();
    floats.sort_by(|(a, _), (b, _)| {
        let nan = a.is_nan().cmp(&b.is_nan());
        nan.then(if descending { b.total_cmp(a) } else { a.total_cmp(b) })
    });
    floats.into_iter().map(|(_, e)| e).collect()
}

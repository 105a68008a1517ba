//! Go's own functions: comparisons, `index`, `slice`, `len`, printing and escaping.

use super::net::{html_escape, js_escape, query_escape};
use super::printf::{sprint, sprintf, sprintln};
use super::value::Value;
use std::cmp::Ordering;

/// Runs a built-in; nothing if the name is not one.
pub(super) fn call(name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let (first, rest) = args.split_first().unwrap_or((&Value::Nil, &[]));
    let second = rest.first().unwrap_or(&Value::Nil);
    let bool = |result: Result<bool, String>| result.map(Value::Bool);
    let text = |text: String| Ok(Value::from(text));
    Some(match name {
        "not" => Ok(Value::Bool(!first.truth())),
        "len" => length(first),
        "index" => index(first, rest),
        "slice" => slice(first, rest),
        "html" => text(html_escape(&joined(args))),
        "js" => text(js_escape(&joined(args))),
        "urlquery" => text(query_escape(&joined(args))),
        "print" => text(sprint(args)),
        "println" => text(sprintln(args)),
        "printf" => text(sprintf(first_text(first), rest)),
        "eq" => bool(equal_any(first, rest)),
        "ne" => bool(equal(first, second).map(|e| !e)),
        "lt" => bool(less(first, second)),
        "le" => bool(less_or_equal(first, second)),
        "gt" => bool(less_or_equal(first, second).map(|le| !le)),
        "ge" => bool(less(first, second).map(|lt| !lt)),
        "call" => Err(match first {
            Value::Nil => "call of nil".to_owned(),
            value => format!("non-function {} of type {}", value.to_text(), value.type_name()),
        }),
        _ => return None,
    })
}

fn first_text(value: &Value) -> &str {
    match value {
        Value::Str(s) => s,
        _ => "",
    }
}

/// Several arguments, or one that is no string, are printed first.
fn joined(args: &[Value]) -> String {
    let printable: Vec<Value> = args
        .iter()
        .map(|arg| match arg {
            Value::Nil | Value::Sample(_) => Value::from(arg.printed()),
            other => other.clone(),
        })
        .collect();
    sprint(&printable)
}

fn length(value: &Value) -> Result<Value, String> {
    let n = match value {
        Value::Str(s) => s.len(),
        Value::Labels(l) => l.len(),
        Value::Map(m) => m.len(),
        Value::Samples(s) => s.len(),
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        other => return Err(format!("len of type {}", pointed_to(other))),
    };
    Ok(Value::Int(n as i64))
}

/// Go follows a pointer before it names the type.
fn pointed_to(value: &Value) -> &str {
    value.type_name().trim_start_matches('*')
}

fn index(item: &Value, indexes: &[Value]) -> Result<Value, String> {
    if *item == Value::Nil {
        return Err("index of untyped nil".to_owned());
    }
    let mut item = item.clone();
    for index in indexes {
        item = match &item {
            Value::Labels(labels) => Value::from(labels.get(map_key(index)?).to_owned()),
            Value::Map(map) => map.get(map_key(index)?).cloned().unwrap_or(Value::Nil),
            Value::Samples(samples) => match samples.get(position(index, samples.len())?) {
                Some(sample) => Value::Sample(sample.clone()),
                None => return Err("reflect: slice index out of range".to_owned()),
            },
            Value::Str(s) => match s.as_bytes().get(position(index, s.len())?) {
                Some(byte) => Value::Int(i64::from(*byte)),
                None => return Err("reflect: string index out of range".to_owned()),
            },
            Value::Nil => return Err("index of nil pointer".to_owned()),
            other => return Err(format!("can't index item of type {}", pointed_to(other))),
        };
    }
    Ok(item)
}

fn map_key(index: &Value) -> Result<&str, String> {
    match index {
        Value::Str(s) => Ok(s),
        Value::Nil => Err("value is nil; should be of type string".to_owned()),
        other => Err(format!("value has type {}; should be string", other.type_name())),
    }
}

fn position(index: &Value, len: usize) -> Result<usize, String> {
    match index {
        Value::Int(i) => {
            let found = usize::try_from(*i).ok().filter(|i| *i <= len);
            found.ok_or_else(|| format!("index out of range: {i}"))
        }
        Value::Nil => Err("cannot index slice/array with nil".to_owned()),
        other => Err(format!("cannot index slice/array with type {}", other.type_name())),
    }
}

fn slice(item: &Value, indexes: &[Value]) -> Result<Value, String> {
    let len = match item {
        Value::Nil => return Err("slice of untyped nil".to_owned()),
        Value::Str(s) => s.len(),
        Value::Samples(s) => s.len(),
        other => return Err(format!("can't slice item of type {}", pointed_to(other))),
    };
    match (indexes.len(), item) {
        (0..=2, _) => {}
        (3, Value::Str(_)) => return Err("cannot 3-index slice a string".to_owned()),
        (3, _) => {}
        (n, _) => return Err(format!("too many slice indexes: {n}")),
    }
    let mut bounds = [0, len, len];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, len)?;
    }
    let [from, to, _] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    match item {
        Value::Str(s) => {
            // A cut inside a character gives what is left of it, as text.
            let bytes = s.as_bytes().get(from..to).unwrap_or_default();
            Ok(Value::from(String::from_utf8_lossy(bytes).into_owned()))
        }
        Value::Samples(s) => Ok(Value::Samples(s.get(from..to).unwrap_or_default().into())),
        _ => Ok(Value::Nil),
    }
}

fn equal_any(first: &Value, others: &[Value]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Str(a), Value::Str(b)) => Ok(a == b),
        (Value::Nil, other) | (other, Value::Nil) => Ok(*other == Value::Nil),
        (a, b) if is_basic(a) || is_basic(b) => Err(incompatible(a, b)),
        (a, b) if std::mem::discriminant(a) != std::mem::discriminant(b) => {
            let (a_type, b_type) = (a.type_name(), b.type_name());
            Err(format!("non-comparable types {}: {a_type}, {b_type}: {}", a.to_text(), b.to_text()))
        }
        (Value::Labels(_) | Value::Map(_) | Value::Samples(_), b) => {
            Err(format!("non-comparable type {}: {}", b.to_text(), b.type_name()))
        }
        (a, b) => Ok(a == b),
    }
}

fn is_basic(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_))
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

/// The order of two values; nothing if one is NaN.
fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Str(a), Value::Str(b)) => Ok(Some(a.cmp(b))),
        (a, b) if is_basic(a) && is_basic(b) && std::mem::discriminant(a) != std::mem::discriminant(b) => {
            Err(incompatible(a, b))
        }
        _ => Err("invalid type for comparison".to_owned()),
    }
}

fn less(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(order(a, b)? == Some(Ordering::Less))
}

fn less_or_equal(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(matches!(order(a, b)?, Some(Ordering::Less | Ordering::Equal)))
}

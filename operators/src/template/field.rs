//! Fields and methods of values: `.Labels`, `$labels.job`, `(toTime 0.0).Format`.

use super::printf::sprint;
use super::time::{Civil, format_duration_ns, format_time, time_string};
use super::value::Value;

/// The field of a value; `has_args` is whether something was passed to it, which only methods take.
pub(super) fn field(receiver: &Value, name: &str, has_args: bool) -> Result<Value, String> {
    let missing = || format!("can't evaluate field {name} in type {}", receiver.type_name());
    let found = match receiver {
        // A field of nothing is nothing.
        Value::Nil => return Ok(Value::Nil),
        Value::Labels(_) | Value::Map(_) if has_args => {
            return Err(format!("{name} is not a method but has arguments"));
        }
        Value::Labels(labels) => Value::from(labels.get(name).to_owned()),
        Value::Map(map) => map.get(name).cloned().unwrap_or(Value::Nil),
        Value::Sample(sample) => match name {
            "Labels" => Value::Labels(sample.labels.clone()),
            "Value" => Value::Float(sample.value),
            _ => return Err(missing()),
        },
        Value::Root(root) => match name {
            "Labels" => Value::Labels(root.labels.clone()),
            "ExternalLabels" => Value::Labels(root.external_labels.clone()),
            "ExternalURL" => Value::Str(root.external_url.clone()),
            "Value" => root.value.clone(),
            _ => return Err(missing()),
        },
        _ => return Err(missing()),
    };
    if has_args && matches!(receiver, Value::Sample(_) | Value::Root(_)) {
        return Err(format!("{name} has arguments but cannot be invoked as function"));
    }
    Ok(found)
}

/// The number of arguments of a method, if the value has it.
pub(super) fn method_args(receiver: &Value, name: &str) -> Option<usize> {
    let known = match receiver {
        Value::Time(_) => matches!(
            name,
            "Format"
                | "Unix"
                | "UnixMilli"
                | "Year"
                | "Month"
                | "Day"
                | "Hour"
                | "Minute"
                | "Second"
                | "Weekday"
                | "YearDay"
                | "String"
                | "UTC"
        ),
        Value::Duration(_) => {
            matches!(name, "Hours" | "Minutes" | "Seconds" | "Milliseconds" | "Nanoseconds" | "String")
        }
        _ => false,
    };
    known.then_some(usize::from(name == "Format"))
}

/// Calls a method of a time or a duration.
pub(super) fn method(receiver: &Value, name: &str, args: &[Value]) -> Value {
    match receiver {
        Value::Time(ms) => time_method(*ms, name, args),
        Value::Duration(ns) => duration_method(*ns, name),
        _ => Value::Nil,
    }
}

fn time_method(ms: i64, name: &str, args: &[Value]) -> Value {
    let time = Civil::new(ms);
    match name {
        "Format" => Value::from(format_time(ms, &sprint(args))),
        "Unix" => Value::Int(ms.div_euclid(1000)),
        "UnixMilli" => Value::Int(ms),
        "Year" => Value::Int(time.year),
        "Month" => Value::from(time.month_name().to_owned()),
        "Day" => Value::Int(time.day),
        "Hour" => Value::Int(time.hour),
        "Minute" => Value::Int(time.minute),
        "Second" => Value::Int(time.second),
        "Weekday" => Value::from(time.day_name().to_owned()),
        "YearDay" => Value::Int(time.year_day),
        "UTC" => Value::Time(ms),
        _ => Value::from(time_string(ms)),
    }
}

fn duration_method(ns: i64, name: &str) -> Value {
    let ns_float = ns as f64;
    match name {
        "Hours" => Value::Float(ns_float / 3.6e12),
        "Minutes" => Value::Float(ns_float / 6e10),
        "Seconds" => Value::Float(ns_float / 1e9),
        "Milliseconds" => Value::Int(ns / 1_000_000),
        "Nanoseconds" => Value::Int(ns),
        _ => Value::from(format_duration_ns(ns)),
    }
}

//! What a template computes with, and how Go prints and names it.

use super::float::shortest;
use super::time::{format_duration_ns, time_string};
use bellwether_model::{Histogram, Labels};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// One element of a query's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its labels, the metric's name among them.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// A value; copies share.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing: `nil`, or what a missing map entry of any type is.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Arc<str>),
    /// A map of strings to strings.
    Labels(Labels),
    /// A map of strings to anything: what `args` gives.
    Map(Arc<BTreeMap<String, Value>>),
    Sample(Arc<Sample>),
    Samples(Arc<[Arc<Sample>]>),
    /// Milliseconds since 1970, in UTC.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
    /// A native histogram: an alert's value.
    Histogram(Arc<Histogram>),
    /// The data of an alert's template: dot, at the start.
    Root(Arc<Root>),
}

/// Fields of the data.
#[derive(Debug, PartialEq)]
pub(super) struct Root {
    pub labels: Labels,
    pub external_labels: Labels,
    pub external_url: Arc<str>,
    pub value: Value,
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Self::Str(Arc::from(s))
    }
}

impl Value {
    /// Go's name of the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Labels(_) => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Sample(_) => "*template.sample",
            Self::Samples(_) => "template.queryResult",
            Self::Time(_) => "*time.Time",
            Self::Duration(_) => "*time.Duration",
            Self::Histogram(_) => "*histogram.FloatHistogram",
            Self::Root(_) => {
                "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; \
                 Value interface {} }"
            }
        }
    }

    /// Go's truth: not zero, not empty.
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(i) => *i != 0,
            Self::Float(f) => *f != 0.0,
            Self::Str(s) => !s.is_empty(),
            Self::Labels(l) => !l.is_empty(),
            Self::Map(m) => !m.is_empty(),
            Self::Samples(s) => !s.is_empty(),
            Self::Sample(_) | Self::Time(_) | Self::Duration(_) | Self::Histogram(_) | Self::Root(_) => true,
        }
    }

    /// What an action prints.
    pub fn printed(&self) -> String {
        match self {
            Self::Nil => "<no value>".to_owned(),
            // An action prints what a pointer points to.
            Self::Sample(s) => format!("{{{} {}}}", labels_text(&s.labels), shortest(s.value)),
            other => other.to_text(),
        }
    }

    /// Go's `%v`.
    pub fn to_text(&self) -> String {
        match self {
            Self::Nil => "<nil>".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Int(i) => i.to_string(),
            Self::Float(f) => shortest(*f),
            Self::Str(s) => s.to_string(),
            Self::Labels(l) => labels_text(l),
            Self::Map(m) => {
                let entries: Vec<_> = m.iter().map(|(k, v)| format!("{k}:{}", v.to_text())).collect();
                format!("map[{}]", entries.join(" "))
            }
            Self::Sample(s) => format!("&{{{} {}}}", labels_text(&s.labels), shortest(s.value)),
            Self::Samples(s) => {
                let items: Vec<_> = s.iter().map(|s| Self::Sample(s.clone()).to_text()).collect();
                format!("[{}]", items.join(" "))
            }
            Self::Time(ms) => time_string(*ms),
            Self::Duration(ns) => format_duration_ns(*ns),
            Self::Histogram(h) => h.to_string(),
            Self::Root(r) => {
                let (labels, external) = (labels_text(&r.labels), labels_text(&r.external_labels));
                format!("{{{labels} {external} {} {}}}", r.external_url, r.value.to_text())
            }
        }
    }

    /// The number that the humanizing functions take it for.
    pub fn to_float(&self) -> Result<f64, String> {
        match self {
            Self::Float(f) => Ok(*f),
            Self::Int(i) => Ok(*i as f64),
            Self::Str(s) => parse_float(s),
            other => Err(format!("can't convert {} to float", type_of_nil(other))),
        }
    }
}

fn type_of_nil(value: &Value) -> &'static str {
    if *value == Value::Nil { "<nil>" } else { value.type_name() }
}

/// Go's `strconv.ParseFloat`, without hexadecimal mantissas.
pub(super) fn parse_float(s: &str) -> Result<f64, String> {
    let error = |why: &str| format!("strconv.ParseFloat: parsing {}: {why}", super::quote::quote(s));
    let value: f64 = s.parse().map_err(|_| error("invalid syntax"))?;
    if value.is_infinite() && s.bytes().any(|b| b.is_ascii_digit()) {
        return Err(error("value out of range"));
    }
    Ok(value)
}

fn labels_text(labels: &Labels) -> String {
    let mut out = String::from("map[");
    for (i, (name, value)) in labels.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}{name}:{value}", if i > 0 { " " } else { "" });
    }
    out.push(']');
    out
}

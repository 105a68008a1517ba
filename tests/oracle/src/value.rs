//! What expressions give: scalars, instant vectors, range vectors, strings, and the ways they fail.

pub use bellwether_model::Value as Sampled;
use bellwether_model::{Histogram, Labels, METRIC_NAME};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Stamp in ms and value.
pub type Point = (i64, Sampled);

/// Stamp in ms and a value that is a float.
pub type FloatPoint = (i64, f64);

/// Stamp in ms and a value that is a native histogram.
pub type HistogramPoint = (i64, Arc<Histogram>);

/// Points, told apart by kind.
pub enum Kinds {
    /// Floats only.
    Floats(Vec<FloatPoint>),
    /// Histograms only, at least one.
    Histograms(Vec<HistogramPoint>),
    /// Both.
    Mixed,
}

/// The points that are floats.
pub fn floats(points: &[Point]) -> Vec<FloatPoint> {
    let float = |(t, v): &Point| if let Sampled::Float(v) = v { Some((*t, *v)) } else { None };
    points.iter().filter_map(float).collect()
}

impl Kinds {
    /// Tells points apart.
    pub fn of(points: &[Point]) -> Self {
        let histogram = |(t, v): &Point| if let Sampled::Histogram(h) = v { Some((*t, Arc::clone(h))) } else { None };
        let (floats, histograms) = (floats(points), points.iter().filter_map(histogram).collect::<Vec<_>>());
        match (floats.is_empty(), histograms.is_empty()) {
            (_, true) => Self::Floats(floats),
            (true, false) => Self::Histograms(histograms),
            (false, false) => Self::Mixed,
        }
    }
}

/// The result of a query at one instant.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A number.
    Scalar(f64),
    /// An instant vector.
    Vector(Vec<(Labels, Sampled)>),
    /// A range vector.
    Matrix(Vec<(Labels, Vec<Point>)>),
    /// A string.
    Text(String),
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The query fails, with Prometheus's words.
    Query(String),
    /// The evaluator does not do this.
    NotSupported(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(message) => f.write_str(message),
            Self::NotSupported(what) => write!(f, "not supported: {what}"),
        }
    }
}

impl std::error::Error for Fault {}

/// A query error.
pub fn fail<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Query(message.into()))
}

/// One element of an instant vector.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: Sampled,
    /// Stamp of the sample it was read from, ms; only a selector's elements have another than the step's.
    pub stamp_ms: i64,
}

impl Element {
    /// Its value, if that is a float.
    pub fn float(&self) -> Option<f64> {
        if let Sampled::Float(v) = self.value { Some(v) } else { None }
    }
}

/// How a range is extended by samples outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// By the sample before its start.
    Anchored,
    /// By interpolation at both ends.
    Smoothed,
}

/// A range vector: windows (start, end] of series.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Series with the points of their window, none empty; with an extension also the points around it.
    pub rows: Vec<(Labels, Vec<Point>)>,
    /// Start of the window, ms, exclusive.
    pub start_ms: i64,
    /// End of the window, ms, inclusive.
    pub end_ms: i64,
    /// The extension, where one is asked for.
    pub extension: Option<Extension>,
}

/// The value of an expression at a step.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// An instant vector.
    Vector(Vec<Element>),
    /// A range vector.
    Matrix(Windows),
    /// A string.
    Text(String),
}

impl Value {
    /// For the world outside.
    pub fn into_answer(self) -> Answer {
        match self {
            Self::Scalar(v) => Answer::Scalar(v),
            Self::Vector(v) => Answer::Vector(v.into_iter().map(|e| (e.labels, e.value)).collect()),
            Self::Matrix(w) => Answer::Matrix(w.rows),
            Self::Text(s) => Answer::Text(s),
        }
    }

    /// As rows of a range query's step.
    pub fn into_rows(self) -> Result<Vec<(Labels, Sampled)>, Fault> {
        match self.into_answer() {
            Answer::Scalar(v) => Ok(vec![(Labels::empty(), Sampled::Float(v))]),
            Answer::Vector(v) => Ok(v),
            _ => fail("invalid expression type for range query, must be Scalar or instant Vector"),
        }
    }
}

/// The labels that say what a series is, and not what it is about: they go whenever the name goes.
const RESERVED: [&str; 3] = [METRIC_NAME, "__type__", "__unit__"];

/// Whether operations drop this label together with the name.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The labels without name, type and unit.
pub fn drop_name(labels: &Labels) -> Labels {
    labels.filter(|n| !is_reserved(n))
}

/// The vector itself, or Prometheus's error if two elements have the same labels.
pub fn unique(elements: Vec<Element>) -> Result<Vec<Element>, Fault> {
    let mut seen = BTreeSet::new();
    if elements.iter().all(|e| seen.insert(&e.labels)) {
        return Ok(elements);
    }
    fail("vector cannot contain metrics with the same labelset")
}

/// Labels as Prometheus prints them in messages: the name is a label like any other.
pub fn message_labels(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

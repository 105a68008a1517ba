//! A naive evaluator over all samples, held to Prometheus's own scripts: what clever operators are compared with.
//!
//! ```text
//! samples ──▶ Oracle ── instant, range ──▶ Answer
//!                  └── alerts ──▶ transitions, results of every rule at every step
//! ```
//!
//! # Semantics
//! PromQL as a stock Prometheus 3 answers it: left-open windows, stale markers, lookback, names dropped at once (no
//! delayed name removal), with experimental functions. Every expression is evaluated again at every step from all
//! samples: nothing is shared, nothing is incremental, one function stands for one construct.
//!
//! # Errors
//! [`Fault::Query`] has Prometheus's words; [`Fault::NotSupported`] says what this evaluator leaves out.
//!
//! # Limits
//! No start timestamps. Of native histograms the sums themselves, and what tells of a reset, are the model's: what is naive
//! is what is added up, and when. A subquery or a range query is a series of single steps, so two series that become the same
//! only by dropping their names, and never at the same step, are no error here; Prometheus refuses them in functions
//! of ranges.
//!
//! # Example
//! ```
//! use bellwether_model::{Labels, Sample, Value};
//! use bellwether_oracle::{Answer, Oracle};
//!
//! let labels = Labels::from_pairs([("__name__", "up"), ("job", "a")]);
//! let samples = (0..5).map(|i| Sample::float(labels.clone(), i * 15_000, i as f64));
//! let oracle = Oracle::new(samples);
//! let job = Labels::from_pairs([("job", "a")]);
//! assert_eq!(oracle.instant("sum by (job) (up)", 60_000), Ok(Answer::Vector(vec![(job, Value::Float(4.0))])));
//! ```

mod eval;
mod numeric;
mod rules;
mod store;
mod value;

pub use rules::{Evaluation, Group, History, Outcome, Rule, RuleKind, TransitionRecord};
pub use value::{Answer, Fault, Point};

use bellwether_dataflow::promql;
use bellwether_model::{Labels, Sample};
use eval::{Bounds, Env};
use promql_parser::parser::Expr;
use std::collections::BTreeMap;
use store::Store;
use value::Value;

/// What the meaning of a query depends on beside its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How far an instant selector looks back, ms.
    pub lookback_ms: i64,
    /// Step of a subquery that names none, ms.
    pub subquery_step_ms: i64,
    /// First instant at which subqueries evaluate their expression, ms: as in a run that begins there.
    pub subquery_from_ms: i64,
    /// Where not 0, results that were rounded are disturbed in the 13th digit, another way for each number. If that
    /// changes what is there and what is not, an answer depends on the order in which numbers were added.
    pub noise: u64,
    /// Of equal values `topk` and `bottomk` keep those of the lowest labels, as `limitk` does. Prometheus keeps what its heap
    /// leaves, and what comes first.
    pub ties_by_labels: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lookback_ms: 300_000,
            subquery_step_ms: 60_000,
            subquery_from_ms: i64::MIN,
            noise: 0,
            ties_by_labels: false,
        }
    }
}

/// A set of samples that answers queries.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    store: Store,
    options: Options,
}

/// A series of a range query's result.
pub type Series = (Labels, Vec<Point>);

/// The one place where text becomes a tree. Duration expressions are folded here, hence the query's step and range.
fn parse(query: &str, step_ms: i64, range_ms: i64) -> Result<Expr, Fault> {
    let options = promql::Options { step_ms, range_ms, ..promql::Options::PROMQLTEST };
    promql::parse_with(query, &options).map_err(|e| Fault::Query(e.to_string()))
}

impl Oracle {
    /// An evaluator over samples in any order; of two samples of one series and stamp the first counts.
    pub fn new(samples: impl IntoIterator<Item = Sample>) -> Self {
        Self::with_options(samples, Options::default())
    }

    /// [`Oracle::new`] with other options.
    pub fn with_options(samples: impl IntoIterator<Item = Sample>, options: Options) -> Self {
        let mut store = Store::default();
        for sample in samples {
            store.push(&sample.labels, sample.timestamp_ms, sample.value);
        }
        Self { store, options }
    }

    /// Evaluates a query at one instant. A vector is in Prometheus's order where it has one (`sort`, `topk`), else in
    /// order of evaluation.
    pub fn instant(&self, query: &str, at_ms: i64) -> Result<Answer, Fault> {
        let expr = parse(query, 0, 0)?;
        let bounds = Bounds::instant(at_ms);
        self.evaluate(&expr, at_ms, bounds).map(Value::into_answer)
    }

    /// Evaluates a query at `start`, `start + step`, … up to `end`; series in order of labels, a scalar is a series
    /// without labels.
    pub fn range(&self, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Vec<Series>, Fault> {
        let expr = parse(query, step_ms, end_ms - start_ms)?;
        let bounds = Bounds { start_ms, end_ms, step_ms };
        let mut rows: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
        let mut at_ms = start_ms;
        while at_ms <= end_ms {
            for (labels, value) in self.evaluate(&expr, at_ms, bounds)?.into_rows()? {
                rows.entry(labels).or_default().push((at_ms, value));
            }
            at_ms += step_ms;
        }
        Ok(rows.into_iter().collect())
    }

    fn evaluate(&self, expr: &Expr, at_ms: i64, bounds: Bounds) -> Result<Value, Fault> {
        eval::eval(expr, &Env { store: &self.store, options: self.options, at_ms, bounds })
    }
}

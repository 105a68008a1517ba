//! Queries over a live run: the same engine, ad hoc, over what the log retains.
//!
//! # Semantics
//! A query sees every sample that is on disk when it begins, in time or late. What rules record it sees as rules give it over
//! these samples: the rules that it reads run along, from as far back as they reach.
//!
//! # State
//! None. A query reads the segments of the log that its windows reach; the live run does not notice.
//!
//! # Errors
//! [`QueryError`], in Prometheus's words. Few queries run at once, each for a bounded time over a bounded number of samples,
//! instants and results; more wait, and the rest is told to come again.

mod bounded;
mod load;
mod over;
mod series;
#[cfg(test)]
pub(super) mod tests;

use super::run::LiveHandle;
use bellwether_connectors::source::intake::{Entry, Intake};
use bellwether_dataflow::promql;
use bellwether_model::{Labels, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub use series::{Found, SeriesQuery, Wanted};

/// How long a query may take: Prometheus's.
pub const LONGEST: Duration = Duration::from_secs(120);

/// Queries at once: one has a core for itself, beside the run.
const AT_ONCE: usize = 2;

/// Queries that run or wait: a dashboard or two.
const ADMITTED: usize = 64;

/// Points of a series: (stamp ms, value).
pub type Points = Vec<(i64, Value)>;

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The expression.
    pub text: String,
    /// First and last step, ms.
    pub start_ms: i64,
    /// Last step, ms.
    pub end_ms: i64,
    /// Distance of steps, ms; `None` for an instant.
    pub step_ms: Option<i64>,
    /// Elements at most; 0 is any number.
    pub limit: usize,
    /// How long it may take.
    pub timeout: Duration,
    /// How old a sample may be, ms, if not as usual.
    pub lookback_ms: Option<i64>,
}

impl Query {
    /// An expression at an instant.
    pub fn at(text: &str, at_ms: i64) -> Self {
        let (limit, timeout) = (0, LONGEST);
        Self { text: text.to_owned(), start_ms: at_ms, end_ms: at_ms, step_ms: None, limit, timeout, lookback_ms: None }
    }
}

/// What a query gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A number at an instant.
    Scalar(i64, f64),
    /// A string at an instant.
    Text(i64, String),
    /// Elements at an instant.
    Vector(Vec<(Labels, i64, Value)>),
    /// Series.
    Matrix(Vec<(Labels, Points)>),
}

/// A query's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The result.
    pub data: Data,
    /// What is probably wrong.
    pub warnings: Vec<String>,
    /// What is good to know.
    pub infos: Vec<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It is not asked for as it has to be.
    #[error("{0}")]
    BadData(String),
    /// It cannot be evaluated.
    #[error("{0}")]
    Execution(String),
    /// It took too long.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Others are being answered.
    #[error("too many queries at once: try again")]
    Busy,
    /// What should not happen.
    #[error("{0}")]
    Internal(String),
}

impl QueryError {
    /// A parameter that is not what it has to be.
    pub fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self::BadData(format!("invalid parameter {name:?}: {why}"))
    }
}

/// Answers queries.
pub struct Queries {
    run: LiveHandle,
    admitted: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// Tells a query to end when nobody waits for it any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Queries {
    /// Queries over a run.
    pub fn new(run: LiveHandle) -> Self {
        Self { run, admitted: Arc::new(Semaphore::new(ADMITTED)), room: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The wall clock, ms.
    pub fn now_ms(&self) -> i64 {
        self.run.intake().now_ms()
    }

    /// What senders say of metrics.
    pub fn metadata(&self, metric: Option<&str>, limit: usize, per_metric: usize) -> Vec<(String, Vec<Entry>)> {
        self.run.intake().dictionary().metadata().list(metric, limit, per_metric)
    }

    /// Runs something that takes long on a thread of its own, if there is room for it in time.
    async fn within<T: Send + 'static>(
        &self,
        longest: Duration,
        work: impl FnOnce(LiveHandle, Arc<AtomicBool>) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| QueryError::Busy)?;
        let all = async {
            let room = Arc::clone(&self.room).acquire_owned();
            let room = timeout(longest / 4, room).await.map_err(|_| QueryError::Busy)?;
            let stop = Stop(Arc::default());
            let (run, flag) = (self.run.clone(), Arc::clone(&stop.0));
            let done = tokio::task::spawn_blocking(move || {
                // Given back when the work has ended, not when whoever asked has gone.
                let _room = (room, admitted);
                work(run, flag)
            });
            let done = done.await.map_err(|e| QueryError::Internal(e.to_string()));
            drop(stop);
            done?
        };
        timeout(longest, all).await.map_err(|_| QueryError::Timeout)?
    }

    /// Answers a query.
    pub async fn answer(&self, query: Query) -> Result<Answer, QueryError> {
        self.within(query.timeout, move |run, stop| over::answer(&run, &query, stop)).await
    }

    /// Finds series.
    pub async fn series(&self, asked: SeriesQuery) -> Result<Found, QueryError> {
        self.within(LONGEST, move |run, stop| series::find(&run, &asked, &stop)).await
    }

    /// An expression in print.
    pub fn format(&self, text: &str) -> Result<String, QueryError> {
        let expr = promql::parse_with(text, self.run.promql()).map_err(|e| QueryError::parameter("query", e))?;
        Ok(expr.prettify())
    }
}

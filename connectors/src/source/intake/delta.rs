//! What happened since the last point: a sample of delta temporality as it came.
//!
//! # Semantics
//! It stands in the log beside samples and is none: nobody reads it but who adds deltas up, behind the log. It is identified by
//! series, start and stamp, so that one that is sent again is known.

use bellwether_model::Histogram;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A point of delta temporality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// The series of which it is a part.
    pub series: u32,
    /// End of the time that it is of, ms.
    pub stamp_ms: i64,
    /// Its beginning, ms; 0 where that is not known.
    pub start_ms: i64,
    /// What happened in it.
    pub change: Change,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// So much more.
    Float(f64),
    /// So many more observations.
    Histogram(Arc<Histogram>),
    /// Nothing was recorded: the series ends.
    Ends,
}

impl Delta {
    /// Bytes that it takes in memory, about.
    pub fn bytes(&self) -> usize {
        match &self.change {
            Change::Float(_) | Change::Ends => 40,
            Change::Histogram(h) => 168 + 16 * (h.positive.len() + h.negative.len()),
        }
    }
}

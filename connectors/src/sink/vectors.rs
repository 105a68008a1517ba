//! Vectors as Parquet: what each rule's expression gave, element by element.
//!
//! # Semantics
//! Rows of elements ([`super::elements`]) with a column `value` (double). Native histograms have a file of their own
//! ([`super::HistogramFile`]), so that a file of floats is what it is whatever else there is.
//!
//! # State
//! One row group, 24 bytes a row.

use super::elements::{ElementFile, Values};
use super::{Output, SinkError};
use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::DataType;
use std::fmt::Display;
use std::sync::Arc;

impl Values for Vec<f64> {
    const GROUP_ROWS: usize = 512 * 1024;

    fn column() -> (&'static str, DataType) {
        ("value", DataType::Float64)
    }

    fn take(&mut self) -> ArrayRef {
        Arc::new(Float64Array::from(std::mem::take(self)))
    }
}

/// Writes vectors as Parquet.
pub struct VectorFile<O: Output>(ElementFile<O, Vec<f64>>);

impl<O: Output> VectorFile<O> {
    /// A file on an output; `place` names it in errors.
    pub fn new(out: O, place: impl Display) -> Result<Self, SinkError> {
        ElementFile::new(out, place).map(Self)
    }

    /// Takes an element's values at some steps; both slices have one length.
    pub fn write(
        &mut self,
        rule: &Arc<str>,
        labels_json: &Arc<str>,
        stamps: &[i64],
        values: &[f64],
    ) -> Result<(), SinkError> {
        if stamps.len() != values.len() {
            return Err(self.0.error(format!("{} stamps for {} values", stamps.len(), values.len())));
        }
        self.0.write(rule, labels_json, stamps, |all| all.extend_from_slice(values))
    }

    /// Completes the file; returns the number of rows.
    pub fn finish(self) -> Result<u64, SinkError> {
        self.0.finish()
    }
}

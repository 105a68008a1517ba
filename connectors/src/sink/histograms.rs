//! Native histograms in vectors as Parquet: the companion of [`super::VectorFile`].
//!
//! # Semantics
//! Rows of elements ([`super::elements`]) with a column `histogram`: its notation in Prometheus's unit tests, such as
//! `{{schema:1 count:22 sum:3 buckets:[5 10 7]}}`. Samples are read from a column of that name and form, too.
//!
//! # State
//! One row group.

use super::elements::{ElementFile, Values};
use super::{Output, SinkError};
use arrow_array::ArrayRef;
use arrow_array::builder::StringBuilder;
use arrow_schema::DataType;
use std::fmt::Display;
use std::sync::Arc;

impl Values for StringBuilder {
    const GROUP_ROWS: usize = 64 * 1024;

    fn column() -> (&'static str, DataType) {
        ("histogram", DataType::Utf8)
    }

    fn take(&mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

/// Writes the histograms of vectors as Parquet.
pub struct HistogramFile<O: Output>(ElementFile<O, StringBuilder>);

impl<O: Output> HistogramFile<O> {
    /// A file on an output; `place` names it in errors.
    pub fn new(out: O, place: impl Display) -> Result<Self, SinkError> {
        ElementFile::new(out, place).map(Self)
    }

    /// Takes an element's histogram at a step, as text.
    pub fn write(
        &mut self,
        rule: &Arc<str>,
        labels_json: &Arc<str>,
        stamp_ms: i64,
        notation: &str,
    ) -> Result<(), SinkError> {
        self.0.write(rule, labels_json, &[stamp_ms], |all| all.append_value(notation))
    }

    /// Completes the file; returns the number of rows.
    pub fn finish(self) -> Result<u64, SinkError> {
        self.0.finish()
    }
}

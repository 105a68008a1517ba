//! Native histograms in vectors as Parquet: the companion of [`super::VectorFile`].
//!
//! # Semantics
//! Columns: `rule` and `labels` as there, `timestamp` (int64, ms) and `histogram`: its notation in Prometheus's unit tests,
//! such as `{{schema:1 count:22 sum:3 buckets:[5 10 7]}}`. Rows stand in the order in which they were given.
//!
//! # State
//! One row group.

use super::decisions::properties;
use super::vectors::Texts;
use super::{Output, SinkError};
use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use std::fmt::Display;
use std::sync::Arc;

/// Rows of a row group.
const GROUP_ROWS: usize = 64 * 1024;

/// Writes the histograms of vectors as Parquet.
pub struct HistogramFile<O: Output> {
    writer: ArrowWriter<O>,
    schema: SchemaRef,
    place: String,
    rules: Texts,
    labels: Texts,
    stamps: Vec<i64>,
    histograms: StringBuilder,
}

impl<O: Output> HistogramFile<O> {
    /// A file on an output; `place` names it in errors.
    pub fn new(out: O, place: impl Display) -> Result<Self, SinkError> {
        let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Arc::new(Schema::new(vec![
            Field::new("rule", text(), false),
            Field::new("labels", text(), false),
            Field::new("timestamp", DataType::Int64, false),
            Field::new("histogram", DataType::Utf8, false),
        ]));
        let place = place.to_string();
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties(GROUP_ROWS)))
            .map_err(|e| SinkError::parquet(&place, e))?;
        let (rules, labels, histograms) = (Texts::default(), Texts::default(), StringBuilder::new());
        Ok(Self { writer, schema, place, rules, labels, stamps: Vec::new(), histograms })
    }

    /// Takes an element's histogram at a step, as text.
    pub fn write(
        &mut self,
        rule: &Arc<str>,
        labels_json: &Arc<str>,
        stamp_ms: i64,
        notation: &str,
    ) -> Result<(), SinkError> {
        self.rules.push(rule, 1);
        self.labels.push(labels_json, 1);
        self.stamps.push(stamp_ms);
        self.histograms.append_value(notation);
        if self.stamps.len() >= GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        let batch = self.batch().map_err(|e| SinkError::Parquet { place: self.place.clone(), what: e.to_string() })?;
        self.writer.write(&batch).map_err(|e| SinkError::parquet(&self.place, e))
    }

    fn batch(&mut self) -> Result<RecordBatch, ArrowError> {
        let stamps = Int64Array::from(std::mem::take(&mut self.stamps));
        let columns: Vec<ArrayRef> =
            vec![self.rules.finish()?, self.labels.finish()?, Arc::new(stamps), Arc::new(self.histograms.finish())];
        RecordBatch::try_new(self.schema.clone(), columns)
    }

    /// Completes the file.
    pub fn finish(mut self) -> Result<(), SinkError> {
        if !self.stamps.is_empty() {
            self.flush()?;
        }
        self.writer.finish().map_err(|e| SinkError::parquet(&self.place, e))?;
        self.writer.inner_mut().complete().map_err(|e| SinkError::io(&self.place, "completing", e))
    }
}

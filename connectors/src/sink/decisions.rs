//! Decisions as Parquet.
//!
//! # Semantics
//! One row a decision in the order given. Columns: epoch, position, decision_id, episode_id, alert_id (32 hexadecimal
//! digits), file, group, alert, step (timestamp, ms UTC), transition, labels and annotations (JSON, keys sorted), value,
//! active_at and fired_at (timestamps, ms UTC; fired_at null before firing), revision,
//! correction and supersedes (of corrections; else null).
//!
//! # State
//! Rows up to a row group, then written.

use super::{DecisionSink, Output, SinkError, labels_json};
use arrow_array::builder::{Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bellwether_model::decision::Placed;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::fmt::Display;
use std::sync::Arc;

/// Rows collected before they are encoded.
const BATCH_ROWS: usize = 8192;
/// Rows of a row group.
const GROUP_ROWS: usize = 128 * 1024;

/// An id as 32 hexadecimal digits.
pub(crate) fn hex(id: u128) -> String {
    format!("{id:032x}")
}

/// Properties of all Parquet files for users: zstd, dictionaries, bounded row groups.
pub(crate) fn properties(group_rows: usize) -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(group_rows))
        .build()
}

fn schema() -> SchemaRef {
    let stamp = || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let columns = [
        ("epoch", DataType::Int64),
        ("position", DataType::Int32),
        ("decision_id", DataType::Utf8),
        ("episode_id", DataType::Utf8),
        ("alert_id", DataType::Utf8),
        ("file", DataType::Utf8),
        ("group", DataType::Utf8),
        ("alert", DataType::Utf8),
        ("step", stamp()),
        ("transition", DataType::Utf8),
        ("labels", DataType::Utf8),
        ("annotations", DataType::Utf8),
        ("value", DataType::Float64),
        ("active_at", stamp()),
        ("fired_at", stamp()),
        ("revision", DataType::Int32),
        ("correction", DataType::Utf8),
        ("supersedes", DataType::Utf8),
    ];
    let optional = ["fired_at", "correction", "supersedes"];
    Arc::new(Schema::new(columns.map(|(name, kind)| Field::new(name, kind, optional.contains(&name))).to_vec()))
}

/// Writes decisions as Parquet.
pub struct DecisionFile<O: Output> {
    writer: ArrowWriter<O>,
    schema: SchemaRef,
    place: String,
    waiting: Vec<Placed>,
    written: u64,
}

fn strings<'a>(rows: &'a [Placed], of: impl Fn(&'a Placed) -> String) -> ArrayRef {
    let mut column = StringBuilder::new();
    rows.iter().for_each(|r| column.append_value(of(r)));
    Arc::new(column.finish())
}

fn optional(rows: &[Placed], of: impl Fn(&Placed) -> Option<String>) -> ArrayRef {
    let mut column = StringBuilder::new();
    rows.iter().for_each(|r| column.append_option(of(r)));
    Arc::new(column.finish())
}

fn texts<'a>(rows: &'a [Placed], of: impl Fn(&'a Placed) -> &'a str) -> ArrayRef {
    let mut column = StringBuilder::new();
    rows.iter().for_each(|r| column.append_value(of(r)));
    Arc::new(column.finish())
}

fn int32s(rows: &[Placed], of: impl Fn(&Placed) -> u32) -> ArrayRef {
    let mut column = Int32Builder::new();
    rows.iter().for_each(|r| column.append_value(of(r) as i32));
    Arc::new(column.finish())
}

fn stamps(rows: &[Placed], of: impl Fn(&Placed) -> Option<i64>) -> ArrayRef {
    let mut column = TimestampMillisecondBuilder::new().with_timezone("UTC");
    rows.iter().for_each(|r| column.append_option(of(r)));
    Arc::new(column.finish())
}

fn columns(rows: &[Placed]) -> Vec<ArrayRef> {
    let (mut epochs, mut values) = (Int64Builder::new(), Float64Builder::new());
    for row in rows {
        epochs.append_value(row.epoch as i64);
        values.append_value(row.decision.value);
    }
    vec![
        Arc::new(epochs.finish()),
        int32s(rows, |r| r.position),
        strings(rows, |r| hex(r.decision.decision_id)),
        strings(rows, |r| hex(r.decision.episode_id)),
        strings(rows, |r| hex(r.decision.alert_id)),
        texts(rows, |r| &r.decision.file),
        texts(rows, |r| &r.decision.group),
        texts(rows, |r| &r.decision.alert),
        stamps(rows, |r| Some(r.decision.step_ms)),
        strings(rows, |r| r.decision.transition.to_string()),
        strings(rows, |r| labels_json(&r.decision.labels)),
        strings(rows, |r| labels_json(&r.decision.annotations)),
        Arc::new(values.finish()),
        stamps(rows, |r| Some(r.decision.active_at_ms)),
        stamps(rows, |r| r.decision.fired_at_ms),
        int32s(rows, |r| r.decision.revision),
        optional(rows, |r| r.decision.correction.map(|c| c.kind.to_string())),
        optional(rows, |r| r.decision.correction.and_then(|c| c.supersedes).map(hex)),
    ]
}

impl<O: Output> DecisionFile<O> {
    /// A sink on an output; `place` names it in errors.
    pub fn new(out: O, place: impl Display) -> Result<Self, SinkError> {
        let (schema, place) = (schema(), place.to_string());
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties(GROUP_ROWS)))
            .map_err(|e| SinkError::parquet(&place, e))?;
        Ok(Self { writer, schema, place, waiting: Vec::new(), written: 0 })
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        let rows = std::mem::take(&mut self.waiting);
        let batch = RecordBatch::try_new(self.schema.clone(), columns(&rows))
            .map_err(|e| SinkError::Parquet { place: self.place.clone(), what: e.to_string() })?;
        self.written += rows.len() as u64;
        self.writer.write(&batch).map_err(|e| SinkError::parquet(&self.place, e))
    }
}

impl<O: Output> DecisionSink for DecisionFile<O> {
    fn write(&mut self, decisions: &[Placed]) -> Result<(), SinkError> {
        self.waiting.extend_from_slice(decisions);
        if self.waiting.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<u64, SinkError> {
        self.flush()?;
        // Not into_inner, which makes an I/O error a text.
        self.writer.finish().map_err(|e| SinkError::parquet(&self.place, e))?;
        self.writer.inner_mut().complete().map_err(|e| SinkError::io(&self.place, "completing", e))?;
        Ok(self.written)
    }
}

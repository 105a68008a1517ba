//! Vectors as Parquet: what each rule's expression gave, element by element.
//!
//! # Semantics
//! Columns: `rule` and `labels` (text; labels as a JSON object with sorted keys), `timestamp` (int64, ms) and `value`
//! (double). Rows stand in the order in which they were given. Native histograms have a file of their own
//! ([`super::HistogramFile`]), so that a file of floats is what it is whatever else there is.
//!
//! # State
//! One row group of dictionary keys, stamps and values (24 bytes a row), and its distinct texts. Texts are told apart by
//! their allocation first, so an element's labels should be one `Arc` for as long as the element lives.

use super::decisions::properties;
use super::{Output, SinkError};
use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

/// Rows of a row group.
const GROUP_ROWS: usize = 512 * 1024;

/// Distinct texts of one column and row group.
#[derive(Default)]
pub(super) struct Texts {
    numbers: HashMap<Arc<str>, i32>,
    by_address: HashMap<usize, i32>,
    texts: Vec<Arc<str>>,
    keys: Vec<i32>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &Arc<str>, count: usize) {
        // The text is held until the row group is written, so its address can't be another's meanwhile.
        let address = Arc::as_ptr(text).cast::<u8>() as usize;
        let key = match self.by_address.get(&address) {
            Some(key) => *key,
            None => {
                let fresh = self.texts.len() as i32;
                let key = *self.numbers.entry(text.clone()).or_insert(fresh);
                if key == fresh {
                    self.texts.push(text.clone());
                    self.by_address.insert(address, key);
                }
                key
            }
        };
        self.keys.resize(self.keys.len() + count, key);
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let mut values = StringBuilder::new();
        self.texts.iter().for_each(|t| values.append_value(t));
        let keys = Int32Array::from(std::mem::take(&mut self.keys));
        self.numbers.clear();
        self.by_address.clear();
        self.texts.clear();
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values.finish()))?))
    }
}

/// Writes vectors as Parquet.
pub struct VectorFile<O: Output> {
    writer: ArrowWriter<O>,
    schema: SchemaRef,
    place: String,
    rules: Texts,
    labels: Texts,
    stamps: Vec<i64>,
    values: Vec<f64>,
    written: u64,
}

impl<O: Output> VectorFile<O> {
    /// A file on an output; `place` names it in errors.
    pub fn new(out: O, place: impl Display) -> Result<Self, SinkError> {
        let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Arc::new(Schema::new(vec![
            Field::new("rule", text(), false),
            Field::new("labels", text(), false),
            Field::new("timestamp", DataType::Int64, false),
            Field::new("value", DataType::Float64, false),
        ]));
        let place = place.to_string();
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties(GROUP_ROWS)))
            .map_err(|e| SinkError::parquet(&place, e))?;
        let (rules, labels) = (Texts::default(), Texts::default());
        Ok(Self { writer, schema, place, rules, labels, stamps: Vec::new(), values: Vec::new(), written: 0 })
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
            let what = format!("{} stamps for {} values", stamps.len(), values.len());
            return Err(SinkError::Parquet { place: self.place.clone(), what });
        }
        self.rules.push(rule, stamps.len());
        self.labels.push(labels_json, stamps.len());
        self.stamps.extend_from_slice(stamps);
        self.values.extend_from_slice(values);
        if self.stamps.len() >= GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.written += self.stamps.len() as u64;
        let batch = self.batch().map_err(|e| SinkError::Parquet { place: self.place.clone(), what: e.to_string() })?;
        self.writer.write(&batch).map_err(|e| SinkError::parquet(&self.place, e))
    }

    fn batch(&mut self) -> Result<RecordBatch, ArrowError> {
        let stamps = Int64Array::from(std::mem::take(&mut self.stamps));
        let values = Float64Array::from(std::mem::take(&mut self.values));
        let columns: Vec<ArrayRef> =
            vec![self.rules.finish()?, self.labels.finish()?, Arc::new(stamps), Arc::new(values)];
        RecordBatch::try_new(self.schema.clone(), columns)
    }

    /// Completes the file; returns the number of rows.
    pub fn finish(mut self) -> Result<u64, SinkError> {
        if !self.stamps.is_empty() {
            self.flush()?;
        }
        // Not into_inner, which makes an I/O error a text.
        self.writer.finish().map_err(|e| SinkError::parquet(&self.place, e))?;
        self.writer.inner_mut().complete().map_err(|e| SinkError::io(&self.place, "completing", e))?;
        Ok(self.written)
    }
}

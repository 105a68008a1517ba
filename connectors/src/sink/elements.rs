//! Rows of elements as Parquet: whose they are, when they were, and values of one kind.
//!
//! # Semantics
//! Columns: `rule` and `labels` (text; labels as a JSON object with sorted keys), `timestamp` (int64, ms) and the values'.
//! Rows stand in the order in which they were given.
//!
//! # State
//! One row group of dictionary keys, stamps and values, and its distinct texts. Texts are told apart by their allocation
//! first, so an element's labels should be one `Arc` for as long as the element lives.

use super::decisions::properties;
use super::{Output, SinkError};
use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

/// Values of a row group.
pub(super) trait Values: Default {
    /// Rows of a row group.
    const GROUP_ROWS: usize;

    /// Name and type of the column.
    fn column() -> (&'static str, DataType);

    /// Takes the values out.
    fn take(&mut self) -> ArrayRef;
}

/// Distinct texts of one column and row group.
#[derive(Default)]
struct Texts {
    numbers: HashMap<Arc<str>, i32>,
    by_address: HashMap<usize, i32>,
    texts: Vec<Arc<str>>,
    keys: Vec<i32>,
}

impl Texts {
    fn push(&mut self, text: &Arc<str>, count: usize) {
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

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let mut values = StringBuilder::new();
        self.texts.iter().for_each(|t| values.append_value(t));
        let keys = Int32Array::from(std::mem::take(&mut self.keys));
        self.numbers.clear();
        self.by_address.clear();
        self.texts.clear();
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values.finish()))?))
    }
}

/// Writes rows of elements.
pub(super) struct ElementFile<O: Output, V> {
    writer: ArrowWriter<O>,
    schema: SchemaRef,
    place: String,
    rules: Texts,
    labels: Texts,
    stamps: Vec<i64>,
    values: V,
    written: u64,
}

impl<O: Output, V: Values> ElementFile<O, V> {
    /// A file on an output; `place` names it in errors.
    pub(super) fn new(out: O, place: impl Display) -> Result<Self, SinkError> {
        let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let (name, kind) = V::column();
        let schema = Arc::new(Schema::new(vec![
            Field::new("rule", text(), false),
            Field::new("labels", text(), false),
            Field::new("timestamp", DataType::Int64, false),
            Field::new(name, kind, false),
        ]));
        let place = place.to_string();
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties(V::GROUP_ROWS)))
            .map_err(|e| SinkError::parquet(&place, e))?;
        let (rules, labels) = (Texts::default(), Texts::default());
        Ok(Self { writer, schema, place, rules, labels, stamps: Vec::new(), values: V::default(), written: 0 })
    }

    /// Takes an element's rows; `push` appends a value for each stamp.
    pub(super) fn write(
        &mut self,
        rule: &Arc<str>,
        labels_json: &Arc<str>,
        stamps: &[i64],
        push: impl FnOnce(&mut V),
    ) -> Result<(), SinkError> {
        self.rules.push(rule, stamps.len());
        self.labels.push(labels_json, stamps.len());
        self.stamps.extend_from_slice(stamps);
        push(&mut self.values);
        if self.stamps.len() >= V::GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    /// An error of this file.
    pub(super) fn error(&self, what: String) -> SinkError {
        SinkError::Parquet { place: self.place.clone(), what }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.written += self.stamps.len() as u64;
        let batch = self.batch().map_err(|e| self.error(e.to_string()))?;
        self.writer.write(&batch).map_err(|e| SinkError::parquet(&self.place, e))
    }

    fn batch(&mut self) -> Result<RecordBatch, ArrowError> {
        let stamps = Int64Array::from(std::mem::take(&mut self.stamps));
        let columns: Vec<ArrayRef> =
            vec![self.rules.finish()?, self.labels.finish()?, Arc::new(stamps), self.values.take()];
        RecordBatch::try_new(self.schema.clone(), columns)
    }

    /// Completes the file; returns the number of rows.
    pub(super) fn finish(mut self) -> Result<u64, SinkError> {
        if !self.stamps.is_empty() {
            self.flush()?;
        }
        // Not into_inner, which makes an I/O error a text.
        self.writer.finish().map_err(|e| SinkError::parquet(&self.place, e))?;
        self.writer.inner_mut().complete().map_err(|e| SinkError::io(&self.place, "completing", e))?;
        Ok(self.written)
    }
}

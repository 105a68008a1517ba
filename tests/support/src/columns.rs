//! Columns of small Parquet files: strings, stamps and numbers as plain vectors.
//!
//! # Errors
//! [`LoadError`] names the file and what is wrong with it.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fmt;
use std::fs::File;
use std::path::Path;

/// Why a file cannot be read.
#[derive(Debug)]
pub struct LoadError(String);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

/// Any cause, before the file's name is added.
pub type Failure = Box<dyn std::error::Error>;

/// Gives the batches of a file to `take`, one by one.
pub fn read(path: &Path, mut take: impl FnMut(&RecordBatch) -> Result<(), Failure>) -> Result<(), LoadError> {
    let mut all = || -> Result<(), Failure> {
        for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()? {
            take(&batch?)?;
        }
        Ok(())
    };
    all().map_err(|e| LoadError(format!("{}: {e}", path.display())))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, Failure> {
    Ok(batch.column_by_name(name).ok_or_else(|| format!("no column {name}"))?.as_ref())
}

/// A column of strings, plain or by dictionary; a null is "".
pub fn texts(batch: &RecordBatch, name: &str) -> Result<Vec<String>, Failure> {
    let array = column(batch, name)?;
    let Some(dictionary) = array.as_any_dictionary_opt() else { return plain(array, name) };
    if dictionary.values().is_empty() {
        return Ok(vec![String::new(); array.len()]);
    }
    let (keys, values) = (dictionary.normalized_keys(), plain(dictionary.values().as_ref(), name)?);
    let text = |(i, key): (usize, &usize)| if array.is_null(i) { String::new() } else { values[*key].clone() };
    Ok(keys.iter().enumerate().map(text).collect())
}

fn plain(array: &dyn Array, name: &str) -> Result<Vec<String>, Failure> {
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    match array.data_type() {
        DataType::Utf8 => Ok(array.as_string::<i32>().iter().map(owned).collect()),
        DataType::LargeUtf8 => Ok(array.as_string::<i64>().iter().map(owned).collect()),
        DataType::Utf8View => Ok(array.as_string_view().iter().map(owned).collect()),
        other => Err(format!("column {name} is of {other}, not of strings").into()),
    }
}

/// A column of stamps: integers, or Arrow timestamps in milliseconds.
pub fn stamps(batch: &RecordBatch, name: &str) -> Result<Vec<i64>, Failure> {
    let array = column(batch, name)?;
    if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
        return Ok(integers.values().to_vec());
    }
    let stamps = array.as_primitive_opt::<TimestampMillisecondType>();
    Ok(stamps.ok_or_else(|| format!("column {name} is not of milliseconds"))?.values().to_vec())
}

/// A column of doubles.
pub fn floats(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, Failure> {
    let doubles = column(batch, name)?.as_primitive_opt::<Float64Type>();
    Ok(doubles.ok_or_else(|| format!("column {name} is not of doubles"))?.values().to_vec())
}

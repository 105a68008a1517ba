//! The tables beside the samples of several parts in, one of each out.
//!
//! # Semantics
//! Bindings and decisions stand one part behind the other, as the parts' epochs do. Late samples get the rows that their series have
//! in the merged series table.
//!
//! # State
//! Of bindings and decisions some rows at a time; all late samples.

use super::beside::{self, LateRow};
use crate::source::SourceError;
use crate::source::error::{DAMAGED, guarded};
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Table = ParquetRecordBatchReaderBuilder<File>;

pub(super) fn open(path: &Path) -> Result<Table, SourceError> {
    let place = || path.display().to_string();
    let file = File::open(path).map_err(|e| SourceError::io(path, "opening", e))?;
    guarded(&place, || Table::try_new(file).map_err(|e| SourceError::parquet(place(), e)))
}

/// The columns of all tables; one may be empty where it is in any of them.
fn schema(paths: &[PathBuf]) -> Result<Schema, SourceError> {
    let mut all: Vec<Field> = Vec::new();
    for path in paths {
        let table = open(path)?;
        let fields = table.schema().fields();
        if all.is_empty() {
            all = fields.iter().map(|f| Field::new(f.name(), f.data_type().clone(), false)).collect();
        }
        let same = fields.len() == all.len()
            && fields.iter().zip(&all).all(|(f, a)| (f.name(), f.data_type()) == (a.name(), a.data_type()));
        if !same {
            return Err(SourceError::invalid(path.display().to_string(), "its columns are others", DAMAGED));
        }
        all = all
            .into_iter()
            .zip(fields)
            .map(|(a, f)| a.clone().with_nullable(a.is_nullable() || f.is_nullable()))
            .collect();
    }
    Ok(Schema::new(all))
}

/// Writes the rows of some folders' tables of one name into a folder's table of that name.
pub(crate) fn join(name: &str, from: &[PathBuf], to: &Path) -> Result<(), SourceError> {
    let paths: Vec<PathBuf> = from.iter().map(|folder| folder.join(name)).collect();
    let path = to.join(name);
    let schema = Arc::new(schema(&paths)?);
    let file = File::create(&path).map_err(|e| SourceError::io(&path, "creating", e))?;
    let wrong = |e| SourceError::parquet_writing(&path, e);
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(beside::properties())).map_err(wrong)?;
    for from in &paths {
        let place = || from.display().to_string();
        let damaged = |e: arrow_schema::ArrowError| SourceError::invalid(place(), e.to_string(), DAMAGED);
        let mut batches = open(from)?.build().map_err(|e| SourceError::parquet(place(), e))?;
        while let Some(batch) = guarded(&place, || batches.next().transpose().map_err(damaged))? {
            let batch = RecordBatch::try_new(schema.clone(), batch.columns().to_vec()).map_err(damaged)?;
            writer.write(&batch).map_err(wrong)?;
        }
    }
    writer.finish().map_err(wrong)?;
    writer.inner().sync_all().map_err(|e| SourceError::io(&path, "writing to disk", e))
}

/// The late samples of some folders, by (series, stamp); `rows` gives the merged row of each row of a folder's series table.
pub(crate) fn late(from: &[PathBuf], rows: &[&[u32]]) -> Result<Vec<LateRow>, SourceError> {
    let mut all = Vec::new();
    for (folder, rows) in from.iter().zip(rows) {
        for late in beside::read_late(folder)? {
            let Some(series) = rows.get(late.series as usize) else {
                let place = folder.join(beside::LATE_FILE).display().to_string();
                return Err(SourceError::invalid(place, "a series is not in the series table", DAMAGED));
            };
            all.push(LateRow { series: *series, ..late });
        }
    }
    all.sort_unstable();
    Ok(all)
}

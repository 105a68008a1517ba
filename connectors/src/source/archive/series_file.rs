//! `series.parquet`: the series of an archive, sorted by (shard, labels).
//!
//! # Semantics
//! Columns: `id` (16 bytes, big-endian hash of tenant and labels), `shard`, `labels` (map), `first_ms`, `last_ms`,
//! `samples`. Sample files name a series by its row here.

use super::SAMPLES_DIR;
use crate::source::SourceError;
use crate::source::error::{DAMAGED, guarded};
use arrow_array::builder::{FixedSizeBinaryBuilder, Int32Builder, Int64Builder, MapBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use bellwether_model::{Labels, SHARDS};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Name of the series table in an archive's folder.
pub(crate) const SERIES_FILE: &str = "series.parquet";

/// Rows written together.
const BATCH_ROWS: usize = 1 << 16;

/// A series as it is written.
#[derive(Clone, Debug)]
pub(crate) struct SeriesRow {
    pub(crate) labels: Labels,
    pub(crate) shard: usize,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) samples: u64,
}

/// The series table as it is read.
#[derive(Debug, Default)]
pub(crate) struct SeriesRows {
    /// Labels by row.
    pub(crate) labels: Vec<Labels>,
    /// First row of each shard, and the number of rows.
    pub(crate) shard_starts: Vec<u32>,
}

impl SeriesRows {
    /// The rows of a range of shards.
    pub(crate) fn of_shards(&self, shards: std::ops::Range<usize>) -> std::ops::Range<u32> {
        self.shard_starts[shards.start]..self.shard_starts[shards.end]
    }
}

fn invalid(place: &Path, what: impl Into<String>) -> SourceError {
    SourceError::invalid(place.display().to_string(), what, DAMAGED)
}

/// Writes the series table; `rows` are sorted by (shard, labels).
pub(crate) fn write(dir: &Path, tenant: &str, rows: &[SeriesRow]) -> Result<(), SourceError> {
    debug_assert!(dir.join(SAMPLES_DIR).is_dir());
    let path = dir.join(SERIES_FILE);
    let file = File::create(&path).map_err(|e| SourceError::io(&path, "creating", e))?;
    let failed = |e: ArrowError| invalid(&path, e.to_string());
    let first = batch(tenant, &rows[..rows.len().min(BATCH_ROWS)]).map_err(failed)?;
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let wrong = |e| SourceError::parquet_writing(&path, e);
    let mut writer = ArrowWriter::try_new(file, first.schema(), Some(properties)).map_err(wrong)?;
    writer.write(&first).map_err(wrong)?;
    for rows in rows.chunks(BATCH_ROWS).skip(1) {
        writer.write(&batch(tenant, rows).map_err(failed)?).map_err(wrong)?;
    }
    writer.finish().map_err(wrong)?;
    writer.inner().sync_all().map_err(|e| SourceError::io(&path, "writing to disk", e))
}

fn batch(tenant: &str, rows: &[SeriesRow]) -> Result<RecordBatch, ArrowError> {
    let mut id = FixedSizeBinaryBuilder::new(16);
    let mut shard = Int32Builder::new();
    let mut labels = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    let (mut first, mut last, mut samples) = (Int64Builder::new(), Int64Builder::new(), Int64Builder::new());
    for row in rows {
        id.append_value(row.labels.hash(tenant).to_be_bytes())?;
        shard.append_value(row.shard as i32);
        for (name, value) in row.labels.iter() {
            labels.keys().append_value(name);
            labels.values().append_value(value);
        }
        labels.append(true)?;
        first.append_value(row.first_ms);
        last.append_value(row.last_ms);
        samples.append_value(row.samples as i64);
    }
    let columns: [(&str, ArrayRef); 6] = [
        ("id", Arc::new(id.finish())),
        ("shard", Arc::new(shard.finish())),
        ("labels", Arc::new(labels.finish())),
        ("first_ms", Arc::new(first.finish())),
        ("last_ms", Arc::new(last.finish())),
        ("samples", Arc::new(samples.finish())),
    ];
    let fields: Vec<_> = columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), false)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, a)| a).collect())
}

/// Reads the series table.
pub(crate) fn read(dir: &Path) -> Result<SeriesRows, SourceError> {
    let path = dir.join(SERIES_FILE);
    let file = File::open(&path).map_err(|e| SourceError::io(&path, "opening", e))?;
    let place = || path.display().to_string();
    guarded(&place, || {
        let wrong = |e| SourceError::parquet(place(), e);
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(wrong)?;
        let mut rows = SeriesRows { labels: Vec::new(), shard_starts: vec![0; SHARDS + 1] };
        let mut next_shard = 0;
        for batch in builder.with_batch_size(BATCH_ROWS).build().map_err(wrong)? {
            let batch = batch.map_err(|e| invalid(&path, e.to_string()))?;
            append(&batch, &mut rows, &mut next_shard).ok_or_else(|| invalid(&path, "it is no series table"))?;
        }
        let total = rows.labels.len() as u32;
        rows.shard_starts[next_shard..].fill(total);
        Ok(rows)
    })
}

fn append(batch: &RecordBatch, rows: &mut SeriesRows, next_shard: &mut usize) -> Option<()> {
    let shards = batch.column_by_name("shard")?.as_primitive_opt::<Int32Type>()?;
    let labels = batch.column_by_name("labels")?.as_map_opt()?;
    let (DataType::Utf8, DataType::Utf8) = (labels.keys().data_type(), labels.values().data_type()) else {
        return None;
    };
    let (keys, values) = (labels.keys().as_string::<i32>(), labels.values().as_string::<i32>());
    for (row, range) in labels.offsets().windows(2).enumerate() {
        let shard = usize::try_from(shards.value(row)).ok().filter(|s| *s < SHARDS)?;
        if shard + 1 < *next_shard {
            return None;
        }
        while *next_shard <= shard {
            rows.shard_starts[*next_shard] = rows.labels.len() as u32;
            *next_shard += 1;
        }
        let pairs = (range[0] as usize..range[1] as usize).map(|i| (keys.value(i), values.value(i)));
        rows.labels.push(Labels::from_pairs(pairs));
    }
    Some(())
}

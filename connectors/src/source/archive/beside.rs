//! What stands beside the samples of a part: plain Parquet tables of late samples, bindings and decisions.
//!
//! # Semantics
//! * `late.parquet`: `series` (row in the series table), `timestamp`, `epoch`: the sample became visible in that epoch, behind
//!   the watermark of the one before.
//! * `bindings.parquet`: `epoch`, `wall`, `watermark`, `rules` (hash of the rule table, hexadecimal), `binding` (bytes as the log
//!   holds them).
//! * `decisions.parquet`: the fields that tools ask for, and `line`: the whole decision as the ledger says it.

use crate::source::SourceError;
use crate::source::error::{DAMAGED, guarded};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, UInt64Type};
use arrow_array::{
    ArrayRef, BinaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the list of late samples in a part's folder.
pub const LATE_FILE: &str = "late.parquet";
/// Name of the list of bindings in a part's folder.
pub const BINDINGS_FILE: &str = "bindings.parquet";
/// Name of the list of decisions in a part's folder.
pub const DECISIONS_FILE: &str = "decisions.parquet";

/// A sample that became visible late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LateRow {
    /// Row in the series table.
    pub series: u32,
    /// Timestamp, ms.
    pub stamp_ms: i64,
    /// When it became visible.
    pub epoch: u64,
}

/// The binding of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingRow {
    /// The epoch.
    pub epoch: u64,
    /// Wall clock, ms.
    pub wall_ms: i64,
    /// Watermark, ms.
    pub watermark_ms: i64,
    /// Hash of the rules in force.
    pub rules: u128,
    /// As the log holds it.
    pub bytes: Vec<u8>,
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow {
    /// The epoch that it came to light in.
    pub epoch: u64,
    /// Its place there.
    pub position: u32,
    /// Its step, ms.
    pub step_ms: i64,
    /// The alert.
    pub alert: String,
    /// The alert's group.
    pub group: String,
    /// What happened.
    pub transition: String,
    /// Labels as a JSON object.
    pub labels: String,
    /// The value of the expression.
    pub value: Option<f64>,
    /// The ledger's line.
    pub line: String,
}

/// How tables are written: row groups are small, because one is held in memory while it is written.
pub(super) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(1 << 16))
        .build()
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) -> Result<(), SourceError> {
    let file = File::create(path).map_err(|e| SourceError::io(path, "creating", e))?;
    let batch = RecordBatch::try_from_iter(columns)
        .map_err(|e| SourceError::invalid(path.display().to_string(), e.to_string(), DAMAGED))?;
    let wrong = |e| SourceError::parquet_writing(path, e);
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties())).map_err(wrong)?;
    writer.write(&batch).map_err(wrong)?;
    writer.finish().map_err(wrong)?;
    writer.inner().sync_all().map_err(|e| SourceError::io(path, "writing to disk", e))
}

/// Reads a table batch by batch; `take` says `None` where columns are not what they have to be.
fn read(path: &Path, mut take: impl FnMut(&RecordBatch) -> Option<()>) -> Result<(), SourceError> {
    let place = || path.display().to_string();
    guarded(&place, || {
        let file = File::open(path).map_err(|e| SourceError::io(path, "opening", e))?;
        let wrong = |e| SourceError::parquet(place(), e);
        let batches = ParquetRecordBatchReaderBuilder::try_new(file).map_err(wrong)?.build().map_err(wrong)?;
        for batch in batches {
            let batch = batch.map_err(|e| SourceError::invalid(place(), e.to_string(), DAMAGED))?;
            take(&batch).ok_or_else(|| SourceError::invalid(place(), "its columns have other types", DAMAGED))?;
        }
        Ok(())
    })
}

/// Writes the list of late samples.
pub fn write_late(dir: &Path, rows: &[LateRow]) -> Result<(), SourceError> {
    let series: Int32Array = rows.iter().map(|r| r.series as i32).collect::<Vec<_>>().into();
    let stamps: Int64Array = rows.iter().map(|r| r.stamp_ms).collect::<Vec<_>>().into();
    let epochs: UInt64Array = rows.iter().map(|r| r.epoch).collect::<Vec<_>>().into();
    let columns: Vec<(&str, ArrayRef)> =
        vec![("series", Arc::new(series)), ("timestamp", Arc::new(stamps)), ("epoch", Arc::new(epochs))];
    write(&dir.join(LATE_FILE), columns)
}

/// Reads the list of late samples.
pub fn read_late(dir: &Path) -> Result<Vec<LateRow>, SourceError> {
    let mut rows = Vec::new();
    read(&dir.join(LATE_FILE), |batch| {
        let series = batch.column_by_name("series")?.as_primitive_opt::<Int32Type>()?;
        let stamps = batch.column_by_name("timestamp")?.as_primitive_opt::<Int64Type>()?;
        let epochs = batch.column_by_name("epoch")?.as_primitive_opt::<UInt64Type>()?;
        rows.extend((0..batch.num_rows()).map(|i| LateRow {
            series: series.value(i) as u32,
            stamp_ms: stamps.value(i),
            epoch: epochs.value(i),
        }));
        Some(())
    })?;
    Ok(rows)
}

/// Writes the list of bindings.
pub fn write_bindings(dir: &Path, rows: &[BindingRow]) -> Result<(), SourceError> {
    let epochs: UInt64Array = rows.iter().map(|r| r.epoch).collect::<Vec<_>>().into();
    let walls: Int64Array = rows.iter().map(|r| r.wall_ms).collect::<Vec<_>>().into();
    let watermarks: Int64Array = rows.iter().map(|r| r.watermark_ms).collect::<Vec<_>>().into();
    let rules: StringArray = rows.iter().map(|r| Some(format!("{:032x}", r.rules))).collect();
    let bytes: BinaryArray = rows.iter().map(|r| Some(r.bytes.as_slice())).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("epoch", Arc::new(epochs)),
        ("wall", Arc::new(walls)),
        ("watermark", Arc::new(watermarks)),
        ("rules", Arc::new(rules)),
        ("binding", Arc::new(bytes)),
    ];
    write(&dir.join(BINDINGS_FILE), columns)
}

/// The bindings of a part, read some at a time: a part of a day may have a million.
pub struct Bindings {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    rows: VecDeque<BindingRow>,
}

impl Bindings {
    /// Opens the list in a part's folder.
    pub fn open(dir: &Path) -> Result<Self, SourceError> {
        let path = dir.join(BINDINGS_FILE);
        let place = || path.display().to_string();
        let batches = guarded(&place, || {
            let file = File::open(&path).map_err(|e| SourceError::io(&path, "opening", e))?;
            let wrong = |e| SourceError::parquet(place(), e);
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(wrong)?.build().map_err(wrong)
        })?;
        Ok(Self { path, batches, rows: VecDeque::new() })
    }

    /// The next one; `None` behind the last.
    pub fn read(&mut self) -> Result<Option<BindingRow>, SourceError> {
        self.fill()?;
        Ok(self.rows.pop_front())
    }

    /// Whether there is none left.
    pub fn is_at_end(&mut self) -> Result<bool, SourceError> {
        self.fill()?;
        Ok(self.rows.is_empty())
    }

    fn fill(&mut self) -> Result<(), SourceError> {
        let Self { path, batches, rows } = self;
        let place = || path.display().to_string();
        guarded(&place, || {
            while rows.is_empty() {
                let Some(batch) = batches.next() else { break };
                let batch = batch.map_err(|e| SourceError::invalid(place(), e.to_string(), DAMAGED))?;
                bindings(&batch, rows)
                    .ok_or_else(|| SourceError::invalid(place(), "its columns have other types", DAMAGED))?;
            }
            Ok(())
        })
    }
}

fn bindings(batch: &RecordBatch, rows: &mut VecDeque<BindingRow>) -> Option<()> {
    let epochs = batch.column_by_name("epoch")?.as_primitive_opt::<UInt64Type>()?;
    let walls = batch.column_by_name("wall")?.as_primitive_opt::<Int64Type>()?;
    let watermarks = batch.column_by_name("watermark")?.as_primitive_opt::<Int64Type>()?;
    let rules = batch.column_by_name("rules")?.as_string_opt::<i32>()?;
    let bytes = batch.column_by_name("binding")?.as_binary_opt::<i32>()?;
    for i in 0..batch.num_rows() {
        rows.push_back(BindingRow {
            epoch: epochs.value(i),
            wall_ms: walls.value(i),
            watermark_ms: watermarks.value(i),
            rules: u128::from_str_radix(rules.value(i), 16).ok()?,
            bytes: bytes.value(i).to_vec(),
        });
    }
    Some(())
}

/// Writes the list of decisions.
pub fn write_decisions(dir: &Path, rows: &[DecisionRow]) -> Result<(), SourceError> {
    let epochs: UInt64Array = rows.iter().map(|r| r.epoch).collect::<Vec<_>>().into();
    let positions: UInt32Array = rows.iter().map(|r| r.position).collect::<Vec<_>>().into();
    let steps: Int64Array = rows.iter().map(|r| r.step_ms).collect::<Vec<_>>().into();
    let values: Float64Array = rows.iter().map(|r| r.value).collect();
    let text = |pick: fn(&DecisionRow) -> &str| -> ArrayRef {
        Arc::new(rows.iter().map(|r| Some(pick(r))).collect::<StringArray>())
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("epoch", Arc::new(epochs)),
        ("position", Arc::new(positions)),
        ("step", Arc::new(steps)),
        ("alert", text(|r| &r.alert)),
        ("group", text(|r| &r.group)),
        ("transition", text(|r| &r.transition)),
        ("labels", text(|r| &r.labels)),
        ("value", Arc::new(values)),
        ("line", text(|r| &r.line)),
    ];
    write(&dir.join(DECISIONS_FILE), columns)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let late =
            vec![LateRow { series: 3, stamp_ms: -7, epoch: u64::MAX }, LateRow { series: 0, stamp_ms: 9, epoch: 2 }];
        write_late(dir.path(), &late).unwrap();
        assert_eq!(read_late(dir.path()).unwrap(), late);
        let binding = BindingRow { epoch: 4, wall_ms: 5, watermark_ms: i64::MIN, rules: 1 << 99, bytes: vec![0, 255] };
        write_bindings(dir.path(), std::slice::from_ref(&binding)).unwrap();
        let mut bindings = Bindings::open(dir.path()).unwrap();
        assert!(!bindings.is_at_end().unwrap());
        assert_eq!(bindings.read().unwrap(), Some(binding));
        assert!(bindings.is_at_end().unwrap() && bindings.read().unwrap().is_none());
        write_decisions(dir.path(), &[]).unwrap();
        assert!(read_late(&dir.path().join("no")).is_err());
        std::fs::copy(dir.path().join(BINDINGS_FILE), dir.path().join(LATE_FILE)).unwrap();
        assert!(read_late(dir.path()).is_err(), "columns of another table");
    }
}

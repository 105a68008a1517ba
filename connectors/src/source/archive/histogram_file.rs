//! Files of native histograms: rows of one span in, Parquet out, and a worker's share of it back.
//!
//! # Semantics
//! Columns: `series` (row in the series table), `timestamp` (ms UTC) and `histogram`: its notation in Prometheus's unit
//! tests, such as `{{schema:1 count:22 sum:3 buckets:[5 10 7]}}`. Rows are sorted by (series, stamp); of equal ones the
//! first that came in stays. A row group may hold several shards.

use super::histogram_spool::Row;
use super::sample_file::GROUP_ROWS;
use super::tile::wrong;
use crate::source::SourceError;
use crate::source::error::{DAMAGED, guarded};
use crate::source::parquet::open_file;
use bellwether_model::Histogram;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

const SCHEMA: &str = "message histograms {
  required int32 series;
  required int64 timestamp (TIMESTAMP(MILLIS,true));
  required binary histogram (UTF8);
}";

/// Samples of a span, sorted and settled.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Series are rows of the series table.
    pub(crate) rows: Vec<Row>,
    /// Equal repeats that were left out.
    pub(crate) duplicates: u64,
    /// Other histograms of a stamp that were left out.
    pub(crate) conflicts: u64,
}

/// Sorts rows by (series, stamp), keeping the first of equal ones; `row_of` gives a series' row in the series table.
pub(crate) fn settle(mut rows: Vec<Row>, row_of: &[u32]) -> Settled {
    rows.iter_mut().for_each(|r| r.series = row_of[r.series as usize]);
    // Stable, so that the first that came in stays first.
    rows.sort_by_key(|r| (r.series, r.stamp_ms));
    let mut out = Settled::default();
    for row in rows {
        match out.rows.last() {
            Some(last) if (last.series, last.stamp_ms) == (row.series, row.stamp_ms) => {
                let same = last.histogram == row.histogram;
                *(if same { &mut out.duplicates } else { &mut out.conflicts }) += 1;
            }
            _ => out.rows.push(row),
        }
    }
    out
}

/// Writes the file of a span, and waits for the disk.
pub(crate) fn write(path: &Path, rows: &[Row]) -> Result<(), SourceError> {
    let file = File::create(path).map_err(|e| SourceError::io(path, "creating", e))?;
    let file = write_rows(file, rows).map_err(|e| SourceError::parquet_writing(path, e))?;
    file.sync_all().map_err(|e| SourceError::io(path, "writing to disk", e))
}

fn write_rows(file: File, rows: &[Row]) -> Result<File, ParquetError> {
    let compression = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(parse_message_type(SCHEMA)?), Arc::new(properties))?;
    let ended = || ParquetError::General("a column is missing".to_owned());
    for rows in rows.chunks(GROUP_ROWS) {
        let mut group = writer.next_row_group()?;
        let series: Vec<i32> = rows.iter().map(|r| r.series as i32).collect();
        let mut column = group.next_column()?.ok_or_else(ended)?;
        column.typed::<Int32Type>().write_batch(&series, None, None)?;
        column.close()?;
        let stamps: Vec<i64> = rows.iter().map(|r| r.stamp_ms).collect();
        let mut column = group.next_column()?.ok_or_else(ended)?;
        column.typed::<Int64Type>().write_batch(&stamps, None, None)?;
        column.close()?;
        let texts: Vec<ByteArray> = rows.iter().map(|r| ByteArray::from(r.histogram.notation().into_bytes())).collect();
        let mut column = group.next_column()?.ok_or_else(ended)?;
        column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
        column.close()?;
        group.close()?;
    }
    writer.into_inner()
}

/// Reads the rows of a file that `wanted` accepts, in order of (stamp, series). Every series must be one of the first
/// `series` rows of the series table.
pub(crate) fn read(path: &Path, series: u32, wanted: &dyn Fn(u32) -> bool) -> Result<Vec<Row>, SourceError> {
    let reader = open_file(path)?;
    let mut rows = Vec::new();
    for index in 0..reader.metadata().num_row_groups() {
        let place = || format!("{}, row group {index}", path.display());
        guarded(&place, || {
            let group = reader.get_row_group(index).map_err(|e| wrong(place(), e))?;
            let count = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            let columns = Columns::read(&*group, count).map_err(|e| wrong(place(), e))?;
            columns.rows(series, wanted, &mut rows).map_err(|what| SourceError::invalid(place(), what, DAMAGED))
        })?;
    }
    rows.sort_by_key(|r| (r.stamp_ms, r.series));
    Ok(rows)
}

struct Columns {
    series: Vec<i32>,
    stamps: Vec<i64>,
    texts: Vec<ByteArray>,
}

impl Columns {
    fn read(group: &dyn RowGroupReader, count: usize) -> Result<Self, ParquetError> {
        let (mut series, mut stamps, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        let columns = (group.get_column_reader(0)?, group.get_column_reader(1)?, group.get_column_reader(2)?);
        let (
            ColumnReader::Int32ColumnReader(mut a),
            ColumnReader::Int64ColumnReader(mut b),
            ColumnReader::ByteArrayColumnReader(mut c),
        ) = columns
        else {
            return Err(ParquetError::General("the columns have the wrong types".to_owned()));
        };
        a.read_records(count, None, None, &mut series)?;
        b.read_records(count, None, None, &mut stamps)?;
        c.read_records(count, None, None, &mut texts)?;
        if [series.len(), stamps.len(), texts.len()] != [count; 3] {
            return Err(ParquetError::General("a column ends before the row group does".to_owned()));
        }
        Ok(Self { series, stamps, texts })
    }

    fn rows(self, known: u32, wanted: &dyn Fn(u32) -> bool, out: &mut Vec<Row>) -> Result<(), String> {
        for ((series, stamp_ms), text) in self.series.into_iter().zip(self.stamps).zip(&self.texts) {
            let series = u32::try_from(series).ok().filter(|s| *s < known);
            let series = series.ok_or("a series is not in the series table")?;
            if wanted(series) {
                let text = std::str::from_utf8(text.data()).map_err(|_| "a histogram is not UTF-8")?;
                let histogram = Histogram::from_notation(text).map_err(|e| format!("{text:.60?}: {e}"))?;
                out.push(Row { series, stamp_ms, histogram: Arc::new(histogram) });
            }
        }
        Ok(())
    }
}

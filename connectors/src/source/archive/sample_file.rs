//! Sample files: rows of one span in, Parquet row groups of one shard each out.
//!
//! # Semantics
//! Columns: `series` (row in the series table; dictionary keys, so that a series is one run), `timestamp` (ms UTC,
//! delta-coded) and `value` (byte-stream split). Rows are sorted by (series, stamp); of equal ones the first that came
//! in stays. A row group holds one shard, at most [`GROUP_ROWS`] rows.

use super::SampleCodec;
use super::spool::Rows;
use crate::source::SourceError;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a row group at most: what a worker decodes at once.
pub(crate) const GROUP_ROWS: usize = 256 * 1024;
/// Rows of a page: what is skipped at once when nobody reads a series. Not a power of two, because then the eight byte
/// streams of a page would share the same lines of a core's cache.
const PAGE_ROWS: usize = 16 * 1024 - 64;

const SCHEMA: &str = "message samples {
  required int32 series;
  required int64 timestamp (TIMESTAMP(MILLIS,true));
  required double value;
}";

/// Samples of a shard, sorted and settled.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) series: Vec<i32>,
    pub(crate) stamps: Vec<i64>,
    pub(crate) values: Vec<f64>,
    /// Equal repeats that were left out.
    pub(crate) duplicates: u64,
    /// Other values of a stamp that were left out.
    pub(crate) conflicts: u64,
}

/// Sorts rows by (series, stamp), keeping the first of equal ones. `row_of` gives a series' row in the series table,
/// `rows` the range of rows that may occur.
pub(crate) fn settle(input: &Rows, row_of: &[u32], rows: std::ops::Range<u32>) -> Settled {
    let local = |series: u32| (row_of[series as usize] - rows.start) as usize;
    let mut starts = vec![0usize; rows.len() + 1];
    for s in &input.series {
        starts[local(*s) + 1] += 1;
    }
    for i in 0..rows.len() {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut sorted: Vec<(i64, f64)> = vec![(0, 0.0); input.series.len()];
    for ((series, stamp), value) in input.series.iter().zip(&input.stamps).zip(&input.values) {
        let at = &mut next[local(*series)];
        sorted[*at] = (*stamp, *value);
        *at += 1;
    }
    let mut out = Settled::default();
    for (i, row) in rows.enumerate() {
        let samples = &mut sorted[starts[i]..starts[i + 1]];
        if !samples.is_sorted_by_key(|(t, _)| *t) {
            // Stable, so that the first that came in stays first.
            samples.sort_by_key(|(t, _)| *t);
        }
        out.append(row as i32, samples);
    }
    out
}

impl Settled {
    /// Appends the samples of a series in order of stamps, keeping the first of equal ones.
    pub(crate) fn append(&mut self, row: i32, samples: &[(i64, f64)]) {
        let from = self.stamps.len();
        for (stamp, value) in samples {
            if self.stamps.len() > from && self.stamps.last() == Some(stamp) {
                let same = self.values.last().is_some_and(|v| v.to_bits() == value.to_bits());
                *(if same { &mut self.duplicates } else { &mut self.conflicts }) += 1;
                continue;
            }
            self.stamps.push(*stamp);
            self.values.push(*value);
        }
        self.series.resize(self.stamps.len(), row);
    }

    /// Takes off the first rows, and what was left out.
    pub(crate) fn take_first(&mut self, rows: usize) -> Self {
        let rest = Self {
            series: self.series.split_off(rows),
            stamps: self.stamps.split_off(rows),
            values: self.values.split_off(rows),
            ..Self::default()
        };
        std::mem::replace(self, rest)
    }
}

/// Writes one sample file.
pub(crate) struct SampleFileWriter {
    path: PathBuf,
    writer: SerializedFileWriter<File>,
}

fn properties(codec: SampleCodec) -> WriterProperties {
    let column = |name: &str| ColumnPath::from(name);
    let compression = match codec {
        SampleCodec::Lz4 => Compression::LZ4_RAW,
        SampleCodec::Zstd => Compression::ZSTD(ZstdLevel::default()),
    };
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(column("value"), EnabledStatistics::None)
        // A group of short series has as many keys as rows; they must not overflow into plain pages.
        .set_column_dictionary_page_size_limit(column("series"), GROUP_ROWS * 4 + 1)
        .set_column_dictionary_enabled(column("timestamp"), false)
        .set_column_encoding(column("timestamp"), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(column("value"), false)
        .set_column_encoding(column("value"), Encoding::BYTE_STREAM_SPLIT)
        .set_compression(compression)
        .build()
}

impl SampleFileWriter {
    /// Creates the file.
    pub(crate) fn create(path: &Path, codec: SampleCodec) -> Result<Self, SourceError> {
        let wrong = |e| SourceError::parquet_writing(path, e);
        let file = File::create(path).map_err(|e| SourceError::io(path, "creating", e))?;
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(wrong)?);
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties(codec))).map_err(wrong)?;
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Appends the samples of one shard.
    pub(crate) fn write(&mut self, s: &Settled) -> Result<(), SourceError> {
        for from in (0..s.stamps.len()).step_by(GROUP_ROWS) {
            let to = (from + GROUP_ROWS).min(s.stamps.len());
            self.write_group(s, from, to).map_err(|e| SourceError::parquet_writing(&self.path, e))?;
        }
        Ok(())
    }

    fn write_group(&mut self, s: &Settled, from: usize, to: usize) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        let ended = || ParquetError::General("a column is missing".to_owned());
        let mut series = group.next_column()?.ok_or_else(ended)?;
        series.typed::<Int32Type>().write_batch(&s.series[from..to], None, None)?;
        series.close()?;
        let mut stamps = group.next_column()?.ok_or_else(ended)?;
        stamps.typed::<Int64Type>().write_batch(&s.stamps[from..to], None, None)?;
        stamps.close()?;
        let mut values = group.next_column()?.ok_or_else(ended)?;
        values.typed::<DoubleType>().write_batch(&s.values[from..to], None, None)?;
        values.close()?;
        group.close()?;
        Ok(())
    }

    /// Writes the footer and waits for the disk.
    pub(crate) fn finish(mut self) -> Result<(), SourceError> {
        self.writer.finish().map_err(|e| SourceError::parquet_writing(&self.path, e))?;
        self.writer.inner().sync_all().map_err(|e| SourceError::io(&self.path, "writing to disk", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_stamps_stays() {
        let input = Rows {
            series: vec![0, 1, 0, 0, 0, 1],
            stamps: vec![5, 1, 3, 5, 5, 2],
            values: vec![1.0, 9.0, 2.0, 1.0, 7.0, 9.0],
        };
        let s = settle(&input, &[11, 10], 10..12);
        assert_eq!(s.series, [10, 10, 11, 11]);
        assert_eq!(s.stamps, [1, 2, 3, 5]);
        assert_eq!(s.values, [9.0, 9.0, 2.0, 1.0]);
        assert_eq!((s.duplicates, s.conflicts), (1, 1));
    }
}

//! Row groups in, chunks of rows with series numbers out.
//!
//! # Semantics
//! A row whose value is null is no sample. A row whose stamp is null is an error. NaN and infinities are values. Rows
//! with an equal series and stamp all come out, in the order of the file: of these the first wins downstream.
//!
//! # State
//! A [`RowDecoder`] belongs to one thread; it keeps one file open and remembers label values and series over files.

use super::columns::{Layout, StampUnit, ValueKind};
use super::labels::{LabelError, LabelReader};
use super::series::SeriesNumbers;
use super::values::Values;
use super::{Group, ParquetFiles};
use crate::source::error::{DAMAGED, guarded};
use crate::source::group::{DROPPED, Grouping};
use crate::source::table::SeriesTable;
use crate::source::{Keep, SourceError};
use bellwether_model::{Histogram, HistogramSample, Labels, Runs};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

/// Rows of a chunk: bounds what a reader holds, long enough for long runs.
pub(crate) const CHUNK_ROWS: usize = 1 << 20;
/// Rows decoded together column by column: their keys stay in the core's cache.
const BATCH_ROWS: usize = 1 << 14;

/// Decoded rows, columns side by side.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// Position of the first row in the whole input.
    pub(crate) first_row: u64,
    /// Whether the row group has no rows after these.
    pub(crate) ends_group: bool,
    /// Stamps, ms.
    pub(crate) stamps: Vec<i64>,
    /// Series number, or [`DROPPED`].
    pub(crate) series: Vec<u32>,
    /// Values; 0 where the row is a native histogram.
    pub(crate) values: Vec<f64>,
    /// The native histogram of each row, or empty where all are floats.
    pub(crate) histograms: Vec<Option<Arc<Histogram>>>,
    /// Labels of the series that appear first in this chunk, in order of their numbers.
    pub(crate) fresh: Vec<Labels>,
}

impl Chunk {
    /// Appends some of the rows to `out`: floats series by series, native histograms as they stand.
    pub(crate) fn group(&self, rows: Range<usize>, grouping: &mut Grouping, out: &mut Runs) {
        if self.histograms.is_empty() {
            return grouping.group(&self.series[rows.clone()], &self.stamps[rows.clone()], &self.values[rows], out);
        }
        for row in rows {
            if let Some(histogram) = &self.histograms[row] {
                let (series, stamp_ms) = (self.series[row], self.stamps[row]);
                out.histograms.push(HistogramSample {
                    series,
                    stamp_ms,
                    histogram: Arc::clone(histogram),
                    start_ms: 0,
                });
            }
        }
    }
}

/// Decodes row groups.
pub(crate) struct RowDecoder<'a> {
    files: &'a ParquetFiles,
    open: Option<(usize, SerializedFileReader<File>)>,
    columns: Vec<Values>,
    numbers: SeriesNumbers,
    table: SeriesTable,
    sent: usize,
    keys: Vec<Vec<u32>>,
}

/// Whether to go on after a chunk.
pub(crate) type GoOn = bool;

impl<'a> RowDecoder<'a> {
    /// A decoder over the files; `keep` says which series are wanted.
    pub(crate) fn new(files: &'a ParquetFiles, keep: Option<Keep>) -> Self {
        let numbers = SeriesNumbers::new(keep);
        Self {
            files,
            open: None,
            columns: Vec::new(),
            numbers,
            table: SeriesTable::default(),
            sent: 0,
            keys: Vec::new(),
        }
    }

    /// Decodes a row group and passes its chunks on; `false` if the receiver wants no more.
    pub(crate) fn decode(
        &mut self,
        group: &Group,
        emit: &mut dyn FnMut(Chunk) -> Result<GoOn, SourceError>,
    ) -> Result<GoOn, SourceError> {
        let files = self.files;
        let place = || files.place(group);
        guarded(&place, || self.decode_group(group, emit))
    }

    fn decode_group(
        &mut self,
        group: &Group,
        emit: &mut dyn FnMut(Chunk) -> Result<GoOn, SourceError>,
    ) -> Result<GoOn, SourceError> {
        let files = self.files;
        self.switch(group.file)?;
        let place = || files.place(group);
        let wrong = |e: LabelError| match e {
            LabelError::File(e) => SourceError::parquet(place(), e),
            LabelError::Value(SourceError::Invalid { place: column, what, advice }) => {
                SourceError::invalid(format!("{}, {column}", place()), what, advice)
            }
            LabelError::Value(e) => e,
        };
        let Some((_, reader)) = &self.open else { return Ok(true) };
        let layout = &files.files[group.file].layout;
        let rows = reader.get_row_group(group.index).map_err(|e| SourceError::parquet(place(), e))?;
        let mut columns = Columns::open(&*rows, layout).map_err(|e| SourceError::parquet(place(), e))?;
        let mut left = group.rows;
        while left > 0 {
            let mut chunk = Chunk { first_row: group.first_row + (group.rows - left) as u64, ..Chunk::default() };
            let size = left.min(CHUNK_ROWS);
            left -= size;
            chunk.ends_group = left == 0;
            chunk.stamps.reserve_exact(size);
            chunk.series.reserve_exact(size);
            chunk.values.reserve_exact(size);
            while chunk.stamps.len() < size {
                let batch = BATCH_ROWS.min(size - chunk.stamps.len());
                for ((labels, values), keys) in columns.labels.iter_mut().zip(&mut self.columns).zip(&mut self.keys) {
                    labels.read(batch, values, keys).map_err(wrong)?;
                }
                self.numbers.number(batch, &self.keys, &self.columns, &mut self.table, &mut chunk.series)?;
                columns.samples(batch, layout, &mut chunk).map_err(wrong)?;
            }
            chunk.fresh = self.table.labels()[self.sent..].to_vec();
            self.sent = self.table.labels().len();
            if !emit(chunk)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn switch(&mut self, file: usize) -> Result<(), SourceError> {
        if self.open.as_ref().is_some_and(|(f, _)| *f == file) {
            return Ok(());
        }
        let info = &self.files.files[file];
        self.open = Some((file, super::scan::open_file(&info.path)?));
        if !self.columns.iter().map(Values::column).eq(&info.layout.labels) {
            self.columns = info.layout.labels.iter().cloned().map(Values::new).collect();
            self.keys = vec![Vec::new(); self.columns.len()];
            self.numbers.reset();
        }
        Ok(())
    }
}

/// Open columns of a row group.
struct Columns {
    stamps: Typed<Int64Type>,
    values: ValueReader,
    labels: Vec<LabelReader>,
}

impl Columns {
    fn open(group: &dyn RowGroupReader, layout: &Layout) -> Result<Self, ParquetError> {
        Ok(Self {
            stamps: stamps(group, layout)?,
            values: ValueReader::open(group, layout)?,
            labels: layout.labels.iter().map(|c| LabelReader::open(group, c)).collect::<Result<_, _>>()?,
        })
    }

    /// Reads stamps and values of the batch whose series stand at the end of `chunk` already.
    fn samples(&mut self, rows: usize, layout: &Layout, chunk: &mut Chunk) -> Result<(), LabelError> {
        let from = chunk.stamps.len();
        append_stamps(&mut self.stamps, rows, layout.stamp_unit, &mut chunk.stamps)?;
        let series = &mut chunk.series[from..];
        match &mut self.values {
            ValueReader::Histogram(column) => {
                append_histograms(column, rows, &mut chunk.histograms, series)?;
                chunk.values.resize(chunk.stamps.len(), 0.0);
                Ok(())
            }
            numbers => numbers.read(rows, &mut chunk.values, series),
        }
    }
}

/// A column of numbers with at most one level.
pub(crate) struct Typed<T: DataType> {
    reader: ColumnReaderImpl<T>,
    levels: Vec<i16>,
    values: Vec<T::T>,
}

impl<T: DataType> Typed<T> {
    fn new(reader: ColumnReaderImpl<T>) -> Self {
        Self { reader, levels: Vec::new(), values: Vec::new() }
    }

    /// Reads `rows` rows into `values`, without those that are null.
    fn read(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.levels.clear();
        self.values.clear();
        let (records, _, _) = self.reader.read_records(rows, Some(&mut self.levels), None, &mut self.values)?;
        if records == rows { Ok(()) } else { Err(super::labels::short("of stamps or values")) }
    }
}

/// The stamps of a row group.
pub(crate) fn stamps(group: &dyn RowGroupReader, layout: &Layout) -> Result<Typed<Int64Type>, ParquetError> {
    match group.get_column_reader(layout.stamp_leaf)? {
        ColumnReader::Int64ColumnReader(r) => Ok(Typed::new(r)),
        _ => Err(ParquetError::General("the stamps are not of 64 bits".to_owned())),
    }
}

/// Appends the next stamps, in milliseconds.
pub(crate) fn append_stamps(
    column: &mut Typed<Int64Type>,
    rows: usize,
    unit: StampUnit,
    out: &mut Vec<i64>,
) -> Result<(), LabelError> {
    column.read(rows)?;
    if column.values.len() != rows {
        let advice = "remove such rows: a sample needs a stamp";
        return Err(SourceError::invalid("timestamp column", "a row has no timestamp", advice).into());
    }
    if unit == StampUnit::Times(1) {
        out.extend_from_slice(&column.values);
        return Ok(());
    }
    for stamp in &column.values {
        out.push(unit.to_ms(*stamp).ok_or_else(|| {
            SourceError::invalid("timestamp column", format!("the stamp {stamp} is out of range"), DAMAGED)
        })?);
    }
    Ok(())
}

enum ValueReader {
    Double(Typed<DoubleType>),
    Float(Typed<FloatType>),
    Int32(Typed<Int32Type>, bool),
    Int64(Typed<Int64Type>, bool),
    Histogram(Typed<ByteArrayType>),
}

impl ValueReader {
    fn open(group: &dyn RowGroupReader, layout: &Layout) -> Result<Self, ParquetError> {
        let unsigned = matches!(layout.value_kind, ValueKind::Uint32 | ValueKind::Uint64);
        match group.get_column_reader(layout.value_leaf)? {
            ColumnReader::DoubleColumnReader(r) => Ok(Self::Double(Typed::new(r))),
            ColumnReader::FloatColumnReader(r) => Ok(Self::Float(Typed::new(r))),
            ColumnReader::Int32ColumnReader(r) => Ok(Self::Int32(Typed::new(r), unsigned)),
            ColumnReader::Int64ColumnReader(r) => Ok(Self::Int64(Typed::new(r), unsigned)),
            ColumnReader::ByteArrayColumnReader(r) => Ok(Self::Histogram(Typed::new(r))),
            _ => Err(ParquetError::General("the values are not numbers".to_owned())),
        }
    }

    fn read(&mut self, rows: usize, out: &mut Vec<f64>, series: &mut [u32]) -> Result<(), LabelError> {
        match self {
            Self::Double(t) => append_values(t, rows, out, series, |v| *v),
            Self::Float(t) => append_values(t, rows, out, series, |v| f64::from(*v)),
            Self::Int32(t, false) => append_values(t, rows, out, series, |v| f64::from(*v)),
            Self::Int32(t, true) => append_values(t, rows, out, series, |v| f64::from(*v as u32)),
            Self::Int64(t, false) => append_values(t, rows, out, series, |v| *v as f64),
            Self::Int64(t, true) => append_values(t, rows, out, series, |v| *v as u64 as f64),
            Self::Histogram(_) => Err(ParquetError::General("the values are not numbers".to_owned()).into()),
        }
    }
}

/// Appends native histograms; of rows that nobody reads the text is not looked at.
fn append_histograms(
    column: &mut Typed<ByteArrayType>,
    rows: usize,
    out: &mut Vec<Option<Arc<Histogram>>>,
    series: &mut [u32],
) -> Result<(), LabelError> {
    column.read(rows)?;
    let all = column.values.len() == rows;
    let mut values = column.values.iter();
    for (row, series) in series.iter_mut().enumerate() {
        let value = if all || column.levels.get(row).is_some_and(|level| *level > 0) { values.next() } else { None };
        let (Some(bytes), true) = (value, *series != DROPPED) else {
            *series = DROPPED;
            out.push(None);
            continue;
        };
        let wrong = |what: String| {
            let advice = "write it as {{schema:1 count:22 sum:3 buckets:[5 10 7]}}";
            SourceError::invalid("histogram column", what, advice)
        };
        let text = std::str::from_utf8(bytes.data()).map_err(|_| wrong("a histogram is not UTF-8".to_owned()))?;
        let h = Histogram::from_notation(text).map_err(|e| wrong(format!("{text:.60?} is no histogram: {e}")))?;
        h.validate().map_err(|e| wrong(format!("{text:.60?} is no valid histogram: {e}")))?;
        out.push(Some(Arc::new(h)));
    }
    Ok(())
}

fn append_values<T: DataType>(
    column: &mut Typed<T>,
    rows: usize,
    out: &mut Vec<f64>,
    series: &mut [u32],
    convert: impl Fn(&T::T) -> f64,
) -> Result<(), LabelError> {
    column.read(rows)?;
    if column.values.len() == rows {
        out.extend(column.values.iter().map(convert));
        return Ok(());
    }
    let mut values = column.values.iter();
    for (level, series) in column.levels.iter().zip(series) {
        let value = if *level > 0 { values.next() } else { None };
        if value.is_none() {
            *series = DROPPED;
        }
        out.push(value.map_or(0.0, &convert));
    }
    Ok(())
}

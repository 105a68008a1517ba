//! Writing a fleet: to Parquet in time order, to an archive, and its incidents as CSV.

use super::host::{Host, SERIES, labels};
use super::{FleetOptions, Incident};
use crate::sink::{IfExists, Output, PartialFile, SinkError};
use crate::source::archive::{ArchiveOptions, ArchiveWriter};
use crate::source::{Progress, SourceError};
use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, TimestampMillisecondArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use bellwether_model::Labels;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Label columns of the Parquet file.
const COLUMNS: [&str; 10] = ["__name__", "instance", "job", "dc", "team", "cpu", "mode", "code", "le", "mountpoint"];
/// Rows generated and written together, and rows of a row group.
const ROWS: usize = 1 << 20;

/// What was generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetReport {
    /// Number of series.
    pub series: u64,
    /// Number of samples.
    pub samples: u64,
}

/// Writes a fleet to a new archive at `out`.
pub fn write_archive(
    o: &FleetOptions,
    out: &Path,
    archive: ArchiveOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<FleetReport, SourceError> {
    let mut writer = ArchiveWriter::create(out, archive)?;
    let mut samples = 0;
    for number in 0..o.hosts {
        let mut columns: Vec<(Vec<i64>, Vec<f64>)> = vec![Default::default(); SERIES];
        let mut host = Host::new(number, o);
        for step in 0..o.steps() {
            host.step(step, &mut |series, value| {
                if let Some(value) = value {
                    columns[series].0.push(o.stamp_ms(step));
                    columns[series].1.push(value);
                }
            });
        }
        for (labels, (stamps, values)) in labels(number).iter().zip(&columns) {
            let series = writer.series(labels)?;
            writer.push(series, stamps, values)?;
            samples += stamps.len() as u64;
        }
        progress(Progress { phase: "reading", samples, total: Some(o.samples_at_most()) });
    }
    let report = writer.finish(progress)?;
    Ok(FleetReport { series: report.series, samples: report.samples })
}

/// One label column: its dictionary, and the key of each series (`None` where the label is absent).
struct LabelColumn {
    dictionary: ArrayRef,
    keys: Vec<Option<i32>>,
}

fn label_column(name: &str, series: &[Labels]) -> LabelColumn {
    let mut texts: Vec<&str> = series.iter().map(|l| l.get(name)).filter(|v| !v.is_empty()).collect();
    texts.sort_unstable();
    texts.dedup();
    let keys = series.iter().map(|l| texts.binary_search(&l.get(name)).ok().map(|k| k as i32)).collect();
    let mut dictionary = StringBuilder::new();
    texts.iter().for_each(|t| dictionary.append_value(t));
    LabelColumn { dictionary: Arc::new(dictionary.finish()), keys }
}

fn schema() -> SchemaRef {
    let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let stamp = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let mut fields = vec![Field::new("timestamp", stamp, false)];
    fields.extend(COLUMNS.map(|name| Field::new(name, text(), true)));
    fields.push(Field::new("value", DataType::Float64, false));
    Arc::new(Schema::new(fields))
}

/// A stretch of rows in time order.
#[derive(Default)]
struct Rows {
    stamps: Vec<i64>,
    series: Vec<usize>,
    values: Vec<f64>,
}

impl Rows {
    fn generate(hosts: &mut [Host], steps: std::ops::Range<usize>, o: &FleetOptions) -> Self {
        let mut rows = Self::default();
        for step in steps {
            for (number, host) in hosts.iter_mut().enumerate() {
                host.step(step, &mut |series, value| {
                    if let Some(value) = value {
                        rows.stamps.push(o.stamp_ms(step));
                        rows.series.push(number * SERIES + series);
                        rows.values.push(value);
                    }
                });
            }
        }
        rows
    }

    fn batch(self, schema: &SchemaRef, columns: &[LabelColumn]) -> Result<RecordBatch, ArrowError> {
        let stamps = TimestampMillisecondArray::from(self.stamps).with_timezone("UTC");
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(stamps)];
        for column in columns {
            let keys: Int32Array = self.series.iter().map(|s| column.keys[*s]).collect();
            arrays.push(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, column.dictionary.clone())?));
        }
        arrays.push(Arc::new(Float64Array::from(self.values)));
        RecordBatch::try_new(schema.clone(), arrays)
    }
}

/// Writes a fleet to a Parquet file in time order, one column a label.
pub fn write_parquet(
    o: &FleetOptions,
    path: &Path,
    if_exists: IfExists,
    progress: &mut dyn FnMut(Progress),
) -> Result<FleetReport, SinkError> {
    let series: Vec<Labels> = (0..o.hosts).flat_map(labels).collect();
    let columns: Vec<LabelColumn> = COLUMNS.iter().map(|name| label_column(name, &series)).collect();
    let (schema, place) = (schema(), &path.display());
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).set_max_row_group_row_count(Some(ROWS)).build();
    let out = PartialFile::create(path, if_exists)?;
    let mut writer =
        ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(|e| SinkError::parquet(place, e))?;
    let mut hosts: Vec<Host> = (0..o.hosts).map(|h| Host::new(h, o)).collect();
    let stretch = (ROWS / series.len().max(1)).max(1);
    let mut samples = 0;
    for from in (0..o.steps()).step_by(stretch) {
        let rows = Rows::generate(&mut hosts, from..(from + stretch).min(o.steps()), o);
        samples += rows.stamps.len() as u64;
        let batch = rows
            .batch(&schema, &columns)
            .map_err(|e| SinkError::Parquet { place: place.to_string(), what: e.to_string() })?;
        writer.write(&batch).and_then(|()| writer.flush()).map_err(|e| SinkError::parquet(place, e))?;
        progress(Progress { phase: "writing", samples, total: Some(o.samples_at_most()) });
    }
    writer.finish().map_err(|e| SinkError::parquet(place, e))?;
    writer.inner_mut().complete().map_err(|e| SinkError::io(place, "completing", e))?;
    Ok(FleetReport { series: series.len() as u64, samples })
}

/// Writes incidents as CSV: kind,instance,start_ms,end_ms.
pub fn write_incidents(incidents: &[Incident], path: &Path, if_exists: IfExists) -> Result<(), SinkError> {
    let mut out = PartialFile::create(path, if_exists)?;
    let mut text = String::from("kind,instance,start_ms,end_ms\n");
    for i in incidents {
        text.push_str(&format!("{},{},{},{}\n", i.kind.name(), i.instance, i.start_ms, i.end_ms));
    }
    out.write_all(text.as_bytes()).map_err(|e| SinkError::io(path.display(), "writing", e))?;
    out.complete().map_err(|e| SinkError::io(path.display(), "completing", e))
}

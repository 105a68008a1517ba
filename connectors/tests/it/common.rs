//! What the tests share: rows, a writer with many layouts, a naive reader, and a worker loop.

use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, TimestampMillisecondType};
use arrow_array::*;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use bellwether_connectors::source::{OpenOptions, Opened, SampleSource, SourceError, open};
use bellwether_model::{Labels, Runs};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Labels, stamp, bits of the value.
pub type Row = (Labels, i64, u64);

pub fn row(labels: &[(&str, &str)], stamp: i64, value: f64) -> Row {
    (Labels::from_pairs(labels.iter().copied()), stamp, value.to_bits())
}

/// A number stream for generated inputs.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15))
    }
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Rows as a scraper makes them: `series` series, a stamp each 15 s, some lost, some labels absent.
pub fn scraped(series: usize, steps: usize, seed: u64) -> Vec<Row> {
    let mut dice = Dice::new(seed);
    let mut rows = Vec::new();
    for step in 0..steps {
        for s in 0..series {
            if dice.roll(10) == 0 {
                continue;
            }
            let instance = format!("host-{}", s / 3);
            let mut labels = vec![("__name__", ["up", "load", "errors"][s % 3]), ("instance", &instance)];
            if s % 2 == 0 {
                labels.push(("job", "web"));
            }
            rows.push(row(&labels, 1_700_000_000_000 + step as i64 * 15_000, dice.roll(1000) as f64 / 8.0));
        }
    }
    rows
}

/// How a Parquet file is laid out.
#[derive(Clone)]
pub struct Layout {
    pub unit: Option<TimeUnit>,
    pub dictionary: bool,
    pub properties: WriterProperties,
    pub map: bool,
    pub value: DataType,
    pub nullable: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            unit: Some(TimeUnit::Millisecond),
            dictionary: true,
            properties: WriterProperties::default(),
            map: false,
            value: DataType::Float64,
            nullable: true,
        }
    }
}

fn stamps(rows: &[Row], unit: Option<TimeUnit>) -> ArrayRef {
    let all = |factor: i64| rows.iter().map(|r| r.1 * factor).collect::<Vec<_>>();
    match unit {
        None => Arc::new(Int64Array::from(all(1))),
        Some(TimeUnit::Second) => panic!("Parquet has no seconds"),
        Some(TimeUnit::Millisecond) => Arc::new(TimestampMillisecondArray::from(all(1)).with_timezone("UTC")),
        Some(TimeUnit::Microsecond) => Arc::new(TimestampMicrosecondArray::from(all(1000))),
        Some(TimeUnit::Nanosecond) => Arc::new(TimestampNanosecondArray::from(all(1_000_000)).with_timezone("UTC")),
    }
}

fn values(rows: &[Row], kind: &DataType) -> ArrayRef {
    let all = rows.iter().map(|r| f64::from_bits(r.2));
    match kind {
        DataType::Float64 => Arc::new(Float64Array::from_iter_values(all)),
        DataType::Float32 => Arc::new(Float32Array::from_iter_values(all.map(|v| v as f32))),
        DataType::Int32 => Arc::new(Int32Array::from_iter_values(all.map(|v| v as i32))),
        DataType::UInt8 => Arc::new(UInt8Array::from_iter_values(all.map(|v| v as u8))),
        DataType::UInt32 => Arc::new(UInt32Array::from_iter_values(all.map(|v| v as u32))),
        DataType::Int64 => Arc::new(Int64Array::from_iter_values(all.map(|v| v as i64))),
        DataType::UInt64 => Arc::new(UInt64Array::from_iter_values(all.map(|v| v as u64))),
        other => panic!("{other}"),
    }
}

fn label_columns(rows: &[Row], layout: &Layout) -> Vec<(String, ArrayRef)> {
    if layout.map {
        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for (labels, _, _) in rows {
            for (name, value) in labels.iter() {
                map.keys().append_value(name);
                map.values().append_value(value);
            }
            map.append(true).unwrap();
        }
        return vec![("labels".to_owned(), Arc::new(map.finish()))];
    }
    let names: BTreeSet<&str> = rows.iter().flat_map(|r| r.0.iter().map(|(n, _)| n)).collect();
    let column = |name: &str| -> ArrayRef {
        let texts = rows.iter().map(|r| Some(r.0.get(name)).filter(|v| !v.is_empty() || !layout.nullable));
        if layout.dictionary {
            Arc::new(texts.collect::<DictionaryArray<Int32Type>>())
        } else {
            Arc::new(texts.collect::<StringArray>())
        }
    };
    names.into_iter().map(|n| (n.to_owned(), column(n))).collect()
}

/// Writes columns of any kind.
pub fn write_columns(path: &Path, columns: Vec<(String, ArrayRef)>, nullable: bool, properties: WriterProperties) {
    let fields: Vec<_> = columns.iter().map(|(n, a)| Field::new(n, a.data_type().clone(), nullable)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, a)| a).collect()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub fn write_rows(path: &Path, rows: &[Row], layout: &Layout) {
    let mut columns = vec![("timestamp".to_owned(), stamps(rows, layout.unit))];
    columns.extend(label_columns(rows, layout));
    columns.push(("value".to_owned(), values(rows, &layout.value)));
    write_columns(path, columns, layout.nullable, layout.properties.clone());
}

/// Reads a file of the benchmark's kind row by row.
pub fn read_naively(path: &Path) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let stamps = batch.column_by_name("timestamp").unwrap().as_primitive::<TimestampMillisecondType>();
        let values = batch.column_by_name("value").unwrap().as_primitive::<Float64Type>();
        let schema = batch.schema();
        let labels: Vec<_> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(f, _)| matches!(f.data_type(), DataType::Dictionary(..)))
            .map(|(f, c)| (f.name().as_str(), c.as_dictionary::<Int32Type>().downcast_dict::<StringArray>().unwrap()))
            .collect();
        for i in 0..batch.num_rows() {
            let pairs = labels
                .iter()
                .filter(|(_, c)| c.keys().is_valid(i))
                .map(|(n, c)| (*n, c.values().value(c.keys().value(i) as usize)));
            rows.push((Labels::from_pairs(pairs), stamps.value(i), values.value(i).to_bits()));
        }
    }
    rows
}

pub fn open_one(path: &Path) -> Result<Opened, SourceError> {
    open(&[path.display().to_string()], &OpenOptions::default())
}

/// Reads all sources as a backtest does: span by span, batches of a span in order of `seq`. Checks the contract on the
/// way: stamps lie in their span and ascend within a run, labels come before use.
pub fn drain(mut sources: Vec<Box<dyn SampleSource>>, from_ms: i64, step_ms: i64) -> Vec<Row> {
    let Some((_, last)) = sources[0].span() else {
        for source in &mut sources {
            assert!(source.read_upto(i64::MAX, &mut Vec::new()).unwrap());
        }
        return Vec::new();
    };
    let mut known: Vec<BTreeMap<u32, Labels>> = vec![BTreeMap::new(); sources.len()];
    let (mut rows, mut before, mut upto) = (Vec::new(), i64::MIN, from_ms.saturating_add(step_ms - 1));
    loop {
        let mut batches: Vec<(usize, Runs)> = Vec::new();
        let mut exhausted = true;
        for (w, source) in sources.iter_mut().enumerate() {
            let mut out = Vec::new();
            exhausted &= source.read_upto(upto, &mut out).unwrap();
            batches.extend(out.into_iter().map(|r| (w, r)));
        }
        // Labels stand in the order of a link, runs in that of the log.
        for (w, batch) in &batches {
            assert!(batch.defs.is_sorted_by_key(|(n, _)| *n));
            known[*w].extend(batch.defs.iter().cloned());
        }
        batches.sort_by_key(|(_, b)| b.seq);
        for (w, batch) in &batches {
            assert_eq!(batch.ends.last().copied().unwrap_or(0) as usize, batch.stamps.len());
            for run in batch.iter() {
                assert!(run.stamps.is_sorted() && !run.stamps.is_empty());
                assert!(run.stamps[0] > before && run.stamps[run.stamps.len() - 1] <= upto);
                let labels = known[*w].get(&run.series).expect("labels come first");
                rows.extend(run.stamps.iter().zip(run.values).map(|(t, v)| (labels.clone(), *t, v.to_bits())));
            }
        }
        if upto >= last {
            assert!(exhausted);
            return rows;
        }
        (before, upto) = (upto, upto.saturating_add(step_ms));
    }
}

/// Rows by series and stamp; the order of equal ones stays.
pub fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    rows
}

/// What an archive of the rows holds: the first of equal ones.
pub fn settled(rows: Vec<Row>) -> Vec<Row> {
    let mut rows = sorted(rows);
    rows.dedup_by(|b, a| a.0 == b.0 && a.1 == b.1);
    rows
}

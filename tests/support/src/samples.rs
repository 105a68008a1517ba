//! Samples of small Parquet files: a row a sample, a column a label.

use crate::columns::{self, Failure, LoadError};
use arrow_array::RecordBatch;
use bellwether_model::{Labels, LabelsBuilder, Sample};
use std::collections::BTreeMap;
use std::path::Path;

/// Reads a Parquet file with the columns timestamp (ms) and value; every other column is a label, null where absent.
pub fn load_samples(path: &Path) -> Result<Vec<Sample>, LoadError> {
    let mut samples = Vec::new();
    let mut canon = BTreeMap::new();
    columns::read(path, |batch| read_batch(batch, &mut canon, &mut samples))?;
    Ok(samples)
}

fn read_batch(
    batch: &RecordBatch,
    canon: &mut BTreeMap<Vec<String>, Labels>,
    samples: &mut Vec<Sample>,
) -> Result<(), Failure> {
    let (stamps, values) = (columns::stamps(batch, "timestamp")?, columns::floats(batch, "value")?);
    let schema = batch.schema();
    let names = schema.fields().iter().map(|f| f.name().as_str()).filter(|n| *n != "timestamp" && *n != "value");
    let names: Vec<&str> = names.collect();
    let texts: Vec<Vec<String>> = names.iter().map(|n| columns::texts(batch, n)).collect::<Result<_, _>>()?;
    for (i, (timestamp_ms, value)) in stamps.into_iter().zip(values).enumerate() {
        let key: Vec<String> = texts.iter().map(|column| column[i].clone()).collect();
        let labels = canon.entry(key).or_insert_with_key(|key| labels_of(&names, key)).clone();
        samples.push(Sample::float(labels, timestamp_ms, value));
    }
    Ok(())
}

fn labels_of(names: &[&str], values: &[String]) -> Labels {
    let mut b = LabelsBuilder::default();
    for (name, value) in names.iter().zip(values) {
        b.set(name, value);
    }
    b.build()
}

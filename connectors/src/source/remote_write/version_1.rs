//! Remote-write 1.0: `prometheus.WriteRequest`, in which each series spells its labels out.
//!
//! # Semantics
//! Labels stand before samples in whatever real senders write, so the bytes of all of them are one piece, and its hash
//! finds the series. Where they do not, they are put together first. Metadata is said of families beside series, mostly in
//! requests of its own; an entry that is no protobuf is dropped alone.

use super::DecodeError;
use super::histogram::Parts;
use super::sample::sample;
use crate::source::intake::{Batch, MetricType, Pair, Refusal, Telling, Told};
use crate::source::protobuf::{Malformed, Reader};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Keeps hashes of these bytes apart from those that 2.0 makes.
const SEED: u64 = 1;

const LABELS: u32 = 1;
const SAMPLES: u32 = 2;
const EXEMPLARS: u32 = 3;
const HISTOGRAMS: u32 = 4;

/// Decodes a message.
pub(super) fn decode(message: &[u8], batch: &mut Batch<'_>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(message);
    let mut telling = Telling::new(batch.dictionary().metadata());
    while let Some(key) = reader.key()? {
        match key.field {
            1 => series(reader.bytes(key)?, batch)?,
            3 => {
                let entry = reader.bytes(key)?;
                batch.report().metadata += 1;
                match told(entry) {
                    Ok(told) => telling.push(told),
                    Err(_) => telling.malformed(),
                }
            }
            _ => reader.skip(key)?,
        }
    }
    telling.finish();
    Ok(())
}

/// One `MetricMetadata`.
fn told(message: &[u8]) -> Result<Told<'_>, Malformed> {
    let mut reader = Reader::new(message);
    let mut told = Told { metric: &[], kind: MetricType::Unknown, help: &[], unit: &[] };
    while let Some(key) = reader.key()? {
        match key.field {
            1 => told.kind = MetricType::from_number(reader.varint(key)?),
            2 => told.metric = reader.bytes(key)?,
            4 => told.help = reader.bytes(key)?,
            5 => told.unit = reader.bytes(key)?,
            _ => reader.skip(key)?,
        }
    }
    Ok(told)
}

/// What a series' message holds, before any of it is decoded.
#[derive(Debug, Default)]
struct Shape {
    /// Bytes up to the end of the last label.
    labels: usize,
    /// Whether something else stands before them.
    scattered: bool,
    samples: u64,
    exemplars: u64,
}

fn shape(message: &[u8]) -> Result<Shape, Malformed> {
    let mut reader = Reader::new(message);
    let (mut shape, mut others) = (Shape::default(), false);
    while let Some(key) = reader.key()? {
        match key.field {
            LABELS => {
                reader.bytes(key)?;
                shape.labels = message.len() - reader.len();
                shape.scattered |= others;
                continue;
            }
            SAMPLES | HISTOGRAMS => shape.samples += 1,
            EXEMPLARS => shape.exemplars += 1,
            _ => {}
        }
        reader.skip(key)?;
        others = true;
    }
    Ok(shape)
}

/// One `TimeSeries`.
fn series(message: &[u8], batch: &mut Batch<'_>) -> Result<(), DecodeError> {
    let shape = shape(message)?;
    batch.report().exemplars += shape.exemplars;
    let gathered = if shape.scattered { Some(gathered(&message[..shape.labels])?) } else { None };
    let labels = gathered.as_deref().unwrap_or(&message[..shape.labels]);
    if shape.samples == 0 {
        // Nothing is stored, but what is no protobuf is refused all the same.
        return pairs(labels).map(drop).map_err(DecodeError::from);
    }
    let number = find(labels, batch)?;
    let number = match number {
        Ok(number) => Some(number),
        Err(refusal) => {
            batch.report().refuse(refusal.reason, shape.samples, || refusal.text);
            None
        }
    };
    let mut reader = Reader::new(if shape.scattered { message } else { &message[shape.labels..] });
    while let Some(key) = reader.key()? {
        match key.field {
            SAMPLES => {
                let sample = sample(reader.bytes(key)?)?;
                if let Some(number) = number {
                    batch.float(number, sample.stamp_ms, sample.value, 0)?;
                }
            }
            HISTOGRAMS => {
                let parts = Parts::read(reader.bytes(key)?, batch)?;
                if let Some(number) = number {
                    parts.append(number, 0, batch)?;
                }
            }
            _ => reader.skip(key)?,
        }
    }
    Ok(())
}

/// Only the labels of a message in which other fields stand between them.
fn gathered(message: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new(message);
    let mut labels = Vec::new();
    loop {
        let before = message.len() - reader.len();
        let Some(key) = reader.key()? else { return Ok(labels) };
        reader.skip(key)?;
        if key.field == LABELS {
            labels.extend_from_slice(&message[before..message.len() - reader.len()]);
        }
    }
}

/// The series that its labels' bytes mean.
fn find(labels: &[u8], batch: &Batch<'_>) -> Result<Result<u32, Refusal>, Malformed> {
    let hash = xxh3_128_with_seed(labels, SEED);
    if let Some(number) = batch.dictionary().find(hash) {
        return Ok(Ok(number));
    }
    let number = batch.series(&mut pairs(labels)?);
    if let Ok(number) = number {
        batch.dictionary().remember(hash, number);
    }
    Ok(number)
}

fn pairs(labels: &[u8]) -> Result<Vec<Pair<'_>>, Malformed> {
    let mut reader = Reader::new(labels);
    let mut pairs = Vec::new();
    while let Some(key) = reader.key()? {
        let mut label = Reader::new(reader.bytes(key)?);
        let mut pair: Pair<'_> = (&[], &[]);
        while let Some(key) = label.key()? {
            match key.field {
                1 => pair.0 = label.bytes(key)?,
                2 => pair.1 = label.bytes(key)?,
                _ => label.skip(key)?,
            }
        }
        pairs.push(pair);
    }
    Ok(pairs)
}

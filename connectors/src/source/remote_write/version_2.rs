//! Remote-write 2.0: `io.prometheus.write.v2.Request`, in which series refer to symbols.
//!
//! # Semantics
//! A symbol is hashed once a request; the hashes of the symbols that a series refers to are hashed together, and that finds
//! the series, whatever numbers this request gave to its symbols. Symbols may stand behind the series.
//!
//! A series without samples is an error, and so is a reference to a symbol that there is not, in its metadata as well.
//!
//! Metadata stands in every series of every request. What a request says of a name that it has said before is found by
//! comparing numbers of symbols; the rest is held against what is known at its end.

use super::DecodeError;
use super::histogram::Parts;
use super::sample::sample;
use crate::source::intake::{Batch, MetricType, Reason, Refusal, Telling, Told, TooManySamples};
use crate::source::protobuf::{Malformed, Reader};
use bellwether_model::METRIC_NAME;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Keeps hashes of symbols apart from those of 1.0's bytes.
const SEED: u64 = 2;

const REFS: u32 = 1;
const SAMPLES: u32 = 2;
const HISTOGRAMS: u32 = 3;
const EXEMPLARS: u32 = 4;
const METADATA: u32 = 5;

/// The request's symbols, and what is reused from series to series.
#[derive(Default)]
struct Symbols<'a> {
    texts: Vec<&'a [u8]>,
    hashes: Vec<[u8; 16]>,
    /// References of the series at hand.
    refs: Vec<u32>,
    hashed: Vec<u8>,
    /// The symbol of `__name__`.
    metric_name: Option<u32>,
    /// What was said last of the metric with this symbol as its name: type, and symbols of help and unit.
    said: Vec<[u32; 3]>,
}

/// Decodes a message.
pub(super) fn decode(message: &[u8], batch: &mut Batch<'_>) -> Result<(), DecodeError> {
    let mut symbols = symbols(message, batch)?;
    let mut telling = Telling::new(batch.dictionary().metadata());
    let mut reader = Reader::new(message);
    while let Some(key) = reader.key()? {
        match key.field {
            5 => series(reader.bytes(key)?, &mut symbols, &mut telling, batch)?,
            _ => reader.skip(key)?,
        }
    }
    telling.finish();
    Ok(())
}

fn symbols<'a>(message: &'a [u8], batch: &Batch<'_>) -> Result<Symbols<'a>, DecodeError> {
    let most = batch.limits().samples;
    let mut reader = Reader::new(message);
    let mut symbols = Symbols::default();
    while let Some(key) = reader.key()? {
        if key.field != 4 {
            reader.skip(key)?;
            continue;
        }
        let text = reader.bytes(key)?;
        // Nothing else bounds them: two bytes of a message can be a symbol, and cost 44.
        if symbols.texts.len() >= most {
            return Err(TooManySamples { most }.into());
        }
        if text == METRIC_NAME.as_bytes() {
            symbols.metric_name = Some(symbols.texts.len() as u32);
        }
        symbols.texts.push(text);
        symbols.hashes.push(xxh3_128_with_seed(text, SEED).to_ne_bytes());
    }
    Ok(symbols)
}

/// What a series' message holds, before its samples are decoded; its references are in [`Symbols::refs`].
#[derive(Debug, Default)]
struct Shape {
    /// Where the first sample or histogram begins.
    first: usize,
    samples: u64,
    exemplars: u64,
    metadata: u64,
    /// Whether one of them is a native histogram.
    is_native: bool,
    kind: u32,
    /// Symbols of help and unit; what is absent is symbol 0.
    help: u32,
    unit: u32,
}

fn shape(message: &[u8], symbols: &mut Symbols<'_>) -> Result<Shape, Malformed> {
    symbols.refs.clear();
    let mut reader = Reader::new(message);
    let mut shape = Shape::default();
    loop {
        let before = message.len() - reader.len();
        let Some(key) = reader.key()? else { return Ok(shape) };
        match key.field {
            REFS => {
                reader.varints(key, |number| {
                    symbols.refs.push(number as u32);
                    Ok::<(), Malformed>(())
                })?;
                continue;
            }
            METADATA => {
                metadata(reader.bytes(key)?, &mut shape)?;
                continue;
            }
            SAMPLES | HISTOGRAMS => {
                if shape.samples == 0 {
                    shape.first = before;
                }
                shape.samples += 1;
                shape.is_native |= key.field == HISTOGRAMS;
            }
            EXEMPLARS => shape.exemplars += 1,
            _ => {}
        }
        reader.skip(key)?;
    }
}

fn metadata(message: &[u8], shape: &mut Shape) -> Result<(), Malformed> {
    let mut reader = Reader::new(message);
    while let Some(key) = reader.key()? {
        match key.field {
            1 => shape.kind = reader.varint(key)? as u32,
            3 => shape.help = reader.varint(key)? as u32,
            4 => shape.unit = reader.varint(key)? as u32,
            _ => reader.skip(key)?,
        }
    }
    shape.metadata += 1;
    Ok(())
}

/// One `TimeSeries`.
fn series<'m>(
    message: &[u8],
    symbols: &mut Symbols<'m>,
    telling: &mut Telling<'_, 'm>,
    batch: &mut Batch<'_>,
) -> Result<(), DecodeError> {
    let shape = shape(message, symbols)?;
    batch.report().exemplars += shape.exemplars;
    batch.report().metadata += shape.metadata;
    let number = match find(&shape, symbols, batch) {
        Ok(number) => {
            symbols.say(&shape, telling);
            Some(number)
        }
        Err(refusal) => {
            batch.report().refuse(refusal.reason, shape.samples, || refusal.text);
            None
        }
    };
    if shape.samples == 0 {
        return Ok(());
    }
    let mut reader = Reader::new(&message[shape.first..]);
    while let Some(key) = reader.key()? {
        match key.field {
            SAMPLES => {
                let sample = sample(reader.bytes(key)?)?;
                if let Some(number) = number {
                    batch.float(number, sample.stamp_ms, sample.value, sample.start_ms)?;
                }
            }
            HISTOGRAMS => {
                let parts = Parts::read(reader.bytes(key)?, batch)?;
                if let Some(number) = number {
                    let start_ms = parts.start_ms();
                    parts.append(number, start_ms, batch)?;
                }
            }
            _ => reader.skip(key)?,
        }
    }
    Ok(())
}

impl<'a> Symbols<'a> {
    /// Says what a series says of its metric, unless the series before it have. Its references are of symbols that there are.
    fn say(&mut self, shape: &Shape, telling: &mut Telling<'_, 'a>) {
        let said = [shape.kind, shape.help, shape.unit];
        if said == [0; 3] {
            return;
        }
        let (pairs, _) = self.refs.as_chunks::<2>();
        let Some([_, name]) = pairs.iter().find(|[name, _]| Some(*name) == self.metric_name) else { return };
        let name = *name as usize;
        if self.said.is_empty() {
            self.said.resize(self.texts.len(), [0; 3]);
        }
        if self.said[name] == said {
            return;
        }
        self.said[name] = said;
        let kind = MetricType::from_number(u64::from(shape.kind));
        let series = self.texts[name];
        // A native histogram is one series, whatever its name ends with.
        let metric = if shape.is_native { series } else { kind.family(series) };
        let (help, unit) = (self.texts[shape.help as usize], self.texts[shape.unit as usize]);
        telling.push(Told { metric, kind, help, unit });
    }
}

/// The series that references mean.
fn find(shape: &Shape, symbols: &mut Symbols<'_>, batch: &Batch<'_>) -> Result<u32, Refusal> {
    let Symbols { texts, hashes, refs, hashed, .. } = symbols;
    let refuse = |reason, text| Err(Refusal { reason, text });
    if refs.len() % 2 != 0 {
        return refuse(Reason::Labels, format!("a series has {} references, a name without a value", refs.len()));
    }
    let missing = |n: &&u32| **n as usize >= texts.len();
    if let Some(n) = refs.iter().find(missing).or([&shape.help, &shape.unit].into_iter().find(missing)) {
        return refuse(Reason::Labels, format!("a series refers to symbol {n} of {}", texts.len()));
    }
    if shape.samples == 0 {
        return refuse(Reason::NoSamples, "a series has no samples".to_owned());
    }
    hashed.clear();
    refs.iter().for_each(|n| hashed.extend_from_slice(&hashes[*n as usize]));
    let hash = xxh3_128_with_seed(hashed, SEED);
    if let Some(number) = batch.dictionary().find(hash) {
        return Ok(number);
    }
    let (two, _) = refs.as_chunks::<2>();
    let mut pairs: Vec<_> = two.iter().map(|[name, value]| (texts[*name as usize], texts[*value as usize])).collect();
    let number = batch.series(&mut pairs)?;
    batch.dictionary().remember(hash, number);
    Ok(number)
}

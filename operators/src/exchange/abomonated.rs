//! A batch of runs as abomonation writes it: memory images of its columns. Feature `codec-abomonation`.
//!
//! # Limits
//! Decoding is undefined behaviour unless the bytes were written by an identical binary (RUSTSEC-2021-0120, without a
//! fix): only for links between processes of one build on a trusted network. This is the one file of the project with
//! `unsafe` in it, because abomonation has no safe interface; with the feature off it is not compiled.
#![allow(unsafe_code)]

use super::RunBatch;
use super::raw::well_formed;
use abomonation::Abomonation;
use bellwether_model::{Histogram, HistogramSample, Labels, Runs};
use std::io::{Result, Write};
use std::sync::Arc;

/// (link, seq) and the definitions, as types that abomonation knows.
type Head = ((u64, u64), Vec<(u32, String)>);

fn head(batch: &RunBatch) -> Head {
    let defs = batch.runs.defs.iter().map(|(n, labels)| (*n, labels.packed().to_owned())).collect();
    ((u64::from(batch.link), batch.runs.seq), defs)
}

/// (series, (stamp, start), the histogram's own bytes).
type Histograms = Vec<((u32, (i64, i64)), Vec<u8>)>;

fn histograms(batch: &RunBatch) -> Histograms {
    let samples = batch.runs.histograms.iter();
    samples.map(|s| ((s.series, (s.stamp_ms, s.start_ms)), Vec::from((*s.histogram).clone()))).collect()
}

fn padded<T: Abomonation>(section: &T) -> usize {
    abomonation::measure(section).next_multiple_of(8)
}

/// Bytes that [`encode`] writes.
pub fn length(batch: &RunBatch) -> usize {
    let runs = &batch.runs;
    let columns = padded(&runs.series) + padded(&runs.ends) + padded(&runs.stamps) + padded(&runs.values);
    padded(&head(batch)) + columns + padded(&runs.starts) + padded(&histograms(batch))
}

/// Writes a batch.
pub fn encode<W: Write>(batch: &RunBatch, writer: &mut W) -> Result<()> {
    let runs = &batch.runs;
    section(&head(batch), writer)?;
    section(&runs.series, writer)?;
    section(&runs.ends, writer)?;
    section(&runs.stamps, writer)?;
    section(&runs.values, writer)?;
    section(&runs.starts, writer)?;
    section(&histograms(batch), writer)
}

/// Writes one column; padding keeps the next one aligned.
fn section<T: Abomonation, W: Write>(section: &T, writer: &mut W) -> Result<()> {
    let length = abomonation::measure(section);
    // SAFETY: `encode` views the value as bytes. The columns hold integers, floats and text only; the padding inside
    // `(u32, String)` is read as bytes, which abomonation accepts and the memory model does not: see Limits.
    unsafe { abomonation::encode(section, writer) }?;
    writer.write_all(&[0; 8][..length.next_multiple_of(8) - length])
}

/// Reads a batch; `None` where the bytes are too short.
pub fn decode(bytes: &[u8]) -> Option<RunBatch> {
    // Decoding writes pointers into the bytes and needs them aligned, so it works on a copy.
    let mut words: Vec<u64> = bytes
        .chunks(8)
        .map(|c| {
            let mut word = [0; 8];
            word[..c.len()].copy_from_slice(c);
            u64::from_ne_bytes(word)
        })
        .collect();
    // SAFETY: any eight bytes are a word and any word is eight bytes; `u8` has the weaker alignment.
    let (before, rest, after) = unsafe { words.align_to_mut::<u8>() };
    debug_assert!(before.is_empty() && after.is_empty(), "bytes divide words");
    let (((link, seq), defs), rest) = read::<Head>(rest)?;
    let (series, rest) = read::<Vec<u32>>(rest)?;
    let (ends, rest) = read::<Vec<u32>>(rest)?;
    let (stamps, rest) = read::<Vec<i64>>(rest)?;
    let (values, rest) = read::<Vec<f64>>(rest)?;
    let (starts, rest) = read::<Vec<i64>>(rest)?;
    let (histograms, _) = read::<Histograms>(rest)?;
    let sample = |((series, (stamp_ms, start_ms)), bytes): &((u32, (i64, i64)), Vec<u8>)| {
        let histogram = Arc::new(Histogram::decode(bytes).ok()?);
        Some(HistogramSample { series: *series, stamp_ms: *stamp_ms, histogram, start_ms: *start_ms })
    };
    let histograms = histograms.iter().map(sample).collect::<Option<_>>()?;
    let defs = defs.iter().map(|(n, text)| Some((*n, Labels::from_packed(text)?))).collect::<Option<_>>()?;
    let (series, ends, stamps, values) = (series.clone(), ends.clone(), stamps.clone(), values.clone());
    let runs = Runs { seq: *seq, defs, series, ends, stamps, values, starts: starts.clone(), histograms };
    well_formed(&runs).then_some(RunBatch::new(u32::try_from(*link).ok()?, runs))
}

/// Reads one column where it stands; returns it and what follows its padding.
fn read<T: Abomonation>(bytes: &mut [u8]) -> Option<(&T, &mut [u8])> {
    let whole = bytes.len();
    // SAFETY: the bytes were written by `section` of this binary, as the feature demands of its user, and each column
    // starts at a multiple of 8 from an aligned start. The references live in `bytes` and are dropped before it.
    let (value, rest) = unsafe { abomonation::decode::<T>(bytes) }?;
    let used = whole - rest.len();
    let rest = rest.get_mut(used.next_multiple_of(8) - used..)?;
    Some((value, rest))
}

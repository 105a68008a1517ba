//! A batch of runs as bytes: little-endian columns, each padded to 8 bytes.
//!
//! ```text
//! link  seq  bytes of definitions  definitions  runs  samples  starts  bytes of histograms  histograms      u64 each
//! definitions: number u32, length u32, packed labels; all together padded
//! series u32 …, padded   ends u32 …, padded   stamps i64 …   values f64 bits …   starts i64 …
//! histograms: number u32, length u32, stamp i64, start i64, the histogram's own bytes; all together padded
//! ```
//!
//! # Errors
//! [`decode`] checks every length before it reads: bytes that are no batch give `None`.

use super::RunBatch;
use bellwether_model::{Histogram, HistogramSample, Labels, Runs};
use std::io::{Result, Write};
use std::sync::Arc;

const HEADER_WORDS: usize = 9;

/// Cells written by one call of the writer.
const CHUNK: usize = 512;

fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(8)
}

fn defs_bytes(runs: &Runs) -> usize {
    runs.defs.iter().map(|(_, labels)| 8 + labels.packed().len()).sum()
}

/// What stands before a histogram's own bytes.
const HISTOGRAM_HEAD: usize = 4 + 4 + 8 + 8;

fn histogram_bytes(runs: &Runs) -> usize {
    runs.histograms.iter().map(|sample| HISTOGRAM_HEAD + sample.histogram.encoded_len()).sum()
}

/// Bytes that [`encode`] writes.
pub fn length(batch: &RunBatch) -> usize {
    let runs = &batch.runs;
    let beside = padded(defs_bytes(runs)) + padded(histogram_bytes(runs));
    HEADER_WORDS * 8 + beside + 2 * padded(runs.series.len() * 4) + runs.stamps.len() * 16 + runs.starts.len() * 8
}

/// Writes a batch.
pub fn encode<W: Write>(batch: &RunBatch, writer: &mut W) -> Result<()> {
    let runs = &batch.runs;
    let defs = defs_bytes(runs);
    let histograms = histogram_bytes(runs);
    let (beside, samples) = ([runs.starts.len(), histograms, runs.histograms.len()], runs.stamps.len());
    let sizes = [defs, runs.defs.len(), runs.series.len(), samples, beside[0], beside[1], beside[2]];
    column(writer, &[u64::from(batch.link), runs.seq], |w| w.to_le_bytes())?;
    column(writer, &sizes, |n| (n as u64).to_le_bytes())?;
    for (number, labels) in &runs.defs {
        let text = labels.packed();
        writer.write_all(&number.to_le_bytes())?;
        writer.write_all(&(text.len() as u32).to_le_bytes())?;
        writer.write_all(text.as_bytes())?;
    }
    pad(writer, defs)?;
    column(writer, &runs.series, |n| n.to_le_bytes())?;
    pad(writer, runs.series.len() * 4)?;
    column(writer, &runs.ends, |n| n.to_le_bytes())?;
    pad(writer, runs.ends.len() * 4)?;
    column(writer, &runs.stamps, |t| t.to_le_bytes())?;
    column(writer, &runs.values, |v| v.to_bits().to_le_bytes())?;
    column(writer, &runs.starts, |t| t.to_le_bytes())?;
    write_histograms(runs, writer)?;
    pad(writer, histograms)
}

fn write_histograms<W: Write>(runs: &Runs, writer: &mut W) -> Result<()> {
    let mut own = Vec::new();
    for sample in &runs.histograms {
        own.clear();
        sample.histogram.encode(&mut own);
        writer.write_all(&sample.series.to_le_bytes())?;
        writer.write_all(&(own.len() as u32).to_le_bytes())?;
        writer.write_all(&sample.stamp_ms.to_le_bytes())?;
        writer.write_all(&sample.start_ms.to_le_bytes())?;
        writer.write_all(&own)?;
    }
    Ok(())
}

fn pad<W: Write>(writer: &mut W, written: usize) -> Result<()> {
    writer.write_all(&[0; 8][..padded(written) - written])
}

fn column<W: Write, T: Copy, const N: usize>(writer: &mut W, cells: &[T], bytes: impl Fn(T) -> [u8; N]) -> Result<()> {
    let mut buffer = [[0; N]; CHUNK];
    for cells in cells.chunks(CHUNK) {
        for (to, cell) in buffer.iter_mut().zip(cells) {
            *to = bytes(*cell);
        }
        writer.write_all(buffer[..cells.len()].as_flattened())?;
    }
    Ok(())
}

/// Reads a batch; `None` where the bytes are none.
pub fn decode(mut bytes: &[u8]) -> Option<RunBatch> {
    let rest = &mut bytes;
    let header = read(rest, HEADER_WORDS, u64::from_le_bytes)?;
    let size = |i: usize| usize::try_from(header[i]).ok();
    let (defs, runs, samples) = (size(3)?, size(4)?, size(5)?);
    let defs = definitions(take(rest, size(2)?)?, defs)?;
    let series = read(rest, runs, u32::from_le_bytes)?;
    let ends = read(rest, runs, u32::from_le_bytes)?;
    let stamps = read(rest, samples, i64::from_le_bytes)?;
    let values = read(rest, samples, |b| f64::from_bits(u64::from_le_bytes(b)))?;
    let starts = read(rest, size(6)?, i64::from_le_bytes)?;
    let histograms = read_histograms(take(rest, size(7)?)?, size(8)?)?;
    let runs = Runs { seq: header[1], defs, series, ends, stamps, values, starts, histograms };
    well_formed(&runs).then_some(RunBatch::new(u32::try_from(header[0]).ok()?, runs))
}

/// Whether the ends of the runs divide the samples.
pub(super) fn well_formed(runs: &Runs) -> bool {
    runs.series.len() == runs.ends.len()
        && runs.stamps.len() == runs.values.len()
        && (runs.starts.is_empty() || runs.starts.len() == runs.stamps.len())
        && runs.ends.is_sorted()
        && runs.ends.last().copied().unwrap_or(0) as usize == runs.stamps.len()
}

/// Takes `n` bytes and what pads them.
fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(n.checked_next_multiple_of(8)?)?;
    *rest = left;
    taken.get(..n)
}

fn read<T, const N: usize>(rest: &mut &[u8], cells: usize, cell: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, _) = take(rest, cells.checked_mul(N)?)?.as_chunks::<N>();
    Some(chunks.iter().map(|c| cell(*c)).collect())
}

fn read_histograms(mut bytes: &[u8], count: usize) -> Option<Vec<HistogramSample>> {
    let mut all = Vec::with_capacity(count.min(bytes.len()));
    for _ in 0..count {
        let (series, rest) = bytes.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (stamp, rest) = rest.split_first_chunk::<8>()?;
        let (start, rest) = rest.split_first_chunk::<8>()?;
        let (own, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let histogram = Arc::new(Histogram::decode(own).ok()?);
        all.push(HistogramSample {
            series: u32::from_le_bytes(*series),
            stamp_ms: i64::from_le_bytes(*stamp),
            histogram,
            start_ms: i64::from_le_bytes(*start),
        });
        bytes = rest;
    }
    bytes.is_empty().then_some(all)
}

fn definitions(mut bytes: &[u8], count: usize) -> Option<Vec<(u32, Labels)>> {
    let mut defs = Vec::with_capacity(count.min(bytes.len()));
    for _ in 0..count {
        let (number, rest) = bytes.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        defs.push((u32::from_le_bytes(*number), Labels::from_packed(std::str::from_utf8(text).ok()?)?));
        bytes = rest;
    }
    bytes.is_empty().then_some(defs)
}

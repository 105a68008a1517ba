//! Byte-stream split values: pages in, f64 of any stretch of rows out.
//!
//! # Semantics
//! A page of n values holds the n lowest bytes first, then the n next ones, and so on. Pages are kept as they are and
//! their values put together when they are handed out: one pass over memory instead of two. Eight values at a time are
//! turned by shifts and masks.
//!
//! # State
//! The pages of a row group on which somebody reads a value, 8 bytes a value.

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use std::ops::Range;

/// Values put together at once: a word of each stream, which fits the registers of a 64-bit machine.
const VALUES: usize = 8;

/// Values of a row group, by row.
#[derive(Debug, Default)]
pub(crate) struct SplitValues {
    /// Pages with the row of their first value.
    pages: Vec<(usize, Page)>,
}

/// Exchanges the upper half of each lane of `a` with the lower half of the same lane of `b`.
#[inline(always)]
fn exchange(a: &mut u64, b: &mut u64, shift: u32, low: u64) {
    let (x, y) = (*a, *b);
    *a = (x & low) | ((y & low) << shift);
    *b = ((x >> shift) & low) | (y & !low);
}

/// Turns eight streams of eight bytes into eight values: a transposition by halves.
#[inline(always)]
fn turn([s0, s1, s2, s3, s4, s5, s6, s7]: &mut [u64; 8]) {
    for (a, b) in [(&mut *s0, &mut *s4), (&mut *s1, &mut *s5), (&mut *s2, &mut *s6), (&mut *s3, &mut *s7)] {
        exchange(a, b, 32, 0x0000_0000_ffff_ffff);
    }
    for (a, b) in [(&mut *s0, &mut *s2), (&mut *s1, &mut *s3), (&mut *s4, &mut *s6), (&mut *s5, &mut *s7)] {
        exchange(a, b, 16, 0x0000_ffff_0000_ffff);
    }
    for (a, b) in [(s0, s1), (s2, s3), (s4, s5), (s6, s7)] {
        exchange(a, b, 8, 0x00ff_00ff_00ff_00ff);
    }
}

/// Values `at..at + VALUES` of a page of streams.
#[inline(always)]
fn block(streams: &[&[u8]; 8], at: usize) -> Option<[f64; VALUES]> {
    let mut words = [0; 8];
    for (word, stream) in words.iter_mut().zip(streams) {
        *word = u64::from_le_bytes(*stream.get(at..)?.first_chunk()?);
    }
    turn(&mut words);
    Some(words.map(f64::from_bits))
}

/// Appends `count` values from number `at` on of a page of streams.
fn append(data: &[u8], at: usize, count: usize, out: &mut Vec<f64>) {
    let stride = data.len() / 8;
    let streams: [&[u8]; 8] = std::array::from_fn(|i| &data[i * stride + at..i * stride + at + count]);
    let whole = count / VALUES * VALUES;
    for from in (0..whole).step_by(VALUES) {
        if let Some(values) = block(&streams, from) {
            out.extend_from_slice(&values);
        }
    }
    // The rest as the end of one more block, which repeats some values; too few values for a block one by one.
    match count.checked_sub(VALUES).filter(|_| whole < count).and_then(|from| block(&streams, from)) {
        Some(values) => out.extend_from_slice(&values[VALUES - (count - whole)..]),
        None => out.extend((whole..count).map(|i| f64::from_le_bytes(std::array::from_fn(|s| streams[s][i])))),
    }
}

impl SplitValues {
    /// Forgets all pages.
    pub(crate) fn clear(&mut self) {
        self.pages.clear();
    }

    /// Reads the pages of a column chunk that hold rows of `wanted`, which ascend; the others are passed over.
    pub(crate) fn load(&mut self, mut pages: Box<dyn PageReader>, wanted: &[Range<usize>]) -> Result<(), ParquetError> {
        self.clear();
        let mut row = 0;
        for range in wanted {
            while row < range.end {
                let next = pages.peek_next_page()?.ok_or_else(ended)?;
                let rows = next.num_rows.or(next.num_levels).unwrap_or(0);
                if row + rows <= range.start {
                    pages.skip_next_page()?;
                } else {
                    self.pages.push((row, checked(pages.get_next_page()?.ok_or_else(ended)?)?));
                }
                row += rows;
            }
        }
        Ok(())
    }

    /// Appends the values of the rows from `row` on; they have to be among those that were wanted.
    pub(crate) fn append(&self, mut row: usize, mut count: usize, out: &mut Vec<f64>) {
        let first = self.pages.partition_point(|(from, page)| from + page.num_values() as usize <= row);
        for (from, page) in &self.pages[first..] {
            let at = row.saturating_sub(*from);
            let take = count.min(page.num_values() as usize - at);
            append(page.buffer(), at, take, out);
            row += take;
            count -= take;
            if count == 0 {
                return;
            }
        }
    }
}

fn checked(page: Page) -> Result<Page, ParquetError> {
    if page.encoding() != Encoding::BYTE_STREAM_SPLIT || page.buffer().len() != page.num_values() as usize * 8 {
        return Err(ParquetError::General("a page of values is not byte-stream split".to_owned()));
    }
    Ok(page)
}

fn ended() -> ParquetError {
    ParquetError::General("values end before the series do".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_joined_from_any_place() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i).sqrt() * 1e9).collect();
        let streams: Vec<u8> = (0..8).flat_map(|b| values.iter().map(move |v| v.to_le_bytes()[b])).collect();
        for (at, count) in [(0, 100), (0, 16), (3, 15), (7, 50), (2, 17), (99, 1), (5, 0)] {
            let mut out = vec![1.5];
            append(&streams, at, count, &mut out);
            assert_eq!(out[1..], values[at..at + count]);
        }
    }
}

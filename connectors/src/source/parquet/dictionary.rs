//! Dictionary-encoded pages of a label column: dictionary keys in, our keys out.
//!
//! # State
//! The current page, the places in its levels and keys, and the dictionary page as our keys.
//!
//! # Errors
//! Whatever does not fit (keys beyond the dictionary, pages shorter than their counts) is an error of the file.

use super::hybrid::{Hybrid, Piece};
use super::labels::{LabelError, is_dictionary, short};
use super::values::Values;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;

/// Reads the pages of one column chunk whose values are dictionary keys, or plain where the writer fell back.
pub(crate) struct DictionaryPages {
    pages: Box<dyn PageReader>,
    max_def: i16,
    dictionary: Vec<u32>,
    page: Option<Open>,
    packed_levels: Vec<u32>,
}

struct Open {
    page: Page,
    rows_left: usize,
    levels: Option<Hybrid>,
    body: Body,
}

enum Body {
    Keys(Hybrid),
    Plain(usize),
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

fn length_prefixed(data: &[u8], at: usize) -> Result<&[u8], ParquetError> {
    let bad = || damaged("a plain value reaches past its page");
    let (len, rest) = data.get(at..).and_then(|d| d.split_first_chunk::<4>()).ok_or_else(bad)?;
    rest.get(..u32::from_le_bytes(*len) as usize).ok_or_else(bad)
}

impl DictionaryPages {
    /// The pages of a chunk whose levels go up to `max_def`, which is 0 or 1.
    pub(crate) fn new(pages: Box<dyn PageReader>, max_def: i16) -> Self {
        Self { pages, max_def, dictionary: Vec::new(), page: None, packed_levels: Vec::new() }
    }

    /// Appends the keys of the next `rows` rows.
    pub(crate) fn read(&mut self, rows: usize, values: &mut Values, out: &mut Vec<u32>) -> Result<(), LabelError> {
        let mut left = rows;
        while left > 0 {
            match self.page.as_mut().filter(|p| p.rows_left > 0) {
                None => self.next_page(values)?,
                Some(open) => {
                    let take = left.min(open.rows_left);
                    open.read(take, &self.dictionary, &mut self.packed_levels, values, out)?;
                    open.rows_left -= take;
                    left -= take;
                }
            }
        }
        Ok(())
    }

    fn next_page(&mut self, values: &mut Values) -> Result<(), LabelError> {
        let page = self.pages.get_next_page()?.ok_or_else(|| short(values.column().name()))?;
        if let Page::DictionaryPage { buf, num_values, .. } = &page {
            let mut at = 0;
            self.dictionary.clear();
            for _ in 0..*num_values {
                let text = length_prefixed(buf, at)?;
                at += 4 + text.len();
                self.dictionary.push(values.key(text)?);
            }
        } else {
            self.page = Some(Open::new(page, self.max_def)?);
        }
        Ok(())
    }
}

/// Where the levels and the values of a data page begin and end.
fn sections(page: &Page, max_def: i16) -> Result<(Option<Hybrid>, usize), ParquetError> {
    let bad = || damaged("the levels reach past their page");
    match page {
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let from = *rep_levels_byte_len as usize;
            let to = from + *def_levels_byte_len as usize;
            let levels = (max_def > 0).then(|| Hybrid::new(from, to, 1));
            if to > buf.len() { Err(bad()) } else { Ok((levels.flatten(), to)) }
        }
        Page::DataPage { .. } if max_def == 0 => Ok((None, 0)),
        Page::DataPage { buf, def_level_encoding: Encoding::RLE, .. } => {
            let len = length_prefixed(buf, 0)?.len();
            Ok((Hybrid::new(4, 4 + len, 1), 4 + len))
        }
        _ => Err(damaged("levels in the deprecated bit-packed encoding can't be read")),
    }
}

impl Open {
    fn new(page: Page, max_def: i16) -> Result<Self, ParquetError> {
        let (levels, at) = sections(&page, max_def)?;
        let data = page.buffer();
        let body = match page.encoding() {
            e if is_dictionary(e) => match data.get(at) {
                // A page of nulls only may end here.
                None => Some(Body::Plain(at)),
                Some(width) => Hybrid::new(at + 1, data.len(), u32::from(*width)).map(Body::Keys),
            },
            Encoding::PLAIN => Some(Body::Plain(at)),
            _ => None,
        };
        let body = body.ok_or_else(|| damaged("a page has an encoding that its column does not list"))?;
        Ok(Self { rows_left: page.num_values() as usize, page, levels, body })
    }

    fn read(
        &mut self,
        rows: usize,
        dictionary: &[u32],
        scratch: &mut Vec<u32>,
        values: &mut Values,
        out: &mut Vec<u32>,
    ) -> Result<(), LabelError> {
        let data: &[u8] = self.page.buffer();
        let Some(levels) = &mut self.levels else {
            return self.body.read(data, rows, dictionary, values, out);
        };
        let mut left = rows;
        while left > 0 {
            let piece = levels.next(data, left).ok_or_else(|| damaged("a page has too few levels"))?;
            match piece {
                Piece::Same { value: 0, count } => {
                    out.resize(out.len() + count, 0);
                    left -= count;
                }
                Piece::Same { count, .. } => {
                    self.body.read(data, count, dictionary, values, out)?;
                    left -= count;
                }
                Piece::Packed { first_bit, count } => {
                    let mut present = 0;
                    scratch.clear();
                    levels.unpack(data, first_bit, count, |level| {
                        present += level as usize;
                        scratch.push(level);
                    });
                    let from = out.len();
                    self.body.read(data, present, dictionary, values, out)?;
                    spread(out, from, scratch);
                    left -= count;
                }
            }
        }
        Ok(())
    }
}

/// Moves keys that stand densely from `from` on to the rows whose level is 1; the others get key 0.
fn spread(out: &mut Vec<u32>, from: usize, levels: &[u32]) {
    let mut dense = out.len();
    out.resize(from + levels.len(), 0);
    for (row, level) in levels.iter().enumerate().rev() {
        dense -= *level as usize;
        out[from + row] = if *level == 1 { out[dense] } else { 0 };
    }
}

impl Body {
    fn read(
        &mut self,
        data: &[u8],
        count: usize,
        dictionary: &[u32],
        values: &mut Values,
        out: &mut Vec<u32>,
    ) -> Result<(), LabelError> {
        match self {
            Self::Plain(at) => {
                for _ in 0..count {
                    let text = length_prefixed(data, *at)?;
                    *at += 4 + text.len();
                    out.push(values.key(text)?);
                }
                Ok(())
            }
            Self::Keys(keys) => Ok(read_keys(keys, data, count, dictionary, out)?),
        }
    }
}

fn read_keys(
    keys: &mut Hybrid,
    data: &[u8],
    count: usize,
    dictionary: &[u32],
    out: &mut Vec<u32>,
) -> Result<(), ParquetError> {
    let beyond = || damaged("a key points past its dictionary");
    let mut left = count;
    while left > 0 {
        match keys.next(data, left).ok_or_else(|| damaged("a page has too few keys"))? {
            Piece::Same { value, count } => {
                let key = *dictionary.get(value as usize).ok_or_else(beyond)?;
                out.resize(out.len() + count, key);
                left -= count;
            }
            Piece::Packed { first_bit, count } => {
                let mut wrong = false;
                keys.unpack(data, first_bit, count, |k| match dictionary.get(k as usize) {
                    Some(key) => out.push(*key),
                    None => wrong = true,
                });
                if wrong {
                    return Err(beyond());
                }
                left -= count;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spread_over_the_rows_that_have_one() {
        let mut out = vec![9, 1, 2];
        spread(&mut out, 1, &[0, 1, 0, 1, 0]);
        assert_eq!(out, [9, 0, 1, 0, 2, 0]);
    }
}

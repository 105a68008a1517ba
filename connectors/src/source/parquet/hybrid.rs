//! Parquet's hybrid of run lengths and bit-packed groups: bytes in, pieces of equal or packed numbers out.
//!
//! # Semantics
//! The Parquet format's RLE/bit-packing hybrid, widths 0 to 32. The library decodes it too, but hides dictionary keys
//! behind strings; reading keys is what makes a row of labels cost a few loads instead of hashes.
//!
//! # Errors
//! `None` where the bytes run out; bits past the end of a short last group read as 0.

/// Some numbers of a hybrid stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Piece {
    /// `count` times the same number.
    Same {
        /// The number.
        value: u32,
        /// How often.
        count: usize,
    },
    /// `count` packed numbers.
    Packed {
        /// Where the first begins, in bits from the start of the data.
        first_bit: usize,
        /// How many.
        count: usize,
    },
}

/// A place in a hybrid stream; the bytes are passed in by each call because they belong to a page.
#[derive(Clone, Debug)]
pub(crate) struct Hybrid {
    at: usize,
    end: usize,
    width: u32,
    left: usize,
    same: Option<u32>,
    bit: usize,
}

impl Hybrid {
    /// The stream in `data[at..end]`.
    pub(crate) fn new(at: usize, end: usize, width: u32) -> Option<Self> {
        (width <= 32 && at <= end).then_some(Self { at, end, width, left: 0, same: None, bit: 0 })
    }

    /// The next at most `max` numbers; `None` at the end.
    pub(crate) fn next(&mut self, data: &[u8], max: usize) -> Option<Piece> {
        let data = data.get(..self.end)?;
        while self.left == 0 {
            self.header(data)?;
        }
        let count = self.left.min(max);
        self.left -= count;
        Some(match self.same {
            Some(value) => Piece::Same { value, count },
            None => {
                let first_bit = self.bit;
                self.bit += count * self.width as usize;
                Piece::Packed { first_bit, count }
            }
        })
    }

    fn header(&mut self, data: &[u8]) -> Option<()> {
        let header = self.varint(data)?;
        if header & 1 == 1 {
            let groups = (header >> 1) as usize;
            self.left = groups.checked_mul(8)?;
            self.same = None;
            self.bit = self.at * 8;
            // A writer may cut the last group short of its padding.
            self.at = self.at.checked_add(groups.checked_mul(self.width as usize)?)?.min(self.end);
        } else {
            let bytes = self.width.div_ceil(8) as usize;
            let raw = data.get(self.at..self.at + bytes)?;
            self.same = Some(raw.iter().rev().fold(0, |v, b| v << 8 | u32::from(*b)));
            self.left = (header >> 1) as usize;
            self.at += bytes;
        }
        Some(())
    }

    fn varint(&mut self, data: &[u8]) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *data.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// Calls `each` for the numbers of a packed piece.
    pub(crate) fn unpack(&self, data: &[u8], first_bit: usize, count: usize, mut each: impl FnMut(u32)) {
        let width = self.width as usize;
        let mask = if width == 32 { u64::from(u32::MAX) } else { (1u64 << width) - 1 };
        let mut bit = first_bit;
        for _ in 0..count {
            let byte = bit / 8;
            let word = match data.get(byte..byte + 8) {
                Some(w) => w.iter().rev().fold(0u64, |v, b| v << 8 | u64::from(*b)),
                None => data.get(byte..).unwrap_or(&[]).iter().rev().fold(0u64, |v, b| v << 8 | u64::from(*b)),
            };
            each((word >> (bit % 8) & mask) as u32);
            bit += width;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all(data: &[u8], width: u32) -> Vec<u32> {
        let mut h = Hybrid::new(0, data.len(), width).unwrap();
        let mut out = Vec::new();
        while let Some(piece) = h.next(data, 5) {
            match piece {
                Piece::Same { value, count } => out.extend(std::iter::repeat_n(value, count)),
                Piece::Packed { first_bit, count } => h.unpack(data, first_bit, count, |v| out.push(v)),
            }
        }
        out
    }

    #[test]
    fn the_format_s_own_example() {
        // 0 to 7 at width 3, from the format's text; then 20 times 4.
        let data = [0b0000_0011, 0b1000_1000, 0b1100_0110, 0b1111_1010, 40, 4];
        let want: Vec<u32> = (0..8).chain(std::iter::repeat_n(4, 20)).collect();
        assert_eq!(all(&data, 3), want);
    }

    #[test]
    fn damaged_bytes_end_it() {
        assert!(all(&[0xff; 12], 3).is_empty());
        assert!(all(&[], 1).is_empty());
        assert_eq!(all(&[0b11], 0), [0; 8]);
        assert!(Hybrid::new(0, 1, 33).is_none());
    }
}

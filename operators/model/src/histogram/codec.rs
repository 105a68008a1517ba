//! Histograms as bytes.
//!
//! ```text
//! hint u8   schema i8   count  sum   f64 bits each
//! exponential: zero threshold, zero count   f64 bits each; custom: number of bounds, bounds as f64 bits
//! positive, then (exponential only) negative: number of buckets, index deltas (zigzag, then unsigned), counts as f64 bits
//! ```
//! Numbers are varints of 7 bits, floats little-endian.
//!
//! # Errors
//! Bytes that are no sound histogram are refused; nothing is allocated beyond what the bytes can hold.

use super::{Buckets, Hint, Histogram, Invalid};

impl Histogram {
    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self.hint {
            Hint::Unknown => 0,
            Hint::Reset => 1,
            Hint::NotReset => 2,
            Hint::Gauge => 3,
        });
        out.push(self.schema as u8);
        float(out, self.count);
        float(out, self.sum);
        if self.is_custom() {
            varint(out, self.custom_values.len() as u64);
            self.custom_values.iter().for_each(|b| float(out, *b));
            side(out, &self.positive);
        } else {
            float(out, self.zero_threshold);
            float(out, self.zero_count);
            side(out, &self.positive);
            side(out, &self.negative);
        }
    }

    /// How many bytes [`Histogram::encode`] appends.
    pub fn encoded_len(&self) -> usize {
        let own = if self.is_custom() {
            varint_len(self.custom_values.len() as u64) + 8 * self.custom_values.len() + side_len(&self.positive)
        } else {
            16 + side_len(&self.positive) + side_len(&self.negative)
        };
        18 + own
    }

    /// Reads what [`Histogram::encode`] wrote; all the bytes.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, Invalid> {
        let read = read(&mut bytes).filter(|_| bytes.is_empty()).ok_or(Invalid::Bytes)?;
        read.check_layout()?;
        Ok(read)
    }
}

impl From<Histogram> for Vec<u8> {
    fn from(histogram: Histogram) -> Self {
        let mut out = Self::new();
        histogram.encode(&mut out);
        out
    }
}

impl TryFrom<Vec<u8>> for Histogram {
    type Error = Invalid;
    fn try_from(bytes: Vec<u8>) -> Result<Self, Invalid> {
        Self::decode(&bytes)
    }
}

fn float(out: &mut Vec<u8>, x: f64) {
    out.extend_from_slice(&x.to_bits().to_le_bytes());
}

fn varint(out: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

fn varint_len(x: u64) -> usize {
    (64 - (x | 1).leading_zeros() as usize).div_ceil(7)
}

/// The indices as they are written: the first by zigzag, then what they grow by.
fn deltas(buckets: &Buckets) -> impl Iterator<Item = u64> + '_ {
    let mut last: Option<i64> = None;
    buckets.indices().iter().map(move |index| {
        let index = i64::from(*index);
        let before = last.replace(index);
        before.map_or(((index << 1) ^ (index >> 63)) as u64, |before| (index - before) as u64)
    })
}

fn side_len(buckets: &Buckets) -> usize {
    varint_len(buckets.len() as u64) + deltas(buckets).map(varint_len).sum::<usize>() + 8 * buckets.counts().len()
}

fn side(out: &mut Vec<u8>, buckets: &Buckets) {
    varint(out, buckets.len() as u64);
    deltas(buckets).for_each(|delta| varint(out, delta));
    buckets.counts().iter().for_each(|c| float(out, *c));
}

fn read(bytes: &mut &[u8]) -> Option<Histogram> {
    let hint = match take::<1>(bytes)?[0] {
        0 => Hint::Unknown,
        1 => Hint::Reset,
        2 => Hint::NotReset,
        3 => Hint::Gauge,
        _ => return None,
    };
    let schema = take::<1>(bytes)?[0] as i8;
    let (count, sum) = (read_float(bytes)?, read_float(bytes)?);
    let mut h = Histogram { hint, schema, count, sum, ..Histogram::default() };
    if h.is_custom() {
        let bounds = read_varint(bytes)?;
        h.custom_values = floats(bytes, bounds)?;
        h.positive = read_side(bytes)?;
    } else {
        h.zero_threshold = read_float(bytes)?;
        h.zero_count = read_float(bytes)?;
        h.positive = read_side(bytes)?;
        h.negative = read_side(bytes)?;
    }
    Some(h)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

fn read_float(bytes: &mut &[u8]) -> Option<f64> {
    take::<8>(bytes).map(|b| f64::from_bits(u64::from_le_bytes(b)))
}

fn floats(bytes: &mut &[u8], n: u64) -> Option<Vec<f64>> {
    let n = usize::try_from(n).ok().filter(|n| *n <= bytes.len() / 8)?;
    (0..n).map(|_| read_float(bytes)).collect()
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut x = 0;
    for shift in (0..64).step_by(7) {
        let byte = take::<1>(bytes)?[0];
        let part = u64::from(byte & 0x7f);
        if part << shift >> shift != part {
            return None;
        }
        x |= part << shift;
        if byte < 0x80 {
            return Some(x);
        }
    }
    None
}

fn read_side(bytes: &mut &[u8]) -> Option<Buckets> {
    let n = read_varint(bytes)?;
    let n = usize::try_from(n).ok().filter(|n| *n <= bytes.len())?;
    let (mut indices, mut last) = (Vec::with_capacity(n), None);
    for _ in 0..n {
        let x = read_varint(bytes)?;
        let index = match last {
            None => (x >> 1) as i64 ^ -((x & 1) as i64),
            Some(last) => i64::checked_add(last, i64::try_from(x).ok()?)?,
        };
        indices.push(i32::try_from(index).ok()?);
        last = Some(index);
    }
    let counts = floats(bytes, n as u64)?;
    let mut side = Buckets::default();
    let ascend = indices.iter().zip(counts).all(|(index, count)| side.push(*index, count));
    ascend.then_some(side)
}

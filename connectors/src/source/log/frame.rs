//! Frames: what one commit writes, as bytes.
//!
//! ```text
//! "BWLF"  length u32  number u64  hash u64   payload
//!                                            flags u8, floats u32, series u32…, stamps, values f64…, starts i64…,
//!                                            histograms and deltas (length u32, bincode, each), binding (epoch u64, length u32, bytes)
//! ```
//!
//! # Semantics
//! Little-endian. Frames are numbered without gaps over all segments; the hash covers number and payload, so a frame is
//! valid only where it stands. Stamps are one value, or 32 bits above a base, or 64 bits: whatever is shortest.
//!
//! # Errors
//! [`FrameError`]: what is no frame, and what is a frame with an impossible payload. Nothing is allocated for a length
//! that the bytes do not bear out.

use crate::source::intake::{Delta, Rows};
use bellwether_model::{HistogramSample, hash64};
use serde::Serialize;

/// Bytes before the payload.
pub const HEADER: usize = 24;

/// Longest payload, bytes: more is no frame of ours.
pub const MOST: usize = 1 << 30;

const MAGIC: [u8; 4] = *b"BWLF";
const STARTS: u8 = 1;
const HISTOGRAMS: u8 = 2;
const BINDING: u8 = 4;
/// Stamps: all equal, 32 bits above a base, or (neither) 64 bits.
const SAME: u8 = 8;
const NARROW: u8 = 16;
const DELTAS: u8 = 32;

/// A binding that rides on a frame: it covers the rows of this frame and of those before it that no binding covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The epoch.
    pub epoch: u64,
    /// The binding as its owner writes it.
    pub bytes: Vec<u8>,
}

/// What one commit writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Samples.
    pub rows: Rows,
    /// The binding that covers them, if it rides on this frame.
    pub bind: Option<Bind>,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes end before the frame does.
    #[error("it ends in the middle")]
    Short,
    /// No magic, another number, a wrong hash, an impossible length.
    #[error("its checksum is wrong")]
    Invalid,
    /// The hash is right and the content impossible: another version wrote it.
    #[error("its content is not of this version")]
    Content,
}

/// Appends a frame to a buffer.
pub fn encode(frame: &Frame, number: u64, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let begin = out.len();
    out.extend_from_slice(&[0; HEADER]);
    payload(frame, out).ok_or(FrameError::Content)?;
    let length = out.len() - begin - HEADER;
    if length > MOST {
        return Err(FrameError::Content);
    }
    let hash = hash64(&[&number.to_le_bytes(), &out[begin + HEADER..]]);
    let header = &mut out[begin..begin + HEADER];
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&(length as u32).to_le_bytes());
    header[8..16].copy_from_slice(&number.to_le_bytes());
    header[16..].copy_from_slice(&hash.to_le_bytes());
    Ok(())
}

fn payload(frame: &Frame, out: &mut Vec<u8>) -> Option<()> {
    let Frame { rows, bind } = frame;
    let (least, most) = rows.stamps.iter().fold((i64::MAX, i64::MIN), |(a, b), t| (a.min(*t), b.max(*t)));
    let width = most.checked_sub(least);
    let mut flags = 0;
    flags |= if rows.starts.is_empty() { 0 } else { STARTS };
    flags |= if rows.histograms.is_empty() { 0 } else { HISTOGRAMS };
    flags |= if rows.deltas.is_empty() { 0 } else { DELTAS };
    flags |= if bind.is_some() { BINDING } else { 0 };
    flags |= match width {
        Some(0) => SAME,
        Some(w) if u32::try_from(w).is_ok() => NARROW,
        _ => 0,
    };
    out.push(flags);
    out.extend_from_slice(&u32::try_from(rows.series.len()).ok()?.to_le_bytes());
    out.extend(rows.series.iter().flat_map(|s| s.to_le_bytes()));
    if flags & (SAME | NARROW) != 0 {
        out.extend_from_slice(&least.to_le_bytes());
    }
    if flags & NARROW != 0 {
        out.extend(rows.stamps.iter().flat_map(|t| ((t - least) as u32).to_le_bytes()));
    } else if flags & SAME == 0 {
        out.extend(rows.stamps.iter().flat_map(|t| t.to_le_bytes()));
    }
    out.extend(rows.values.iter().flat_map(|v| v.to_le_bytes()));
    out.extend(rows.starts.iter().flat_map(|t| t.to_le_bytes()));
    if flags & HISTOGRAMS != 0 {
        sized(&rows.histograms, out)?;
    }
    if flags & DELTAS != 0 {
        sized(&rows.deltas, out)?;
    }
    if let Some(bind) = bind {
        out.extend_from_slice(&bind.epoch.to_le_bytes());
        out.extend_from_slice(&u32::try_from(bind.bytes.len()).ok()?.to_le_bytes());
        out.extend_from_slice(&bind.bytes);
    }
    Some(())
}

fn sized<T: Serialize>(list: &[T], out: &mut Vec<u8>) -> Option<()> {
    let bytes = bincode::serialize(list).ok()?;
    out.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&bytes);
    Some(())
}

/// Length of the payload that a header announces, if it is the header of frame `number`.
pub fn announced(header: &[u8; HEADER], number: u64) -> Result<usize, FrameError> {
    let found = u64::from_le_bytes(part(header, 8));
    let length = u32::from_le_bytes(part(header, 4)) as usize;
    if header[..4] != MAGIC || found != number || length > MOST {
        return Err(FrameError::Invalid);
    }
    Ok(length)
}

fn part<const N: usize>(bytes: &[u8; HEADER], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// Reads the payload that follows a header.
pub fn decode(header: &[u8; HEADER], payload: &[u8]) -> Result<Frame, FrameError> {
    let (number, hash): ([u8; 8], [u8; 8]) = (part(header, 8), part(header, 16));
    if hash64(&[&number, payload]) != u64::from_le_bytes(hash) {
        return Err(FrameError::Invalid);
    }
    let mut rest = Rest(payload);
    rest.frame().filter(|_| rest.0.is_empty()).ok_or(FrameError::Content)
}

/// Whether a whole frame with a number of at least `number` begins in these bytes: then what stands before it is not a
/// torn end but damage.
pub fn holds_later_frame(bytes: &[u8], number: u64) -> bool {
    let starts = bytes.windows(4).enumerate().filter(|(_, w)| *w == MAGIC);
    starts.into_iter().any(|(at, _)| {
        let Some((header, rest)) = bytes[at..].split_first_chunk::<HEADER>() else { return false };
        let found = u64::from_le_bytes(part(header, 8));
        let whole = announced(header, found).ok().and_then(|length| rest.get(..length));
        found >= number && whole.is_some_and(|payload| decode(header, payload).is_ok())
    })
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(first)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn list<const N: usize, T>(&mut self, n: usize, read: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let bytes = self.take(n.checked_mul(N)?)?;
        Some(bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect())
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let n = u32::from_le_bytes(self.chunk()?);
        self.take(n as usize)
    }

    fn stamps(&mut self, flags: u8, n: usize) -> Option<Vec<i64>> {
        if flags & (SAME | NARROW) == 0 {
            return self.list(n, i64::from_le_bytes);
        }
        let least = i64::from_le_bytes(self.chunk()?);
        if flags & SAME != 0 {
            Some(vec![least; n])
        } else {
            self.list(n, |b| least.wrapping_add(u32::from_le_bytes(b).into()))
        }
    }

    fn frame(&mut self) -> Option<Frame> {
        let [flags] = self.chunk()?;
        let n = u32::from_le_bytes(self.chunk()?) as usize;
        let series = self.list(n, u32::from_le_bytes)?;
        let stamps = self.stamps(flags, n)?;
        let values = self.list(n, f64::from_le_bytes)?;
        let starts = if flags & STARTS != 0 { self.list(n, i64::from_le_bytes)? } else { Vec::new() };
        let histograms: Vec<HistogramSample> =
            if flags & HISTOGRAMS != 0 { bincode::deserialize(self.sized()?).ok()? } else { Vec::new() };
        let deltas: Vec<Delta> =
            if flags & DELTAS != 0 { bincode::deserialize(self.sized()?).ok()? } else { Vec::new() };
        let bind = if flags & BINDING != 0 {
            let epoch = u64::from_le_bytes(self.chunk()?);
            Some(Bind { epoch, bytes: self.sized()?.to_vec() })
        } else {
            None
        };
        Some(Frame { rows: Rows { series, stamps, values, starts, histograms, deltas }, bind })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::source::intake::Change;
    use bellwether_model::Histogram;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn read(bytes: &[u8], number: u64) -> Result<Frame, FrameError> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(FrameError::Short)?;
        let length = announced(header, number)?;
        decode(header, rest.get(..length).ok_or(FrameError::Short)?)
    }

    fn frames() -> impl Strategy<Value = Frame> {
        let stamp = prop_oneof![Just(1_000i64), 0i64..5_000, any::<i64>()];
        let row = (0u32..50, stamp, any::<f64>(), prop_oneof![Just(0i64), 1i64..100]);
        let bind = prop::option::of((any::<u64>(), prop::collection::vec(any::<u8>(), 0..20)));
        (prop::collection::vec(row, 0..40), 0usize..3, 0usize..4, bind).prop_map(|(rows, histograms, deltas, bind)| {
            let mut frame = Frame { bind: bind.map(|(epoch, bytes)| Bind { epoch, bytes }), ..Frame::default() };
            rows.into_iter().for_each(|(s, t, v, start)| frame.rows.push_started(s, t, v, start));
            let histogram = Arc::new(Histogram { count: 3.0, sum: 1.5, ..Histogram::default() });
            frame.rows.histograms = (0..histograms as u32)
                .map(|series| HistogramSample { series, stamp_ms: 7, histogram: histogram.clone(), start_ms: 0 })
                .collect();
            let changes = [Change::Float(0.5), Change::Histogram(histogram.clone()), Change::Ends];
            let delta = |(i, change): (usize, &Change)| Delta {
                series: i as u32,
                stamp_ms: 9 - i as i64,
                start_ms: 3,
                change: change.clone(),
            };
            frame.rows.deltas = changes.iter().take(deltas).enumerate().map(delta).collect();
            frame
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(frame in frames(), number in any::<u64>()) {
            let mut bytes = vec![1, 2, 3];
            encode(&frame, number, &mut bytes).unwrap();
            let got = read(&bytes[3..], number).unwrap();
            prop_assert_eq!(format!("{got:?}"), format!("{frame:?}"));
            prop_assert_eq!(read(&bytes[3..], number.wrapping_add(1)), Err(FrameError::Invalid));
        }

        #[test]
        fn no_part_and_no_flipped_bit_passes(frame in frames(), cut in 0.0..1.0f64, at in 0.0..1.0f64, bit in 0u8..8) {
            let mut bytes = Vec::new();
            encode(&frame, 9, &mut bytes).unwrap();
            let cut = (bytes.len() as f64 * cut) as usize;
            prop_assert_eq!(read(&bytes[..cut], 9), Err(FrameError::Short));
            let at = (bytes.len() as f64 * at) as usize;
            bytes[at] ^= 1 << bit;
            prop_assert!(read(&bytes, 9).is_err());
        }
    }

    #[test]
    fn a_frame_is_found_behind_damage() {
        let mut bytes = vec![0x42; 100];
        encode(&Frame::default(), 12, &mut bytes).unwrap();
        assert!(holds_later_frame(&bytes, 11) && !holds_later_frame(&bytes, 13));
        bytes.pop();
        assert!(!holds_later_frame(&bytes, 11));
    }
}

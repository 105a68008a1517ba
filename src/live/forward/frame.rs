//! Frames of the spool: samples of one epoch in, bytes with a checksum out, and back.
//!
//! # Semantics
//! A frame is whole or it is none: its checksum covers head and body. An epoch with many samples has several, numbered; where it
//! is cut follows from the samples alone, so that a replay gives the same ones. Bodies are compressed.

use bellwether_connectors::sink::remote_write::compress;
use bellwether_connectors::source::remote_write::uncompress;
use bellwether_model::hash64;
use bellwether_operators::evaluate::WrittenSample;

/// Samples of a frame at most: those of a request.
const MOST_SAMPLES: usize = bellwether_connectors::sink::MOST_SAMPLES;

/// Bytes of the labels in a frame, from which on it is closed.
const MOST_LABEL_BYTES: usize = 1 << 20;

/// Bytes that a body may have once it is uncompressed: labels and histograms of [`MOST_SAMPLES`].
const MOST_BODY: usize = 1 << 30;

/// Bytes of a head: length, samples, part, epoch, first stamp, samples before, checksum.
pub(super) const HEAD: usize = 44;

/// Which frame it is: epoch, and its number there.
pub(super) type Key = (u64, u32);

/// What is known of a frame without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub key: Key,
    pub samples: u32,
    /// Stamp of its first sample, ms.
    pub first_ms: i64,
    /// Samples in all frames before it.
    pub before: u64,
}

/// A frame that is whole.
pub(super) struct Found<'a> {
    pub head: Head,
    body: &'a [u8],
    /// Bytes of all of it.
    pub length: usize,
}

/// The samples of an epoch as the frames that they stand in.
pub(super) fn parts(mut samples: &[WrittenSample]) -> Vec<&[WrittenSample]> {
    let mut all = Vec::new();
    while !samples.is_empty() {
        let (mut n, mut bytes) = (0, 0);
        while n < samples.len().min(MOST_SAMPLES) && bytes < MOST_LABEL_BYTES {
            bytes += samples[n].labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            n += 1;
        }
        let (part, rest) = samples.split_at(n);
        all.push(part);
        samples = rest;
    }
    all
}

/// A frame; `None` for samples that no frame can hold.
pub(super) fn encode(key: Key, before: u64, samples: &[WrittenSample]) -> Option<Vec<u8>> {
    let body = compress(&bincode::serialize(samples).ok()?)?;
    let mut out = Vec::with_capacity(HEAD + body.len());
    out.extend_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&u32::try_from(samples.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&key.1.to_le_bytes());
    out.extend_from_slice(&key.0.to_le_bytes());
    out.extend_from_slice(&samples.first().map_or(0, |s| s.stamp_ms).to_le_bytes());
    out.extend_from_slice(&before.to_le_bytes());
    let check = hash64(&[&out, &body]);
    out.extend_from_slice(&check.to_le_bytes());
    out.extend_from_slice(&body);
    Some(out)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// The frame at the beginning of some bytes, if it is whole.
pub(super) fn find(bytes: &[u8]) -> Option<Found<'_>> {
    let length = u32::from_le_bytes(number(bytes, 0)?) as usize;
    let head = Head {
        samples: u32::from_le_bytes(number(bytes, 4)?),
        key: (u64::from_le_bytes(number(bytes, 12)?), u32::from_le_bytes(number(bytes, 8)?)),
        first_ms: i64::from_le_bytes(number(bytes, 20)?),
        before: u64::from_le_bytes(number(bytes, 28)?),
    };
    let check = u64::from_le_bytes(number(bytes, 36)?);
    let body = bytes.get(HEAD..HEAD.checked_add(length)?)?;
    (hash64(&[&bytes[..36], body]) == check).then_some(Found { head, body, length: HEAD + length })
}

impl Found<'_> {
    /// Its samples; `None` if another build wrote them otherwise.
    pub fn samples(&self) -> Option<Vec<WrittenSample>> {
        bincode::deserialize(&uncompress(self.body, MOST_BODY).ok()?).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bellwether_model::{Labels, Value, stale_nan};

    pub fn sample(name: &str, stamp_ms: i64, value: f64) -> WrittenSample {
        WrittenSample { labels: Labels::from_pairs([("__name__", name)]), stamp_ms, value: Value::Float(value) }
    }

    #[test]
    fn a_frame_comes_back_bit_by_bit_and_a_torn_one_does_not() {
        let samples = [sample("a", -5, 1.5), sample("b", 7, stale_nan())];
        let mut bytes = encode((3, 1), 40, &samples).unwrap();
        let length = bytes.len();
        bytes.extend_from_slice(b"more");
        let found = find(&bytes).unwrap();
        assert_eq!(found.head, Head { key: (3, 1), samples: 2, first_ms: -5, before: 40 });
        assert_eq!(found.length, length);
        let back = found.samples().unwrap();
        let bits = |s: &WrittenSample| match s.value {
            Value::Float(v) => v.to_bits(),
            Value::Histogram(_) => 0,
        };
        assert_eq!(back.iter().map(bits).collect::<Vec<_>>(), samples.iter().map(bits).collect::<Vec<_>>());
        assert_eq!(back[0].labels, samples[0].labels);
        for cut in 0..length {
            assert!(find(&bytes[..cut]).is_none(), "{cut}");
        }
        for at in 0..length {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(find(&flipped).is_none(), "{at}");
        }
    }

    #[test]
    fn an_epoch_is_cut_where_its_samples_say() {
        let few: Vec<WrittenSample> = (0..4_500).map(|i| sample("a", i, 0.0)).collect();
        assert_eq!(parts(&few).iter().map(|p| p.len()).collect::<Vec<_>>(), [2_000, 2_000, 500]);
        let long = "x".repeat(600_000);
        let large: Vec<WrittenSample> = (0..3).map(|i| sample(&long, i, 0.0)).collect();
        assert_eq!(parts(&large).iter().map(|p| p.len()).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(parts(&[]).len(), 0);
    }
}

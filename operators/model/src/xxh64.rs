//! Prometheus's hash of label sets: XXH64 with seed 0 over its packed form.
//!
//! # Semantics
//! Since 3.0 a label set is one buffer of length-prefixed strings (`model/labels`, `labels_stringlabels.go`); a length is one
//! byte below 255, else 255 and three bytes.
//!
//! # Limits
//! For what must agree with Prometheus only (phases of groups, `limit_ratio`): everything of our own is hashed by
//! [`crate::hash`].

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

fn le(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |v, b| v << 8 | u64::from(*b))
}

fn round(acc: u64, input: u64) -> u64 {
    acc.wrapping_add(input.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

fn merge(acc: u64, lane: u64) -> u64 {
    (acc ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4)
}

fn stripes(data: &[u8]) -> u64 {
    let mut lanes = [P1.wrapping_add(P2), P2, 0, 0u64.wrapping_sub(P1)];
    for stripe in data.chunks_exact(32) {
        for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
            *lane = round(*lane, le(word));
        }
    }
    let sum = lanes.iter().zip([1, 7, 12, 18]).fold(0u64, |s, (l, r)| s.wrapping_add(l.rotate_left(r)));
    lanes.iter().fold(sum, |acc, lane| merge(acc, *lane))
}

/// The hash of labels in order of names.
pub fn prometheus_hash<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut bytes = Vec::new();
    for part in pairs.into_iter().flat_map(|(name, value)| [name, value]) {
        let n = part.len();
        match u8::try_from(n) {
            Ok(short) if short < 255 => bytes.push(short),
            _ => bytes.extend([255, n as u8, (n >> 8) as u8, (n >> 16) as u8]),
        }
        bytes.extend(part.as_bytes());
    }
    xxh64(&bytes)
}

/// The same in releases of Prometheus before 2.44, and in builds that keep labels apart.
pub fn prometheus_2_hash<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> u64 {
    let parts = pairs.into_iter().flat_map(|(name, value)| [name, value]);
    xxh64(&parts.flat_map(|part| part.bytes().chain([0xff])).collect::<Vec<u8>>())
}

/// The hash of `data`.
fn xxh64(data: &[u8]) -> u64 {
    let mut h = if data.len() >= 32 { stripes(data) } else { P5 };
    h = h.wrapping_add(data.len() as u64);
    let tail = &data[data.len() - data.len() % 32..];
    let words = tail.chunks_exact(8);
    let mut rest = words.remainder();
    for word in words {
        h = (h ^ round(0, le(word))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    if let Some((four, bytes)) = rest.split_first_chunk::<4>() {
        h = (h ^ le(four).wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
        rest = bytes;
    }
    for b in rest {
        h = (h ^ u64::from(*b).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    h = (h ^ h >> 33).wrapping_mul(P2);
    h = (h ^ h >> 29).wrapping_mul(P3);
    h ^ h >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation's documentation and cespare/xxhash's tests.
    #[test]
    fn reference_values() {
        assert_eq!(xxh64(b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(xxh64(b"as"), 0x1c33_0fb2_d66b_e179);
        assert_eq!(xxh64(b"asdf"), 0x415872f599cea71e);
        let long = b"Call me Ishmael. Some years ago--never mind how long precisely-";
        assert_eq!(xxh64(long), 0x02a2_e854_70d6_fd96);
    }
}

//! The project's own versioned hash: XXH3 over length-prefixed parts, seeded with [`HASH_VERSION`].
//!
//! Placement, ids in files and checkpoints depend on it, so it never follows a library's default hasher.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// Version of every hash that leaves a process. Raise it and every id, shard and checkpoint changes.
pub const HASH_VERSION: u64 = 1;

fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut buf = Vec::with_capacity(parts.iter().map(|p| p.len() + 8).sum());
    for part in parts {
        // The length prefix keeps ("ab","c") and ("a","bc") apart.
        buf.extend_from_slice(&(part.len() as u64).to_le_bytes());
        buf.extend_from_slice(part);
    }
    buf
}

/// 64-bit hash of a list of parts; part borders count.
pub fn hash64(parts: &[&[u8]]) -> u64 {
    xxh3_64_with_seed(&join(parts), HASH_VERSION)
}

/// 128-bit hash of a list of parts; part borders count.
pub fn hash128(parts: &[&[u8]]) -> u128 {
    xxh3_128_with_seed(&join(parts), HASH_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_borders_count() {
        assert_ne!(hash128(&[b"ab", b"c"]), hash128(&[b"a", b"bc"]));
        assert_ne!(hash64(&[b"ab", b"c"]), hash64(&[b"a", b"bc"]));
    }

    /// Files and checkpoints carry these hashes: the function may change only together with HASH_VERSION.
    #[test]
    fn hash_is_pinned() {
        assert_eq!(HASH_VERSION, 1);
        assert_eq!(hash64(&[b"bellwether"]), 18408405371764405213);
        assert_eq!(hash128(&[b"bellwether"]), 280125988440201851622354866371249470073);
    }
}

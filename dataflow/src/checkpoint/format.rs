//! The bytes of a checkpoint: `BWCK`, format version, length and hash of the body, the body.

use super::Checkpoint;
use bellwether_model::{HASH_VERSION, hash128};

/// Version of the bytes. Raise it when [`Checkpoint`] or what it holds changes.
pub const FORMAT_VERSION: u32 = 5;

const MAGIC: [u8; 4] = *b"BWCK";

/// Magic, version, length, hash.
const HEADER_BYTES: usize = 4 + 4 + 8 + 16;

/// Why bytes are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Something else.
    #[error("this is no checkpoint")]
    Foreign,
    /// Written by another build.
    #[error("the checkpoint has format version {found}, this build reads {FORMAT_VERSION}: start without it")]
    FormatVersion {
        /// The version it has.
        found: u32,
    },
    /// Ids and shards mean something else.
    #[error("the checkpoint has hash version {found}, this build has {HASH_VERSION}: start without it")]
    HashVersion {
        /// The version it has.
        found: u64,
    },
    /// Its end is missing, or something follows.
    #[error("the checkpoint has {found} bytes and should have {expected}: it was not written to its end")]
    Length {
        /// Bytes that are there.
        found: u64,
        /// Bytes that should be.
        expected: u64,
    },
    /// Its hash is wrong.
    #[error("the checkpoint is damaged: its checksum is wrong")]
    Damaged,
    /// Placed by other labels.
    #[error("the checkpoint was written for {found}, the configuration says {expected}")]
    Placement {
        /// What it was written for.
        found: String,
        /// What is configured.
        expected: String,
    },
    /// The body does not read, or did not write.
    #[error("the checkpoint cannot be coded: {0}")]
    Body(String),
}

/// Writes a checkpoint.
pub(super) fn seal(checkpoint: &Checkpoint) -> Result<Vec<u8>, CheckpointError> {
    let body = bincode::serialize(checkpoint).map_err(|e| CheckpointError::Body(e.to_string()))?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&hash128(&[&body]).to_le_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn split<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], CheckpointError> {
    let missing = CheckpointError::Length { found: bytes.len() as u64, expected: HEADER_BYTES as u64 };
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or(missing)?;
    *bytes = rest;
    Ok(*first)
}

/// Reads a checkpoint.
pub(super) fn open(mut bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let whole = bytes.len() as u64;
    if split::<4>(&mut bytes).ok() != Some(MAGIC) {
        return Err(CheckpointError::Foreign);
    }
    let found = u32::from_le_bytes(split(&mut bytes)?);
    if found != FORMAT_VERSION {
        return Err(CheckpointError::FormatVersion { found });
    }
    let length = u64::from_le_bytes(split(&mut bytes)?);
    let hash = u128::from_le_bytes(split(&mut bytes)?);
    if bytes.len() as u64 != length {
        return Err(CheckpointError::Length { found: whole, expected: length.saturating_add(HEADER_BYTES as u64) });
    }
    if hash128(&[bytes]) != hash {
        return Err(CheckpointError::Damaged);
    }
    let checkpoint: Checkpoint = bincode::deserialize(bytes).map_err(|e| CheckpointError::Body(e.to_string()))?;
    match checkpoint.hash_version {
        HASH_VERSION => Ok(checkpoint),
        found => Err(CheckpointError::HashVersion { found }),
    }
}

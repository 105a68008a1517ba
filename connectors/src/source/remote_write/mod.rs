//! Prometheus remote-write, 1.0 and 2.0: a body in, rows and a report out.
//!
//! # Position
//! HTTP → [`uncompress`] → [`decode`] → [`Rows`] → the durable log
//!
//! # Semantics (Prometheus storage/remote, `write_handler.go`; the specifications of remote-write 1.0 and 2.0)
//! What is not protobuf is refused as a whole; a series or a sample that is not valid is refused alone, and the rest is
//! taken. Stale markers are samples. Metadata goes to [`Dictionary::metadata`]; exemplars are passed over and counted.
//!
//! # State
//! None of its own. A series is found by a 128-bit hash of its labels as they were written ([`Dictionary::find`]); labels
//! are parsed, sorted and checked only the first time. No allocation is made for a sample.
//!
//! # Errors
//! [`DecodeError`] is about the request, [`Report`] about its samples.
//!
//! [`Dictionary::find`]: super::intake::Dictionary::find
//! [`Dictionary::metadata`]: super::intake::Dictionary::metadata

mod histogram;
mod sample;
mod version_1;
mod version_2;

use super::intake::{Batch, Report, Rows, TooManySamples};
use super::protobuf::Malformed;

/// Bytes that 3 bytes of a snappy block stand for at most.
const SNAPPY_COPY_BYTES: usize = 64;

/// The message of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`: remote-write 1.0.
    One,
    /// `io.prometheus.write.v2.Request`: remote-write 2.0.
    Two,
}

/// Why a request was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body is no snappy block.
    #[error("the body is no snappy block: {0}")]
    Snappy(String),
    /// The message is no protobuf.
    #[error("the message is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// Uncompressed, the message is larger than allowed.
    #[error("the message has {bytes} bytes uncompressed, {most} are allowed: send smaller batches")]
    TooLarge {
        /// As the body says.
        bytes: usize,
        /// Allowed.
        most: usize,
    },
    /// More samples than allowed.
    #[error(transparent)]
    TooMany(#[from] TooManySamples),
}

/// Bytes of a body once it is uncompressed, as it says itself; an error where that is more than `most`, or more than a
/// block of its length can hold.
pub fn uncompressed_bytes(body: &[u8], most: usize) -> Result<usize, DecodeError> {
    let bytes = snap::raw::decompress_len(body).map_err(|e| DecodeError::Snappy(e.to_string()))?;
    if bytes > most {
        return Err(DecodeError::TooLarge { bytes, most });
    }
    if bytes / SNAPPY_COPY_BYTES > body.len() / 3 {
        return Err(DecodeError::Snappy(format!("it has {} bytes and claims to hold {bytes}", body.len())));
    }
    Ok(bytes)
}

/// The message of a body in snappy's block format.
pub fn uncompress(body: &[u8], most: usize) -> Result<Vec<u8>, DecodeError> {
    let mut message = vec![0; uncompressed_bytes(body, most)?];
    let written = snap::raw::Decoder::new().decompress(body, &mut message);
    message.truncate(written.map_err(|e| DecodeError::Snappy(e.to_string()))?);
    Ok(message)
}

/// Decodes a message into an empty batch.
pub fn decode(version: Version, message: &[u8], mut batch: Batch<'_>) -> Result<(Rows, Report), DecodeError> {
    match version {
        Version::One => version_1::decode(message, &mut batch)?,
        Version::Two => version_2::decode(message, &mut batch)?,
    }
    Ok(batch.finish())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_block_that_claims_too_much_costs_nothing() {
        let body = snap::raw::Encoder::new().compress_vec(&[7; 10_000]).unwrap();
        assert_eq!(uncompress(&body, 10_000), Ok(vec![7; 10_000]));
        assert_eq!(uncompress(&body, 9_999), Err(DecodeError::TooLarge { bytes: 10_000, most: 9_999 }));
        // 4 GiB less a byte, declared by five bytes.
        let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(matches!(uncompress(&bomb, 1 << 30), Err(DecodeError::TooLarge { .. })));
        assert!(matches!(uncompress(&bomb, usize::MAX), Err(DecodeError::Snappy(_))));
        for end in 0..body.len() {
            assert!(uncompress(&body[..end], 10_000).is_err(), "{end}");
        }
    }
}

//! A float of remote-write: the same fields in 1.0 and 2.0, but for the start that only 2.0 has.

use crate::source::protobuf::{Malformed, Reader};

/// `Sample`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) value: f64,
    pub(super) stamp_ms: i64,
    /// 0 where it is not known.
    pub(super) start_ms: i64,
}

/// Reads a sample's message.
#[inline]
pub(super) fn sample(message: &[u8]) -> Result<Sample, Malformed> {
    let mut reader = Reader::new(message);
    let mut sample = Sample::default();
    while let Some(key) = reader.key()? {
        match key.field {
            1 => sample.value = reader.double(key)?,
            2 => sample.stamp_ms = reader.varint(key)? as i64,
            3 => sample.start_ms = reader.varint(key)? as i64,
            _ => reader.skip(key)?,
        }
    }
    Ok(sample)
}

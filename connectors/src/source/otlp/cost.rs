//! What a message would cost in memory, before it is decoded.
//!
//! # Semantics
//! Two bytes of protobuf can be a message, and a decoded message costs more than a hundred: 16 MiB that hold nothing would
//! take gigabytes. So messages are counted first, by a walk that knows only which field holds which message.

use crate::source::protobuf::{Malformed, Reader};

/// Bytes of a decoded message, about: the largest are a little larger, most of them smaller.
const MESSAGE_BYTES: usize = 160;

/// Messages within messages; prost allows as many.
const DEEPEST: usize = 100;

/// Which field of a message holds attributes, and which hold quantiles or buckets.
type Fields = (u32, &'static [u32]);

/// Messages by what they may hold.
#[derive(Clone, Copy)]
enum Kind {
    Request,
    ResourceMetrics,
    ScopeMetrics,
    Metric,
    /// A kind of metric: its first field are points.
    Points(Fields),
    /// A point, or a resource.
    Attributed(Fields),
    KeyValue,
    AnyValue,
    /// A list of values or of entries.
    Values,
    Entries,
    /// Quantiles, buckets, and what is passed over.
    Leaf,
}

impl Kind {
    fn of_field(self, field: u32) -> Option<Self> {
        Some(match (self, field) {
            (Self::Request, 1) => Self::ResourceMetrics,
            (Self::ResourceMetrics, 1) => Self::Attributed((1, &[])),
            (Self::ResourceMetrics, 2) => Self::ScopeMetrics,
            (Self::ScopeMetrics, 2) => Self::Metric,
            (Self::Metric, 5 | 7) => Self::Points((7, &[])),
            (Self::Metric, 9) => Self::Points((9, &[])),
            (Self::Metric, 10) => Self::Points((1, &[8, 9])),
            (Self::Metric, 11) => Self::Points((7, &[6])),
            (Self::Points(fields), 1) => Self::Attributed(fields),
            (Self::Attributed((attributes, _)), field) if field == attributes => Self::KeyValue,
            (Self::Attributed((_, leaves)), field) if leaves.contains(&field) => Self::Leaf,
            (Self::KeyValue, 2) => Self::AnyValue,
            (Self::AnyValue, 5) => Self::Values,
            (Self::AnyValue, 6) => Self::Entries,
            (Self::Values, 1) => Self::AnyValue,
            (Self::Entries, 1) => Self::KeyValue,
            _ => return None,
        })
    }
}

/// Bytes of a request once it is decoded, about: at most `most`, else `None`.
pub(super) fn protobuf(message: &[u8], most: usize) -> Result<Option<usize>, Malformed> {
    // Packed varints of one byte become numbers of eight.
    let mut left = most.checked_sub(message.len().saturating_mul(8));
    count(Kind::Request, Reader::new(message), 0, &mut left)?;
    Ok(left.map(|left| most - left))
}

fn count(kind: Kind, mut reader: Reader<'_>, depth: usize, left: &mut Option<usize>) -> Result<(), Malformed> {
    while let Some(key) = reader.key()? {
        match kind.of_field(key.field) {
            Some(inner) if left.is_some() && depth < DEEPEST => {
                *left = left.and_then(|left| left.checked_sub(MESSAGE_BYTES));
                count(inner, Reader::new(reader.bytes(key)?), depth + 1, left)?;
            }
            _ => reader.skip(key)?,
        }
    }
    Ok(())
}

/// The same of a request in JSON: each value costs a comma or a bracket.
pub(super) fn json(text: &[u8], most: usize) -> Option<usize> {
    let values = text.iter().filter(|byte| matches!(byte, b'{' | b'[' | b',')).count();
    Some(text.len().saturating_add(values.saturating_mul(MESSAGE_BYTES))).filter(|bytes| *bytes <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_and_not_believed() {
        // A request of one resource with one empty scope; then with a million of them.
        assert_eq!(protobuf(&[0x0a, 2, 0x12, 0], 1_000), Ok(Some(2 * MESSAGE_BYTES + 32)));
        let scopes = [0x12, 0].repeat(1_000_000);
        let mut request = vec![0x0a, 0x80, 0x89, 0x7a];
        request.extend(scopes);
        assert_eq!(protobuf(&request, 64 << 20), Ok(None));
        assert!(protobuf(&request[..request.len() - 1], usize::MAX).is_err());
        assert_eq!(json(b"{\"a\": [1, 2]}", 1_000), Some(13 + 3 * MESSAGE_BYTES));
        assert_eq!(json(b"[[[[[[[[[[", 1_000), None);
    }
}

//! Protobuf written field by field, into a buffer.
//!
//! # Semantics
//! The inverse of [`crate::source::protobuf`]. Numbers that are 0 are left out, as protobuf 3 has it; floats are written
//! whatever they are.

use bellwether_model::histogram::Buckets;

/// Bytes of a message.
#[derive(Clone, Debug, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    /// A number alone: an element of a packed field, a length.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A field with a number.
    pub fn varint(&mut self, field: u64, number: u64) {
        if number != 0 {
            self.number(field << 3);
            self.number(number);
        }
    }

    /// Also 0: of a sample, or of a count, which says that a histogram has fractional ones.
    pub fn double(&mut self, field: u64, value: f64) {
        self.number(field << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A text, or a message.
    pub fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.number(field << 3 | 2);
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A packed field of floats.
    pub fn doubles(&mut self, field: u64, values: &[f64]) {
        if !values.is_empty() {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.bytes(field, &bytes);
        }
    }
}

/// The number that stands for a signed one.
pub fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

/// The layout of a histogram's side as spans: how far each is behind the one before, and how many buckets it has.
pub fn spans(buckets: &Buckets, field: u64, message: &mut Message) {
    let mut next = 0i32;
    let mut rest = buckets.indices();
    while let Some(first) = rest.first() {
        let run = rest.iter().enumerate().take_while(|(i, index)| **index == first.wrapping_add(*i as i32)).count();
        let mut span = Message::default();
        span.varint(1, zigzag(i64::from(first.wrapping_sub(next))));
        span.varint(2, run as u64);
        message.bytes(field, &span.0);
        next = first.wrapping_add(run as i32);
        rest = &rest[run..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::protobuf::{sint32, sint64};

    #[test]
    fn signed_numbers_are_read_back() {
        for n in [0, 1, -1, 2, -2, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN] {
            assert_eq!(sint64(zigzag(n)), n);
        }
        assert_eq!([0, -1, i32::MIN].map(|n| sint32(zigzag(i64::from(n)))), [0, -1, i32::MIN]);
    }
}

//! Protobuf read where it stands: fields of a message in order, without a copy and without an allocation.
//!
//! # Semantics
//! The wire format of protobuf 3: fields that nobody asks for are skipped, groups included; a known field of another wire
//! type is an error, as in every generated decoder.
//!
//! # Errors
//! [`Malformed`] for whatever is cut off, overlong or of an unknown type. Lengths are held against what is there before
//! anything is done with them, so a length of 10 GB costs nothing.

/// Groups in groups deeper than this are refused: whoever skips them recurses.
const DEEPEST_GROUP: usize = 100;

/// The bytes are no protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(&'static str);

const CUT_OFF: Malformed = Malformed("a field is cut off");
const OVERLONG: Malformed = Malformed("a number is longer than 64 bits");
const NO_FIELD: Malformed = Malformed("a field has a number that no field has");
const NO_TYPE: Malformed = Malformed("a field has a type that there is not");
const OTHER_TYPE: Malformed = Malformed("a field has another type than its message says");
const GROUP: Malformed = Malformed("a group does not end");

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// 1 to 10 bytes.
    Varint,
    /// 8 bytes.
    Fixed64,
    /// A length and so many bytes.
    Bytes,
    /// A group begins.
    GroupStart,
    /// A group ends.
    GroupEnd,
    /// 4 bytes.
    Fixed32,
}

/// What a field begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Number of the field.
    pub field: u32,
    /// How it is written.
    pub wire: Wire,
}

/// The rest of a message.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// From the beginning of a message.
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Bytes that are not read yet.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether everything is read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field; `None` at the end of the message.
    #[inline]
    pub fn key(&mut self) -> Result<Option<Key>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = u32::try_from(self.number()?).map_err(|_| NO_FIELD)?;
        let wire = match key & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Bytes,
            3 => Wire::GroupStart,
            4 => Wire::GroupEnd,
            5 => Wire::Fixed32,
            _ => return Err(NO_TYPE),
        };
        let field = key >> 3;
        if field == 0 { Err(NO_FIELD) } else { Ok(Some(Key { field, wire })) }
    }

    #[inline]
    fn number(&mut self) -> Result<u64, Malformed> {
        match self.rest.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0u64;
        for (i, byte) in self.rest.iter().enumerate().take(10) {
            number |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                // The tenth byte has room for one bit.
                if i == 9 && *byte > 1 {
                    return Err(OVERLONG);
                }
                self.rest = &self.rest[i + 1..];
                return Ok(number);
            }
        }
        Err(if self.rest.len() < 10 { CUT_OFF } else { OVERLONG })
    }

    #[inline]
    fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The number of a varint field.
    #[inline]
    pub fn varint(&mut self, key: Key) -> Result<u64, Malformed> {
        if key.wire == Wire::Varint { self.number() } else { Err(OTHER_TYPE) }
    }

    /// The float of a double field.
    #[inline]
    pub fn double(&mut self, key: Key) -> Result<f64, Malformed> {
        if key.wire == Wire::Fixed64 { self.next_double() } else { Err(OTHER_TYPE) }
    }

    #[inline]
    fn next_double(&mut self) -> Result<f64, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk::<8>().ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// The bytes of a text, a byte string or a message.
    #[inline]
    pub fn bytes(&mut self, key: Key) -> Result<&'a [u8], Malformed> {
        if key.wire != Wire::Bytes {
            return Err(OTHER_TYPE);
        }
        let n = usize::try_from(self.number()?).map_err(|_| CUT_OFF)?;
        self.take(n)
    }

    /// Hands the numbers of a repeated varint field to `each`, packed or not.
    #[inline]
    pub fn varints<E: From<Malformed>>(
        &mut self,
        key: Key,
        mut each: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        if key.wire != Wire::Bytes {
            return each(self.varint(key)?);
        }
        let mut packed = Reader::new(self.bytes(key)?);
        while !packed.is_empty() {
            each(packed.number()?)?;
        }
        Ok(())
    }

    /// Hands the floats of a repeated double field to `each`, packed or not.
    pub fn doubles<E: From<Malformed>>(
        &mut self,
        key: Key,
        mut each: impl FnMut(f64) -> Result<(), E>,
    ) -> Result<(), E> {
        if key.wire != Wire::Bytes {
            return each(self.double(key)?);
        }
        let mut packed = Reader::new(self.bytes(key)?);
        while !packed.is_empty() {
            each(packed.next_double()?)?;
        }
        Ok(())
    }

    /// Passes over a field.
    #[inline]
    pub fn skip(&mut self, key: Key) -> Result<(), Malformed> {
        self.skip_at(key, 0)
    }

    fn skip_at(&mut self, key: Key, depth: usize) -> Result<(), Malformed> {
        match key.wire {
            Wire::Varint => self.number().map(drop),
            Wire::Fixed64 => self.take(8).map(drop),
            Wire::Bytes => self.bytes(key).map(drop),
            Wire::Fixed32 => self.take(4).map(drop),
            Wire::GroupEnd => Err(GROUP),
            Wire::GroupStart if depth >= DEEPEST_GROUP => Err(GROUP),
            Wire::GroupStart => loop {
                let inner = self.key()?.ok_or(GROUP)?;
                if inner.wire == Wire::GroupEnd {
                    return if inner.field == key.field { Ok(()) } else { Err(GROUP) };
                }
                self.skip_at(inner, depth + 1)?;
            },
        }
    }
}

/// The signed number of a `sint32` field.
pub fn sint32(number: u64) -> i32 {
    let n = number as u32;
    (n >> 1) as i32 ^ -((n & 1) as i32)
}

/// The signed number of a `sint64` field.
pub fn sint64(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<u32>, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut found = Vec::new();
        while let Some(key) = reader.key()? {
            reader.skip(key)?;
            found.push(key.field);
        }
        Ok(found)
    }

    #[test]
    fn fields_of_all_types_are_skipped() {
        let bytes =
            [0x08, 0x96, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 2, 9, 9, 0x23, 0x08, 1, 0x24, 0x2d, 1, 2, 3, 4];
        assert_eq!(fields(&bytes), Ok(vec![1, 2, 3, 4, 5]));
        for end in 1..bytes.len() {
            let whole = [3, 12, 16, 20].contains(&end);
            assert_eq!(fields(&bytes[..end]).is_ok(), whole, "{end}");
        }
    }

    #[test]
    fn what_no_encoder_writes_is_an_error() {
        assert_eq!(fields(&[0x00, 0x00]), Err(NO_FIELD));
        assert_eq!(fields(&[0x0e]), Err(NO_TYPE));
        assert_eq!(fields(&[0x24]), Err(GROUP));
        assert_eq!(fields(&[0x23, 0x2c]), Err(GROUP));
        assert_eq!(fields(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]), Err(OVERLONG));
        assert_eq!(fields(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Err(CUT_OFF));
        assert_eq!(fields(&[0x23; 100_000]), Err(GROUP));
    }

    #[test]
    fn signed_numbers_alternate() {
        assert_eq!([0, 1, 2, 3].map(sint32), [0, -1, 1, -2]);
        assert_eq!((sint64(u64::MAX), sint32(u64::from(u32::MAX))), (i64::MIN, i32::MIN));
    }
}

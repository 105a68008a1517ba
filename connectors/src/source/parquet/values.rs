//! Distinct values of one label column: bytes in, small keys out.
//!
//! # State
//! Key 0 means "no label" (null or ""); key k stands for the (k-1)-th list of label pairs: one pair for a string
//! column, any number for a map. Bounded by the number of distinct values in what one worker reads.

use super::columns::LabelColumn;
use crate::source::SourceError;
use bellwether_model::LabelsBuilder;
use bellwether_model::labels::MAX_PART_BYTES;
use std::collections::HashMap;

/// Distinct values of one label column.
pub(crate) struct Values {
    column: LabelColumn,
    keys: HashMap<Box<[u8]>, u32>,
    pairs: Vec<Vec<(String, String)>>,
}

/// Appends one part of a packed map entry.
pub(crate) fn pack(buf: &mut Vec<u8>, part: &[u8]) {
    buf.extend_from_slice(&(part.len() as u32).to_le_bytes());
    buf.extend_from_slice(part);
}

fn unpack(bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some((len, tail)) = rest.split_first_chunk::<4>() {
        let (part, tail) = tail.split_at(u32::from_le_bytes(*len) as usize);
        parts.push(part);
        rest = tail;
    }
    parts
}

impl Values {
    /// No value yet.
    pub(crate) fn new(column: LabelColumn) -> Self {
        Self { column, keys: HashMap::new(), pairs: Vec::new() }
    }

    /// The column.
    pub(crate) fn column(&self) -> &LabelColumn {
        &self.column
    }

    /// Number of distinct values.
    pub(crate) fn count(&self) -> usize {
        self.pairs.len()
    }

    /// The key of a value: the text of a string column, or the packed entries of a map.
    pub(crate) fn key(&mut self, bytes: &[u8]) -> Result<u32, SourceError> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if let Some(key) = self.keys.get(bytes) {
            return Ok(*key);
        }
        let pairs = match &self.column {
            LabelColumn::Text { label, .. } => vec![(label.clone(), self.text(bytes)?)],
            LabelColumn::Map { .. } => unpack(bytes)
                .chunks_exact(2)
                .map(|entry| Ok((self.text(entry[0])?, self.text(entry[1])?)))
                .collect::<Result<_, SourceError>>()?,
        };
        self.pairs.push(pairs);
        let key = u32::try_from(self.pairs.len())
            .map_err(|_| self.error("has more than 4 billion distinct values", "split the input"))?;
        self.keys.insert(bytes.into(), key);
        Ok(key)
    }

    /// Sets the labels that a key stands for.
    pub(crate) fn apply(&self, key: u32, labels: &mut LabelsBuilder) {
        let pairs = key.checked_sub(1).and_then(|i| self.pairs.get(i as usize));
        for (name, value) in pairs.into_iter().flatten() {
            labels.set(name, value);
        }
    }

    fn text(&self, bytes: &[u8]) -> Result<String, SourceError> {
        if bytes.len() > MAX_PART_BYTES {
            return Err(self.error("has a value of more than a million bytes", "shorten it"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| {
            let what = format!("has the value {:?}, which is not UTF-8", String::from_utf8_lossy(bytes));
            self.error(&what, "write the column as UTF-8 text")
        })?;
        Ok(text.to_owned())
    }

    fn error(&self, what: &str, advice: &str) -> SourceError {
        SourceError::invalid(format!("label column '{}'", self.column.name()), format!("it {what}"), advice)
    }
}

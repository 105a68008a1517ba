//! Readers of label columns: pages in, one key a row out.
//!
//! # Semantics
//! A dictionary-encoded chunk is read by its dictionary keys: each distinct value is hashed once a row group, never
//! once a row. Chunks in other encodings, and maps, are read value by value.

use super::columns::LabelColumn;
use super::dictionary::DictionaryPages;
use super::values::{Values, pack};
use crate::source::SourceError;
use parquet::basic::Encoding;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::file::reader::RowGroupReader;

/// Reads one label column of one row group.
pub(crate) enum LabelReader {
    /// By dictionary keys.
    Dictionary(Box<DictionaryPages>),
    /// Value by value.
    Text(Box<TextReader>),
    /// A map.
    Map(Box<MapReader>),
}

/// A string column read value by value.
pub(crate) struct TextReader {
    reader: ColumnReaderImpl<ByteArrayType>,
    levels: Vec<i16>,
    values: Vec<ByteArray>,
    max_def: i16,
}

/// A map column: two string columns with the same levels.
pub(crate) struct MapReader {
    keys: Leaf,
    values: Leaf,
    entry: Vec<u8>,
}

struct Leaf {
    reader: ColumnReaderImpl<ByteArrayType>,
    max_def: i16,
    def: Vec<i16>,
    rep: Vec<i16>,
    bytes: Vec<ByteArray>,
}

/// Why a column can't be read: the file, or a value of it.
pub(crate) enum LabelError {
    /// The file is damaged.
    File(ParquetError),
    /// A value can't be a label's.
    Value(SourceError),
}

impl From<ParquetError> for LabelError {
    fn from(e: ParquetError) -> Self {
        Self::File(e)
    }
}

impl From<SourceError> for LabelError {
    fn from(e: SourceError) -> Self {
        Self::Value(e)
    }
}

pub(crate) fn short(column: &str) -> ParquetError {
    ParquetError::EOF(format!("column '{column}' ends before the row group does"))
}

fn byte_arrays(group: &dyn RowGroupReader, leaf: usize) -> Result<ColumnReaderImpl<ByteArrayType>, ParquetError> {
    match group.get_column_reader(leaf)? {
        ColumnReader::ByteArrayColumnReader(r) => Ok(r),
        _ => Err(ParquetError::General("a label column is not of byte arrays".to_owned())),
    }
}

impl LabelReader {
    /// A reader of the column in a row group.
    pub(crate) fn open(group: &dyn RowGroupReader, column: &LabelColumn) -> Result<Self, ParquetError> {
        match column {
            LabelColumn::Text { leaf, .. } => {
                let chunk = group.metadata().column(*leaf);
                let max_def = chunk.column_descr().max_def_level();
                // Chunks that fell back to plain pages midway still count: their plain pages are read, too.
                let known = |e: Encoding| {
                    #[allow(deprecated)] // Old writers use it for levels.
                    let levels = e == Encoding::BIT_PACKED;
                    levels || matches!(e, Encoding::PLAIN | Encoding::RLE) || is_dictionary(e)
                };
                if max_def <= 1 && chunk.encodings().any(is_dictionary) && chunk.encodings().all(known) {
                    let pages = group.get_column_page_reader(*leaf)?;
                    return Ok(Self::Dictionary(Box::new(DictionaryPages::new(pages, max_def))));
                }
                let reader = byte_arrays(group, *leaf)?;
                Ok(Self::Text(Box::new(TextReader { reader, levels: Vec::new(), values: Vec::new(), max_def })))
            }
            LabelColumn::Map { leaf, .. } => Ok(Self::Map(Box::new(MapReader {
                keys: Leaf::open(group, *leaf)?,
                values: Leaf::open(group, *leaf + 1)?,
                entry: Vec::new(),
            }))),
        }
    }

    /// Reads the keys of the next `rows` rows into `out`.
    pub(crate) fn read(&mut self, rows: usize, values: &mut Values, out: &mut Vec<u32>) -> Result<(), LabelError> {
        out.clear();
        match self {
            Self::Dictionary(pages) => pages.read(rows, values, out),
            Self::Text(reader) => reader.read(rows, values, out),
            Self::Map(reader) => reader.read(rows, values, out),
        }
    }
}

/// Whether an encoding stores dictionary keys.
pub(crate) fn is_dictionary(e: Encoding) -> bool {
    matches!(e, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY)
}

impl TextReader {
    fn read(&mut self, rows: usize, values: &mut Values, out: &mut Vec<u32>) -> Result<(), LabelError> {
        self.levels.clear();
        self.values.clear();
        let (records, _, _) = self.reader.read_records(rows, Some(&mut self.levels), None, &mut self.values)?;
        if records != rows {
            return Err(short(values.column().name()).into());
        }
        let mut texts = self.values.iter();
        for row in 0..rows {
            let present = self.max_def == 0 || self.levels.get(row) == Some(&self.max_def);
            let text = if present { texts.next() } else { None };
            out.push(match text {
                Some(text) => values.key(text.data())?,
                None => 0,
            });
        }
        Ok(())
    }
}

impl Leaf {
    fn open(group: &dyn RowGroupReader, leaf: usize) -> Result<Self, ParquetError> {
        let max_def = group.metadata().column(leaf).column_descr().max_def_level();
        let reader = byte_arrays(group, leaf)?;
        Ok(Self { reader, max_def, def: Vec::new(), rep: Vec::new(), bytes: Vec::new() })
    }

    fn read(&mut self, rows: usize) -> Result<usize, ParquetError> {
        self.def.clear();
        self.rep.clear();
        self.bytes.clear();
        let (def, rep) = (Some(&mut self.def), Some(&mut self.rep));
        Ok(self.reader.read_records(rows, def, rep, &mut self.bytes)?.0)
    }
}

impl MapReader {
    fn read(&mut self, rows: usize, values: &mut Values, out: &mut Vec<u32>) -> Result<(), LabelError> {
        let got = (self.keys.read(rows)?, self.values.read(rows)?);
        if got != (rows, rows) || self.keys.rep != self.values.rep {
            return Err(short(values.column().name()).into());
        }
        let (mut names, mut texts) = (self.keys.bytes.iter(), self.values.bytes.iter());
        for (i, rep) in self.keys.rep.iter().enumerate() {
            if *rep == 0 && i > 0 {
                out.push(values.key(&self.entry)?);
                self.entry.clear();
            }
            let name = if self.keys.def[i] == self.keys.max_def { names.next() } else { None };
            let text = if self.values.def[i] == self.values.max_def { texts.next() } else { None };
            if let (Some(name), Some(text)) = (name, text) {
                pack(&mut self.entry, name.data());
                pack(&mut self.entry, text.data());
            }
        }
        if rows > 0 {
            out.push(values.key(&self.entry)?);
            self.entry.clear();
        }
        Ok(())
    }
}

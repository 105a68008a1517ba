//! The temporary file of a spool: bytes appended, pieces read back.
//!
//! # State
//! Made at the first append, at a path that is this process's; whoever gave the path removes it with its folder.

use crate::source::SourceError;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that grows at its end and is read anywhere.
pub(crate) struct SpillFile {
    path: PathBuf,
    file: Option<File>,
    written: u64,
}

impl SpillFile {
    /// No file yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, file: None, written: 0 }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends bytes; returns where they begin.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<u64, SourceError> {
        let failed = |e| SourceError::io(&self.path, "writing a temporary file", e);
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let made = File::options().create(true).truncate(true).read(true).write(true).open(&self.path);
                none.insert(made.map_err(failed)?)
            }
        };
        let offset = self.written;
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.write_all(bytes)).map_err(failed)?;
        self.written += bytes.len() as u64;
        Ok(offset)
    }

    /// Reads a piece that was appended.
    pub(crate) fn read(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, SourceError> {
        let mut bytes = vec![0; length];
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(offset))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(|e| SourceError::io(&self.path, "reading a temporary file", e))?;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_read_does_not_move_where_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = SpillFile::new(folder.path().join("spill"));
        let a = spill.append(b"one").unwrap();
        assert_eq!(spill.read(a, 3).unwrap(), b"one");
        let b = spill.append(b"three").unwrap();
        assert_eq!((spill.read(a, 3).unwrap(), spill.read(b, 5).unwrap()), (b"one".to_vec(), b"three".to_vec()));
        assert!(spill.read(b, 6).is_err(), "past the end");
    }
}

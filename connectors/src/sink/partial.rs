//! Files that are whole or not there: bytes in, a file under its name at the end.
//!
//! # Semantics
//! `DIR/NAME` is written as `DIR/.NAME.partial`, brought to disk, renamed, and the folder brought to disk. Dropped
//! before that, the partial file is removed; one that a killed run left is written over by the next run.
//!
//! # Limits
//! Two runs that write one name at the same time write one partial file.

use super::SinkError;
use std::fs::{self, File};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

/// What to do about an output that exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfExists {
    /// Refuse to begin.
    #[default]
    Refuse,
    /// Replace it at the end.
    Replace,
}

/// Bytes that become an output by being completed.
pub trait Output: Write + Send {
    /// Makes the output whole.
    fn complete(&mut self) -> io::Result<()>;
}

impl Output for Stdout {
    fn complete(&mut self) -> io::Result<()> {
        self.flush()
    }
}

impl Output for Vec<u8> {
    fn complete(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that appears under its name when it is completed.
#[derive(Debug)]
pub struct PartialFile {
    path: PathBuf,
    partial: PathBuf,
    if_exists: IfExists,
    file: Option<BufWriter<File>>,
}

impl PartialFile {
    /// Begins a file.
    pub fn create(path: &Path, if_exists: IfExists) -> Result<Self, SinkError> {
        if if_exists == IfExists::Refuse && fs::symlink_metadata(path).is_ok() {
            return Err(SinkError::Exists { path: path.display().to_string() });
        }
        // Renaming over `/dev/null` would replace the device for everybody.
        if fs::symlink_metadata(path).is_ok_and(|m| !(m.is_file() || m.is_symlink() || m.is_dir())) {
            let what = io::Error::new(io::ErrorKind::InvalidInput, "it is a device or a pipe, not a file");
            return Err(SinkError::io(path.display(), "creating", what));
        }
        let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
            return Err(SinkError::io(path.display(), "creating", io::Error::from(io::ErrorKind::IsADirectory)));
        };
        let partial = path.with_file_name(format!(".{}.partial", name.to_string_lossy()));
        let file = File::create(&partial).map_err(|e| SinkError::io(path.display(), "creating", e))?;
        let file = Some(BufWriter::with_capacity(1 << 16, file));
        Ok(Self { path: path.to_owned(), partial, if_exists, file })
    }

    fn open(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.file.as_mut().ok_or_else(|| io::Error::other("the file is complete"))
    }

    fn rename(&self) -> io::Result<()> {
        if self.if_exists == IfExists::Refuse && fs::symlink_metadata(&self.path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "somebody made a file of this name meanwhile"));
        }
        fs::rename(&self.partial, &self.path)?;
        let parent = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()
    }
}

impl Write for PartialFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.open()?.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}

impl Output for PartialFile {
    fn complete(&mut self) -> io::Result<()> {
        self.open()?.flush()?;
        self.open()?.get_ref().sync_all()?;
        self.rename()?;
        self.file = None;
        Ok(())
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // Not flushed: what it holds goes away with the file.
            drop(file.into_parts());
            let _ = fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.txt");
        let names = || fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
        let mut file = PartialFile::create(&path, IfExists::Refuse).unwrap();
        file.write_all(b"one").unwrap();
        assert_eq!(names(), [".out.txt.partial"]);
        drop(file);
        assert!(names().is_empty());
        let mut file = PartialFile::create(&path, IfExists::Refuse).unwrap();
        file.write_all(b"two").unwrap();
        file.complete().unwrap();
        assert_eq!(names(), ["out.txt"]);
        assert!(matches!(PartialFile::create(&path, IfExists::Refuse), Err(SinkError::Exists { .. })));
        let mut file = PartialFile::create(&path, IfExists::Replace).unwrap();
        file.write_all(b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        file.complete().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
    }

    #[test]
    fn a_file_that_came_meanwhile_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.txt");
        let mut file = PartialFile::create(&path, IfExists::Refuse).unwrap();
        fs::write(&path, "other").unwrap();
        assert_eq!(file.complete().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"other");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(PartialFile::create(dir.path(), IfExists::Replace).is_err());
    }
}

//! The series file: which label set each number stands for.
//!
//! ```text
//! "BWLS"  first number u32  length u32  hash u64   for each label set: length u32, packed labels
//! ```
//!
//! # Semantics
//! A batch for each commit that brings new series, on disk before the frame that uses their numbers; its hash covers the
//! first number too, so a batch is valid only where it stands. There is never more than one batch that is not on disk: so
//! an invalid one is a torn end, which is cut, unless a valid one follows. No frame on disk uses numbers of a torn batch.

use super::LogError;
use crate::disk::{Disk, DiskFile, read_whole};
use crate::source::intake::Dictionary;
use bellwether_model::{Labels, hash64};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 4] = *b"BWLS";

/// Magic, first number, length, hash.
const HEADER: usize = 20;

/// The open file.
pub struct SeriesFile {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    written: u32,
    buffer: Vec<u8>,
}

/// The name of the file.
pub const NAME: &str = "series";

impl SeriesFile {
    /// Opens or makes the file of a folder; the dictionary learns what it holds. Also says how many bytes were cut off.
    pub fn open(disk: &dyn Disk, folder: &Path, dictionary: &Dictionary) -> Result<(Self, u64), LogError> {
        let path = folder.join(NAME);
        if !disk.list(folder).map_err(|e| LogError::io(folder, "listing", e))?.iter().any(|n| n == NAME) {
            let file = disk.create(&path).map_err(|e| LogError::io(&path, "making", e))?;
            disk.sync_folder(folder).map_err(|e| LogError::io(folder, "syncing", e))?;
            return Ok((Self { path, file, written: 0, buffer: Vec::new() }, 0));
        }
        let (at, cut) = Self::read(disk, folder, dictionary)?;
        let file = disk.reopen(&path, at).map_err(|e| LogError::io(&path, "opening", e))?;
        Ok((Self { path, file, written: dictionary.len() as u32, buffer: Vec::new() }, cut))
    }

    /// Tells a dictionary what the file of a folder holds, and changes nothing. Gives the bytes of its whole batches and of what
    /// a crash left behind them.
    pub fn read(disk: &dyn Disk, folder: &Path, dictionary: &Dictionary) -> Result<(u64, u64), LogError> {
        let path = folder.join(NAME);
        let bytes = read_whole(disk, &path).map_err(|e| LogError::io(&path, "reading", e))?;
        let mut at = 0usize;
        while let Some((labels, length)) = batch(&bytes[at..], Some(dictionary.len() as u32)) {
            if !labels.iter().all(|l| dictionary.define(l).1) {
                return Err(LogError::Damaged { path: path.display().to_string(), at: at as u64 });
            }
            at += length;
        }
        let mut starts = bytes[at..].windows(4).enumerate().filter(|(i, w)| *i > 0 && *w == MAGIC);
        if starts.any(|(i, _)| batch(&bytes[at + i..], None).is_some()) {
            return Err(LogError::Damaged { path: path.display().to_string(), at: at as u64 });
        }
        Ok((at as u64, (bytes.len() - at) as u64))
    }

    /// Brings every series of the dictionary to disk that is not there yet.
    pub fn keep_up(&mut self, dictionary: &Dictionary) -> Result<u64, LogError> {
        let known = dictionary.len() as u32;
        if known == self.written {
            return Ok(0);
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(&[0; HEADER]);
        for labels in (self.written..known).filter_map(|number| dictionary.labels(number)) {
            let packed = labels.packed().as_bytes();
            self.buffer.extend_from_slice(&(packed.len() as u32).to_le_bytes());
            self.buffer.extend_from_slice(packed);
        }
        let length = u32::try_from(self.buffer.len() - HEADER).map_err(|_| LogError::TooLarge)?;
        let hash = hash64(&[&self.written.to_le_bytes(), &self.buffer[HEADER..]]);
        let header = &mut self.buffer[..HEADER];
        header[..4].copy_from_slice(&MAGIC);
        header[4..8].copy_from_slice(&self.written.to_le_bytes());
        header[8..12].copy_from_slice(&length.to_le_bytes());
        header[12..].copy_from_slice(&hash.to_le_bytes());
        self.file.append(&self.buffer).map_err(|e| LogError::io(&self.path, "writing", e))?;
        self.file.sync().map_err(|e| LogError::io(&self.path, "syncing", e))?;
        self.written = known;
        Ok(self.buffer.len() as u64)
    }
}

/// The label sets of the batch at the beginning of these bytes, and its length; `first` is the number it must begin with,
/// if that is known.
fn batch(bytes: &[u8], first: Option<u32>) -> Option<(Vec<Labels>, usize)> {
    let (magic, rest) = bytes.split_first_chunk::<4>()?;
    let (number, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (hash, rest) = rest.split_first_chunk::<8>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let mut body = rest.get(..length)?;
    if *magic != MAGIC || first.is_some_and(|first| first != u32::from_le_bytes(*number)) {
        return None;
    }
    if hash64(&[number, body]) != u64::from_le_bytes(*hash) {
        return None;
    }
    let mut all = Vec::new();
    while !body.is_empty() {
        let (n, rest) = body.split_first_chunk::<4>()?;
        let (packed, rest) = rest.split_at_checked(u32::from_le_bytes(*n) as usize)?;
        all.push(Labels::from_packed(std::str::from_utf8(packed).ok()?)?);
        body = rest;
    }
    Some((all, HEADER + length))
}

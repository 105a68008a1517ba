//! Segments: files of frames, and what is known of each without reading it again.

use super::LogError;
use super::frame::{Frame, FrameError, HEADER, announced, decode, holds_later_frame};
use crate::disk::Disk;
use bellwether_model::hash64;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Version of the bytes. Raise it when frames change.
pub const VERSION: u32 = 1;

/// What a segment begins with, before version and hash of both: a torn prefix is not taken for another version's.
const PREFIX: [u8; 4] = *b"BWLG";

/// Bytes before the first frame.
pub const PREFIX_BYTES: u64 = 16;

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// Number of its first frame.
    pub first: u64,
    /// Frames in it.
    pub frames: u64,
    /// Bytes of the prefix and of whole frames.
    pub bytes: u64,
    /// The epoch to which the rows of its last frame belong.
    pub last_epoch: u64,
    /// Oldest stamp in it, ms; `i64::MAX` without samples.
    pub oldest_ms: i64,
    /// Newest stamp in it, ms; `i64::MIN` without samples.
    pub newest_ms: i64,
}

impl Segment {
    /// An empty one.
    pub fn new(folder: &Path, first: u64) -> Self {
        let path = folder.join(format!("{first:016x}.seg"));
        let (oldest_ms, newest_ms) = (i64::MAX, i64::MIN);
        Self { path, first, frames: 0, bytes: PREFIX_BYTES, last_epoch: 0, oldest_ms, newest_ms }
    }

    /// The number that a file's name says.
    pub fn number(name: &str) -> Option<u64> {
        u64::from_str_radix(name.strip_suffix(".seg")?, 16).ok()
    }

    /// What follows its last frame.
    pub fn next(&self) -> u64 {
        self.first + self.frames
    }

    /// Counts a frame; `next_epoch` is the epoch that comes after the last binding before it.
    pub fn count(&mut self, frame: &Frame, bytes: u64, next_epoch: u64) {
        self.frames += 1;
        self.bytes += bytes;
        self.last_epoch = frame.bind.as_ref().map_or(next_epoch, |b| b.epoch);
        (self.oldest_ms, self.newest_ms) = frame
            .rows
            .all_stamps()
            .fold((self.oldest_ms, self.newest_ms), |(oldest, newest), t| (oldest.min(t), newest.max(t)));
    }
}

/// The bytes that a segment begins with.
pub fn prefix() -> Vec<u8> {
    let mut bytes = [PREFIX.as_slice(), VERSION.to_le_bytes().as_slice()].concat();
    bytes.extend_from_slice(&hash64(&[&bytes]).to_le_bytes());
    bytes
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With its last frame.
    Whole,
    /// With bytes that are no frame and that no frame follows: their count.
    Torn(u64),
}

/// Frames of one segment, in order.
pub struct Frames {
    path: PathBuf,
    input: BufReader<Box<dyn Read + Send>>,
    next: u64,
    at: u64,
    payload: Vec<u8>,
    end: Option<End>,
}

impl Frames {
    /// Opens a segment. A file that ends in its prefix has no frames.
    pub fn open(disk: &dyn Disk, path: &Path, first: u64) -> Result<Self, LogError> {
        let input = disk.read(path).map_err(|e| LogError::io(path, "opening", e))?;
        let mut input = BufReader::with_capacity(1 << 20, input);
        let mut head = [0; PREFIX_BYTES as usize];
        let got = fill(&mut input, &mut head).map_err(|e| LogError::io(path, "reading", e))?;
        let mut me = Self { path: path.to_owned(), input, next: first, at: 0, payload: Vec::new(), end: None };
        if got < head.len() || head[..4] != PREFIX || hash64(&[&head[..8]]).to_le_bytes() != head[8..] {
            me.end = Some(me.damage(&head[..got], first)?);
            return Ok(me);
        }
        let found = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if found != VERSION {
            return Err(LogError::Version { path: path.display().to_string(), found });
        }
        me.at = PREFIX_BYTES;
        Ok(me)
    }

    /// How it ended, once [`Frames::next`] gave `None`.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Bytes up to the end of the last whole frame.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// The next frame and its length in bytes.
    pub fn next(&mut self) -> Result<Option<(Frame, u64)>, LogError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let mut header = [0; HEADER];
        let got = fill(&mut self.input, &mut header).map_err(|e| LogError::io(&self.path, "reading", e))?;
        if got == 0 {
            self.end = Some(End::Whole);
            return Ok(None);
        }
        let length = if got < HEADER { Err(FrameError::Short) } else { announced(&header, self.next) };
        self.payload.clear();
        let frame = match length {
            Ok(length) => {
                let mut limited = (&mut self.input).take(length as u64);
                let read =
                    limited.read_to_end(&mut self.payload).map_err(|e| LogError::io(&self.path, "reading", e))?;
                if read < length { Err(FrameError::Short) } else { decode(&header, &self.payload) }
            }
            Err(e) => Err(e),
        };
        match frame {
            Ok(frame) => {
                let bytes = (HEADER + self.payload.len()) as u64;
                self.next += 1;
                self.at += bytes;
                Ok(Some((frame, bytes)))
            }
            Err(_) => {
                let read = [&header[..got], &self.payload].concat();
                self.end = Some(self.damage(&read, self.next)?);
                Ok(None)
            }
        }
    }

    /// What stands from here on is no frame: torn off by a crash, or damaged.
    fn damage(&mut self, read: &[u8], number: u64) -> Result<End, LogError> {
        let mut bytes = read.to_vec();
        self.input.read_to_end(&mut bytes).map_err(|e| LogError::io(&self.path, "reading", e))?;
        if holds_later_frame(&bytes, number) {
            return Err(LogError::Damaged { path: self.path.display().to_string(), at: self.at });
        }
        Ok(End::Torn(bytes.len() as u64))
    }
}

/// Reads until the buffer is full or the input ends; says how much there was.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match input.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

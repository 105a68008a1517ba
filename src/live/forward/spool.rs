//! The spool: samples of epochs in, on disk until every receiver has them.
//!
//! # Semantics
//! Segments of frames, one behind the other; a place in it is the number of bytes of frames before, for as long as the spool
//! lives. The ledger's thread appends an epoch once its decisions are on disk, and syncs before each checkpoint: what a crash
//! takes, a replay gives again, and frames that are there already are not written twice. A segment goes once every receiver has
//! it; beyond the bound the oldest goes in any case, and what receivers did not have of it is counted as dropped.
//!
//! # State
//! At most `most_bytes` on disk, and a segment.

use super::frame::{self, Key};
use super::place::{Progress, Shared, State};
use crate::live::error::LiveError;
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::disk::{Disk, DiskFile, read_whole};
use bellwether_model::hash64;
use bellwether_operators::evaluate::WrittenSample;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a segment begins with: its version.
const MAGIC: &[u8; 8] = b"BWSPOOL1";

/// Bytes of a segment's head: magic, place, samples before, key of the frame before, checksum.
pub(super) const HEAD: usize = 44;

/// The ending of segments.
const ENDING: &str = ".spool";

/// Bytes of a segment at most, and the share of the bound that it may be.
const SEGMENT_BYTES: u64 = 4 << 20;

/// A segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Bytes of frames before it.
    pub first: u64,
    /// Samples before it.
    pub before: u64,
}

/// The end that is written.
pub(in crate::live) struct Spool {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    shared: Arc<Shared>,
    file: Box<dyn DiskFile>,
    last: Option<Key>,
    dirty: bool,
    most_bytes: u64,
}

/// The file of a segment.
pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:016x}{ENDING}"))
}

fn head(segment: Segment, last: Option<Key>) -> Vec<u8> {
    let (epoch, part) = last.map_or((0, 0), |(epoch, part)| (epoch, part + 1));
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&segment.first.to_le_bytes());
    out.extend_from_slice(&segment.before.to_le_bytes());
    out.extend_from_slice(&epoch.to_le_bytes());
    // One more than its number, so that 0 says that there is none.
    out.extend_from_slice(&part.to_le_bytes());
    let check = hash64(&[&out]);
    out.extend_from_slice(&check.to_le_bytes());
    out
}

/// Reads a segment's head back, if it is whole.
fn read_head(bytes: &[u8]) -> Option<(Segment, Option<Key>)> {
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let part = u32::from_le_bytes(bytes.get(32..36)?.try_into().ok()?);
    let segment = Segment { first: number(8)?, before: number(16)? };
    let last = part.checked_sub(1).map(|part| number(24).map(|epoch| (epoch, part)));
    let last = last.flatten();
    (bytes.get(..HEAD)? == head(segment, last)).then_some((segment, last))
}

/// What was found of the newest segment.
struct Newest {
    segment: Segment,
    last: Option<Key>,
    /// Bytes and samples of its frames.
    bytes: u64,
    samples: u64,
}

fn scan(bytes: &[u8]) -> Option<Newest> {
    let (segment, mut last) = read_head(bytes)?;
    let (mut at, mut samples) = (HEAD, 0);
    while let Some(found) = bytes.get(at..).and_then(frame::find) {
        at += found.length;
        samples += u64::from(found.head.samples);
        last = Some(found.head.key);
    }
    Some(Newest { segment, last, bytes: (at - HEAD) as u64, samples })
}

impl Spool {
    /// Opens the spool of a folder for these receivers, who say how far they are.
    pub fn open(
        disk: &Arc<dyn Disk>,
        folder: &Path,
        most_bytes: u64,
        receivers: Vec<Progress>,
    ) -> Result<(Self, Arc<Shared>), LiveError> {
        let io = |doing| move |e| LiveError::io(folder, doing, e);
        let names = disk.list(folder).map_err(io("listing"))?;
        let firsts = names.iter().filter_map(|n| u64::from_str_radix(n.strip_suffix(ENDING)?, 16).ok());
        let mut firsts: Vec<u64> = firsts.collect();
        firsts.sort_unstable();
        let mut newest = None;
        while newest.is_none()
            && let Some(first) = firsts.last()
        {
            let at = path(folder, *first);
            let bytes = read_whole(disk.as_ref(), &at).map_err(|e| LiveError::io(&at, "reading", e))?;
            newest = scan(&bytes);
            if newest.is_none() {
                // Its head was being written: it holds nothing.
                disk.remove(&at).map_err(|e| LiveError::io(&at, "removing", e))?;
                firsts.pop();
            }
        }
        let (newest, file) = match newest {
            Some(newest) => {
                let at = path(folder, newest.segment.first);
                let file = disk.reopen(&at, HEAD as u64 + newest.bytes);
                (newest, file.map_err(|e| LiveError::io(&at, "opening", e))?)
            }
            None => {
                // Receivers may be further than a folder that lost its segments.
                let known = || receivers.iter().filter(|r| r.at < u64::MAX);
                let first = known().map(|r| r.at).max().unwrap_or(0);
                let before = known().map(|r| r.samples).max().unwrap_or(0);
                let segment = Segment { first, before };
                let file = begin(disk.as_ref(), folder, segment, None)?;
                firsts.push(first);
                (Newest { segment, last: None, bytes: 0, samples: 0 }, file)
            }
        };
        let mut segments = Vec::with_capacity(firsts.len());
        for first in firsts.iter().filter(|first| **first != newest.segment.first) {
            let at = path(folder, *first);
            let mut bytes = Vec::new();
            let read = disk.read(&at).and_then(|file| file.take(HEAD as u64).read_to_end(&mut bytes));
            read.map_err(|e| LiveError::io(&at, "reading", e))?;
            let found = read_head(&bytes).map(|(segment, _)| segment).filter(|s| s.first == *first);
            let what = "has no head: move it away, what it holds is not sent then".to_owned();
            segments.push(found.ok_or(LiveError::Format { path: at.display().to_string(), what })?);
        }
        segments.push(newest.segment);
        let end = (newest.segment.first + newest.bytes, newest.segment.before + newest.samples);
        let shared = Arc::new(Shared::new(State::new(segments, end, receivers)));
        let (disk, folder) = (disk.clone(), folder.to_owned());
        let spool = Self { disk, folder, shared: shared.clone(), file, last: newest.last, dirty: true, most_bytes };
        Ok((spool, shared))
    }

    /// Takes an epoch's samples, those that are not there yet.
    pub fn append(&mut self, epoch: u64, samples: &[WrittenSample]) -> Result<(), LiveError> {
        for (part, samples) in frame::parts(samples).into_iter().enumerate() {
            let key = (epoch, part as u32);
            if self.last.is_some_and(|last| key <= last) {
                continue;
            }
            let (segment, end, before) = self.shared.with(|s| (s.newest(), s.end, s.samples));
            if end - segment.first >= self.segment_bytes() {
                self.rotate(Segment { first: end, before })?;
            }
            let what = || "an epoch's samples do not fit into a frame".to_owned();
            let wrong = || LiveError::Format { path: self.folder.display().to_string(), what: what() };
            let bytes = frame::encode(key, before, samples).ok_or_else(wrong)?;
            self.file.append(&bytes).map_err(|e| LiveError::io(&self.folder, "writing", e))?;
            (self.last, self.dirty) = (Some(key), true);
            let first_ms = samples.first().map_or(0, |s| s.stamp_ms);
            self.shared.with(|state| state.grow(bytes.len() as u64, samples.len() as u64, first_ms));
            self.shared.wake();
        }
        crash_point("forward.appended");
        Ok(())
    }

    fn segment_bytes(&self) -> u64 {
        (self.most_bytes / 8).clamp(1, SEGMENT_BYTES)
    }

    /// Brings everything to disk; segments that nobody needs go.
    pub fn sync(&mut self) -> Result<(), LiveError> {
        if std::mem::take(&mut self.dirty) {
            self.file.sync().map_err(|e| LiveError::io(&self.folder, "syncing", e))?;
        }
        self.collect()
    }

    fn rotate(&mut self, next: Segment) -> Result<(), LiveError> {
        // Only the newest segment may be torn.
        self.file.sync().map_err(|e| LiveError::io(&self.folder, "syncing", e))?;
        self.file = begin(self.disk.as_ref(), &self.folder, next, self.last)?;
        self.shared.with(|state| state.segments.push(next));
        self.collect()
    }

    /// Removes segments that every receiver has, and the oldest beyond the bound.
    fn collect(&mut self) -> Result<(), LiveError> {
        for segment in self.shared.with(|state| state.collect(self.most_bytes)) {
            let at = path(&self.folder, segment.first);
            self.disk.remove(&at).map_err(|e| LiveError::io(&at, "removing", e))?;
        }
        Ok(())
    }
}

/// Begins a segment, on disk once this comes back.
fn begin(disk: &dyn Disk, folder: &Path, segment: Segment, last: Option<Key>) -> Result<Box<dyn DiskFile>, LiveError> {
    let at = &path(folder, segment.first);
    let io = |doing| move |e| LiveError::io(at, doing, e);
    let mut file = disk.create(at).map_err(io("making"))?;
    file.append(&head(segment, last)).map_err(io("writing"))?;
    file.sync().map_err(io("syncing"))?;
    disk.sync_folder(folder).map_err(|e| LiveError::io(folder, "syncing", e))?;
    Ok(file)
}

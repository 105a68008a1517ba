//! The one writer of a log: opens it, cuts a torn end, appends frames, drops what nobody needs.

use super::frame::{Bind, Frame, encode};
use super::reader::LogReader;
use super::scan::{Scanned, scan};
use super::segment::{Segment, prefix};
use super::series::SeriesFile;
use super::view::LogView;
use super::{FrameError, LogError};
use crate::crash::crash_point;
use crate::disk::{Disk, DiskFile};
use crate::source::intake::{Dictionary, Rows};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSpec {
    /// A segment with as many bytes is full.
    pub segment_bytes: u64,
}

impl Default for LogSpec {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20 }
    }
}

/// A log, open for writing.
pub struct Log {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    spec: LogSpec,
    series: SeriesFile,
    segments: Vec<Segment>,
    /// The file behind the last segment.
    file: Box<dyn DiskFile>,
    next_epoch: u64,
    broken: bool,
    buffer: Vec<u8>,
    frame: Frame,
    bytes: u64,
    /// Stamps from here on are in no segment that has gone, ms.
    whole_from_ms: i64,
    view: LogView,
}

/// What opening found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Bytes that a crash had left in the middle of a frame; cut off.
    pub torn_bytes: u64,
    /// The last epoch that is bound; 0 without one.
    pub last_epoch: u64,
    /// Frames behind the last binding.
    pub unbound_frames: u64,
}

impl Log {
    /// Opens the log of a folder, or makes it. The dictionary must be new: its numbers become those of the log.
    pub fn open(
        disk: &Arc<dyn Disk>,
        folder: &Path,
        spec: LogSpec,
        dictionary: &Dictionary,
    ) -> Result<(Self, Opened), LogError> {
        disk.make_folder(folder).map_err(|e| LogError::io(folder, "making", e))?;
        let (series, mut torn_bytes) = SeriesFile::open(disk.as_ref(), folder, dictionary)?;
        let scanned = scan(disk.as_ref(), folder)?;
        torn_bytes += scanned.torn_bytes;
        let Scanned { mut segments, last_epoch, unbound_frames, .. } = scanned;
        let next_epoch = last_epoch + 1;
        let file = Self::last_file(disk.as_ref(), folder, &mut segments)?;
        let (frame, buffer) = (Frame::default(), Vec::new());
        let bytes = segments.iter().map(|s| s.bytes).sum();
        let (disk, folder) = (Arc::clone(disk), folder.to_owned());
        let view = LogView::new(Arc::clone(&disk));
        let (broken, whole_from_ms) = (false, i64::MIN);
        view.follow(&segments, whole_from_ms);
        let log = Self {
            disk,
            folder,
            spec,
            series,
            segments,
            file,
            next_epoch,
            broken,
            buffer,
            frame,
            bytes,
            whole_from_ms,
            view,
        };
        Ok((log, Opened { torn_bytes, last_epoch, unbound_frames }))
    }

    /// The file to append to: that of the last segment, its torn end cut; a new one where there is none.
    fn last_file(disk: &dyn Disk, folder: &Path, segments: &mut Vec<Segment>) -> Result<Box<dyn DiskFile>, LogError> {
        match segments.last() {
            Some(last) if last.frames > 0 => {
                let mut file =
                    disk.reopen(&last.path, last.bytes).map_err(|e| LogError::io(&last.path, "opening", e))?;
                file.sync().map_err(|e| LogError::io(&last.path, "syncing", e))?;
                Ok(file)
            }
            // Its prefix may be torn too.
            Some(last) => {
                let first = last.first;
                disk.remove(&last.path).map_err(|e| LogError::io(&last.path, "removing", e))?;
                segments.pop();
                Self::begin(disk, folder, segments, first)
            }
            None => Self::begin(disk, folder, segments, 1),
        }
    }

    fn begin(
        disk: &dyn Disk,
        folder: &Path,
        segments: &mut Vec<Segment>,
        first: u64,
    ) -> Result<Box<dyn DiskFile>, LogError> {
        let segment = Segment::new(folder, first);
        let mut file = disk.create(&segment.path).map_err(|e| LogError::io(&segment.path, "making", e))?;
        file.append(&prefix()).map_err(|e| LogError::io(&segment.path, "writing", e))?;
        file.sync().map_err(|e| LogError::io(&segment.path, "syncing", e))?;
        disk.sync_folder(folder).map_err(|e| LogError::io(folder, "syncing", e))?;
        segments.push(segment);
        Ok(file)
    }

    /// Writes rows, and the binding that covers them if there is one, and brings them to disk. The rows come back.
    pub fn commit(&mut self, rows: Rows, bind: Option<Bind>, dictionary: &Dictionary) -> Result<Rows, LogError> {
        if self.broken {
            return Err(LogError::Broken);
        }
        // Whatever fails from here on may have left anything on disk; a restart sorts it out.
        self.broken = true;
        self.series.keep_up(dictionary)?;
        crash_point("log.series");
        if self.segments.last().is_none_or(|s| s.frames > 0 && s.bytes >= self.spec.segment_bytes) {
            let first = self.segments.last().map_or(1, Segment::next);
            self.file = Self::begin(self.disk.as_ref(), &self.folder, &mut self.segments, first)?;
            crash_point("log.rotated");
        }
        let Some(segment) = self.segments.last_mut() else { return Err(LogError::Broken) };
        self.frame.rows = rows;
        self.frame.bind = bind;
        self.buffer.clear();
        encode(&self.frame, segment.next(), &mut self.buffer).map_err(|_: FrameError| LogError::TooLarge)?;
        self.file.append(&self.buffer).map_err(|e| LogError::io(&segment.path, "writing", e))?;
        crash_point("log.before-sync");
        self.file.sync().map_err(|e| LogError::io(&segment.path, "syncing", e))?;
        crash_point("log.after-sync");
        segment.count(&self.frame, self.buffer.len() as u64, self.next_epoch);
        self.bytes += self.buffer.len() as u64;
        if let Some(bind) = &self.frame.bind {
            self.next_epoch = bind.epoch + 1;
        }
        self.broken = false;
        self.view.follow(&self.segments, self.whole_from_ms);
        Ok(std::mem::take(&mut self.frame.rows))
    }

    /// Reads the log as it is now, from its beginning; segments without what `wants` are left out.
    pub fn reader(&self, wants: impl Fn(&Segment) -> bool) -> LogReader {
        LogReader::new(Arc::clone(&self.disk), self.segments.iter().filter(|s| wants(s)).cloned().collect())
    }

    /// Removes segments whose epochs are at most `epoch` and whose stamps are older than `before_ms`; from the beginning
    /// on, and never the last. Gives how many went.
    pub fn collect(&mut self, epoch: u64, before_ms: i64) -> Result<usize, LogError> {
        let goes = |s: &Segment| s.last_epoch <= epoch && s.newest_ms < before_ms;
        let n = self.segments.iter().take(self.segments.len().saturating_sub(1)).take_while(|s| goes(s)).count();
        for segment in self.segments.drain(..n) {
            self.disk.remove(&segment.path).map_err(|e| LogError::io(&segment.path, "removing", e))?;
            self.bytes -= segment.bytes.min(self.bytes);
            self.whole_from_ms = self.whole_from_ms.max(segment.newest_ms.saturating_add(1));
            crash_point("log.collected");
        }
        self.view.follow(&self.segments, self.whole_from_ms);
        Ok(n)
    }

    /// Stamps from here on are in the log, whichever segments have gone, ms; `i64::MIN` where none has.
    pub fn whole_from_ms(&self) -> i64 {
        self.whole_from_ms
    }

    /// Says what had gone when the log was opened, which its segments do not tell; nothing had, where the first one is there.
    pub fn begins_with(&mut self, whole_from_ms: i64) {
        if self.segments.first().is_some_and(|s| s.first > 1) {
            self.whole_from_ms = whole_from_ms;
            self.view.follow(&self.segments, whole_from_ms);
        }
    }

    /// What readers on other threads see: the log as of its last commit.
    pub fn view(&self) -> LogView {
        self.view.clone()
    }

    /// Its segments, oldest first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

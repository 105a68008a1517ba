//! A log as others than its writer see it: the segments as of the last commit.
//!
//! # Semantics
//! Whatever a reader made here gives is on disk. Segments may go while it reads; then it fails with
//! [`LogError::Io`](super::LogError::Io), and a new one begins behind them.
//!
//! # State
//! A copy of the segments' figures, brought up to date by each commit: one entry is written anew, whatever the log's length.

use super::LogError;
use super::reader::LogReader;
use super::segment::Segment;
use crate::disk::Disk;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The view; cloning shares it.
#[derive(Clone)]
pub struct LogView {
    disk: Arc<dyn Disk>,
    known: Arc<Mutex<Known>>,
}

/// What the writer has told.
struct Known {
    segments: Vec<Segment>,
    whole_from_ms: i64,
}

impl LogView {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, known: Arc::new(Mutex::new(Known { segments: Vec::new(), whole_from_ms: i64::MIN })) }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what the writer has: fewer at the beginning, more at the end, and the last that was known may have grown.
    pub(super) fn follow(&self, now: &[Segment], whole_from_ms: i64) {
        let mut guard = self.lock();
        guard.whole_from_ms = whole_from_ms;
        let known = &mut guard.segments;
        let first = now.first().map_or(u64::MAX, |s| s.first);
        let gone = known.iter().take_while(|s| s.first < first).count();
        known.drain(..gone);
        known.pop();
        let at = known.len().min(now.len());
        known.extend_from_slice(&now[at..]);
    }

    /// The segments, oldest first.
    pub fn segments(&self) -> Vec<Segment> {
        self.lock().segments.clone()
    }

    /// Stamps from here on are in the log, whichever segments have gone, ms; `i64::MIN` where none has.
    pub fn whole_from_ms(&self) -> i64 {
        self.lock().whole_from_ms
    }

    /// Reads the log from a frame on, without segments that end before it.
    pub fn reader_from(&self, position: u64) -> Result<LogReader, LogError> {
        let mut reader = self.reader(self.segments());
        reader.skip_to(position)?;
        Ok(reader)
    }

    /// Reads some of the segments, in the order given.
    pub fn reader(&self, segments: impl IntoIterator<Item = Segment>) -> LogReader {
        LogReader::new(Arc::clone(&self.disk), segments.into_iter().collect())
    }
}

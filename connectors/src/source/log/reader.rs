//! Reads a log's frames in order.

use super::frame::Frame;
use super::segment::{Frames, Segment};
use super::{LogError, segment};
use crate::disk::Disk;
use std::collections::VecDeque;
use std::sync::Arc;

/// Frames of some segments, as they were when it was made.
pub struct LogReader {
    disk: Arc<dyn Disk>,
    all: Arc<[Segment]>,
    segments: VecDeque<Segment>,
    open: Option<(Frames, u64)>,
    /// Number of the next frame.
    next: u64,
}

impl LogReader {
    pub(super) fn new(disk: Arc<dyn Disk>, segments: VecDeque<Segment>) -> Self {
        let next = segments.front().map_or(1, |s| s.first);
        Self { disk, all: segments.iter().cloned().collect(), segments, open: None, next }
    }

    /// Another reader of what this one was made for, from the beginning.
    pub fn again(&self) -> Self {
        Self::new(Arc::clone(&self.disk), self.all.iter().cloned().collect())
    }

    /// Number of the next frame.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Goes on to a frame that is not behind yet.
    pub fn skip_to(&mut self, position: u64) -> Result<(), LogError> {
        if self.open.is_none() {
            while self.segments.front().is_some_and(|s| s.first + s.frames <= position) {
                self.segments.pop_front();
            }
            self.next = self.segments.front().map_or(position, |s| s.first);
        }
        while self.next < position && self.read()?.is_some() {}
        Ok(())
    }

    /// The next frame; `None` at the end of what was there when the reader was made.
    pub fn read(&mut self) -> Result<Option<Frame>, LogError> {
        loop {
            if let Some((frames, left)) = &mut self.open
                && *left > 0
            {
                let path = || self.segments.front().map_or(String::new(), |s| s.path.display().to_string());
                *left -= 1;
                let Some((frame, _)) = frames.next()? else {
                    return Err(LogError::Damaged { path: path(), at: frames.position() });
                };
                self.next += 1;
                return Ok(Some(frame));
            }
            if self.open.take().is_some() {
                self.segments.pop_front();
            }
            let Some(segment) = self.segments.front() else { return Ok(None) };
            self.open =
                Some((segment::Frames::open(self.disk.as_ref(), &segment.path, segment.first)?, segment.frames));
        }
    }
}

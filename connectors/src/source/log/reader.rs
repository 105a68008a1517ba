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
    segments: VecDeque<Segment>,
    open: Option<(Frames, u64)>,
}

impl LogReader {
    pub(super) fn new(disk: Arc<dyn Disk>, segments: VecDeque<Segment>) -> Self {
        Self { disk, segments, open: None }
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

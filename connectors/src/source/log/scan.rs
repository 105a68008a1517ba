//! What a folder's segments hold, found by reading them: for the writer that goes on, and for readers that only look.

use super::reader::LogReader;
use super::segment::{End, Frames, Segment};
use super::series::SeriesFile;
use super::{LogError, Opened};
use crate::disk::Disk;
use crate::source::intake::Dictionary;
use std::path::Path;
use std::sync::Arc;

/// What was found.
pub(super) struct Scanned {
    pub segments: Vec<Segment>,
    pub torn_bytes: u64,
    pub last_epoch: u64,
    pub unbound_frames: u64,
}

/// Reads every segment of a folder.
pub(super) fn scan(disk: &dyn Disk, folder: &Path) -> Result<Scanned, LogError> {
    let names = disk.list(folder).map_err(|e| LogError::io(folder, "listing", e))?;
    let numbers: Vec<u64> = names.iter().filter_map(|n| Segment::number(n)).collect();
    let mut all = Scanned { segments: Vec::new(), torn_bytes: 0, last_epoch: 0, unbound_frames: 0 };
    for (i, first) in numbers.iter().enumerate() {
        let mut segment = Segment::new(folder, *first);
        let expected = all.segments.last().map_or(*first, Segment::next);
        if *first != expected {
            return Err(LogError::Missing { path: folder.display().to_string(), expected });
        }
        let mut frames = Frames::open(disk, &segment.path, *first)?;
        while let Some((frame, bytes)) = frames.next()? {
            segment.count(&frame, bytes, all.last_epoch + 1);
            all.unbound_frames += 1;
            if let Some(bind) = &frame.bind {
                (all.last_epoch, all.unbound_frames) = (bind.epoch, 0);
            }
        }
        if let Some(End::Torn(bytes)) = frames.end() {
            if i + 1 < numbers.len() {
                return Err(LogError::Damaged { path: segment.path.display().to_string(), at: frames.position() });
            }
            all.torn_bytes += bytes;
        }
        all.segments.push(segment);
    }
    Ok(all)
}

/// Reads the log of a folder without changing anything: a process may be writing it. The dictionary must be new.
pub fn read_log(disk: &Arc<dyn Disk>, folder: &Path, dictionary: &Dictionary) -> Result<(LogReader, Opened), LogError> {
    // Frames first: their series are on disk before they are.
    let Scanned { segments, torn_bytes, last_epoch, unbound_frames } = scan(disk.as_ref(), folder)?;
    SeriesFile::read(disk.as_ref(), folder, dictionary)?;
    let opened = Opened { torn_bytes, last_epoch, unbound_frames };
    Ok((LogReader::new(Arc::clone(disk), segments.into()), opened))
}

//! Which parts of the archive are merged, and the thread that does it.
//!
//! # Semantics
//! Windows begin at multiples of their length. Parts whose stamps end in one window become one part once a part ends behind it: the
//! manifest alone decides, and whenever that happens, nobody is answered anything else. Parts between which epochs are missing stay
//! apart.
//!
//! # Errors
//! None ends the run. Parts that cannot be merged stay as they are, and are tried again ever more seldom; others go on.

use crate::live::error::LiveError;
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::disk::free_bytes;
use bellwether_connectors::source::archive::{LateRow, Part, Rolled, merge};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Parts that become one at a time.
const MOST_PARTS: usize = 64;

/// Of the retention, how much longer samples may stay because a part goes as a whole.
const SHARE_OF_RETENTION: i64 = 10;

/// Parts that cannot be merged are tried again at least so often.
const MOST_WAIT: Duration = Duration::from_secs(3_600);

/// What is merged.
#[derive(Clone, Copy, Debug)]
struct Policy {
    /// Length of windows, ms; 0 merges nothing.
    window_ms: i64,
    /// Late samples of a merged part.
    most_late: u64,
}

impl Policy {
    fn window(&self, part: &Part) -> i64 {
        part.before_ms.saturating_sub(1).div_euclid(self.window_ms)
    }

    /// The first parts that are to become one, of those that `may` be merged.
    fn next(&self, parts: &[Part], may: impl Fn(&Part) -> bool) -> Option<Range<usize>> {
        let open = parts.last().filter(|_| self.window_ms > 0).map(|last| self.window(last))?;
        let mut from = 0;
        while from < parts.len() && self.window(&parts[from]) < open {
            let (mut to, mut late) = (from + 1, parts[from].late);
            while let Some(part) = parts.get(to) {
                late = late.saturating_add(part.late);
                let follows = parts[to - 1].to_epoch.checked_add(1) == Some(part.from_epoch);
                let is_of_it = self.window(part) == self.window(&parts[from]) && follows;
                if !is_of_it || late > self.most_late || to - from == MOST_PARTS {
                    break;
                }
                to += 1;
            }
            if to - from > 1 && may(&parts[from]) {
                return Some(from..to);
            }
            from = to;
        }
        None
    }
}

/// Parts that are being merged.
struct Job {
    parts: Vec<Part>,
    thread: JoinHandle<Result<Part, LiveError>>,
}

/// Parts that could not be merged.
#[derive(Clone, Copy)]
struct Failed {
    wait: Duration,
    again: Instant,
}

/// What came of parts that were to be merged.
pub(super) struct Merged {
    pub parts: Vec<Part>,
    pub result: Result<Part, LiveError>,
}

/// Merges parts one group after the other.
pub(super) struct Compactor {
    folder: PathBuf,
    policy: Policy,
    retry: Duration,
    job: Option<Job>,
    stop: Arc<AtomicBool>,
    /// By the name of a group's first part.
    failed: BTreeMap<String, Failed>,
}

fn bytes_in(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { bytes_in(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}

/// Says no where a merged part would leave less room than it takes: the log needs the disk more.
fn has_room(folder: &Path, parts: &[Part]) -> Result<(), LiveError> {
    let failed = |e| LiveError::io(folder, "merging parts", e);
    let needed = parts.iter().try_fold(0, |sum, part| Ok(sum + bytes_in(&part.folder(folder))?)).map_err(failed)?;
    match free_bytes(folder) {
        Some(free) if free < needed.saturating_mul(2) => {
            let what =
                format!("{} parts take {needed} bytes, and {free} are free: twice as many should be", parts.len());
            Err(failed(io::Error::new(io::ErrorKind::StorageFull, what)))
        }
        _ => Ok(()),
    }
}

impl Compactor {
    /// Merges into parts of at most a window, whose late samples fit into memory; of the retention so much that none stays a tenth
    /// longer.
    pub fn new(
        folder: &Path,
        (span_ms, window_ms, retention_ms): (i64, i64, i64),
        memory_bytes: usize,
        retry: Duration,
    ) -> Self {
        let window_ms = window_ms.min(retention_ms / SHARE_OF_RETENTION) / span_ms * span_ms;
        let window_ms = if window_ms < 2 * span_ms { 0 } else { window_ms };
        let most_late = (memory_bytes / size_of::<LateRow>()) as u64;
        let (policy, job, stop, failed) = (Policy { window_ms, most_late }, None, Arc::default(), BTreeMap::new());
        Self { folder: folder.to_owned(), policy, retry, job, stop, failed }
    }

    /// Whether nothing is written.
    pub fn is_idle(&self) -> bool {
        self.job.is_none()
    }

    /// Begins with the next group, if there is one.
    pub fn begin(&mut self, rolled: &Rolled) -> Result<(), LiveError> {
        let now = Instant::now();
        self.failed.retain(|name, _| rolled.parts.iter().any(|p| p.name == *name));
        let may = |part: &Part| self.failed.get(&part.name).is_none_or(|failed| failed.again <= now);
        let Some(group) = self.policy.next(&rolled.parts, may).filter(|_| self.job.is_none()) else { return Ok(()) };
        let parts = rolled.parts[group.clone()].to_vec();
        let name = Part::name(parts[0].from_epoch, parts[parts.len() - 1].to_epoch);
        rolled.make_room(&self.folder, &name)?;
        let (folder, rolled, group, stop) = (self.folder.clone(), rolled.clone(), parts.clone(), self.stop.clone());
        let merging = move || {
            has_room(&folder, &group)?;
            let part = merge(&folder, &rolled, &group, &stop)?;
            crash_point("archive.merged");
            Ok(part)
        };
        let thread = std::thread::Builder::new().name("merging".to_owned()).spawn(merging);
        let thread = thread.map_err(|e| LiveError::io(&self.folder, "starting a thread", e))?;
        self.job = Some(Job { parts, thread });
        Ok(())
    }

    /// What came of the group under way, once it is done. At the `end` it is broken off; where it was, there is nothing to say.
    pub fn done(&mut self, end: bool) -> Option<Merged> {
        self.stop.fetch_or(end, Ordering::Relaxed);
        let job = self.job.take_if(|job| end || job.thread.is_finished())?;
        let panicked = || LiveError::Ended { what: "the thread that merges parts", reason: "it panicked".to_owned() };
        let result = job.thread.join().unwrap_or_else(|_| Err(panicked()));
        let first = job.parts.first().filter(|_| !(end && result.is_err()))?;
        match &result {
            Ok(_) => drop(self.failed.remove(&first.name)),
            Err(_) => {
                let wait = self.failed.get(&first.name).map_or(self.retry, |failed| (failed.wait * 2).min(MOST_WAIT));
                self.failed.insert(first.name.clone(), Failed { wait, again: Instant::now() + wait });
            }
        }
        Some(Merged { parts: job.parts, result })
    }

    /// Whether parts wait to be tried again.
    pub fn has_failed(&self) -> bool {
        !self.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(epoch: u64, before_ms: i64, late: u64) -> Part {
        let (name, samples) = (Part::name(epoch, epoch), 1);
        Part { name, from_epoch: epoch, to_epoch: epoch, samples, late, first_ms: None, last_ms: None, before_ms }
    }

    #[test]
    fn parts_of_a_window_are_merged_once_it_is_over() {
        let policy = Policy { window_ms: 100, most_late: 10 };
        let mut parts: Vec<Part> = (1..=9).map(|i| part(i, i as i64 * 20, 0)).collect();
        let next = |parts: &[Part]| policy.next(parts, |_| true);
        assert_eq!(next(&parts[..5]), None, "a part that ends with the window may be followed by one that does too");
        assert_eq!(next(&parts[..6]), Some(0..5));
        parts[2].late = 11;
        assert_eq!(next(&parts), Some(0..2), "late samples that do not fit stay where they are");
        parts[2].late = 9;
        parts[3].late = 2;
        assert_eq!(next(&parts), Some(0..3));
        assert_eq!(policy.next(&parts, |p| p.from_epoch != 1), Some(3..5), "others go on");
        parts.remove(1);
        parts[1].late = 0;
        assert_eq!(next(&parts), Some(1..4), "between the first two an epoch is missing");
        assert_eq!(Policy { window_ms: 0, most_late: 10 }.next(&parts, |_| true), None);
        let negative: Vec<Part> = (1..=6).map(|i| part(i, i as i64 * 20 - 100, 0)).collect();
        assert_eq!(next(&negative), Some(0..5), "before 1970");
    }

    #[test]
    fn a_window_is_a_tenth_of_the_retention_at_most() {
        let window = |times| Compactor::new(Path::new("x"), times, 1 << 20, Duration::ZERO).policy.window_ms;
        assert_eq!(window((7_200, 86_400, 30 * 86_400)), 86_400);
        assert_eq!(window((7_200, 86_400, 2 * 86_400)), 14_400);
        assert_eq!(window((7_200, 86_400, 86_400)), 0, "one part is no window");
        assert_eq!(window((7_200, 0, 30 * 86_400)), 0);
    }
}

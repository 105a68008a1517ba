//! One worker's share of a rolled archive: its parts side by side, handed out in order of time.
//!
//! # Semantics
//! A part is opened when a stamp is asked for that it may hold, and closed when all of it was handed out. Where parts hold
//! the same stretch of time, because samples came late, all of them are read; batches keep the order of the parts.
//!
//! # State
//! The labels of all series handed out, and of each open part what [`ArchiveSource`] holds.

use super::hold::Hold;
use super::rolled::Rolled;
use super::{Archive, ArchiveSource};
use crate::source::table::SeriesTable;
use crate::source::{Keep, SampleSource, SourceError};
use bellwether_model::Runs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A rolled archive that is open; workers share the parts under way.
#[derive(Debug)]
pub struct RolledArchive {
    dir: PathBuf,
    rolled: Rolled,
    open: Vec<Mutex<Weak<Archive>>>,
    /// Keeps the parts where they are.
    _hold: Option<Hold>,
}

impl RolledArchive {
    /// Opens that of a folder, whose parts stay as long as it is open; `None` if there is none.
    pub fn open(dir: &Path) -> Result<Option<Self>, SourceError> {
        let found = Rolled::hold(dir)?;
        Ok(found.map(|(rolled, hold)| Self { _hold: Some(hold), ..Self::new(dir, rolled) }))
    }

    /// That of a folder and its manifest, for who knows that its parts stay.
    pub fn new(dir: &Path, rolled: Rolled) -> Self {
        let open = rolled.parts.iter().map(|_| Mutex::default()).collect();
        Self { dir: dir.to_owned(), rolled, open, _hold: None }
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Rolled {
        &self.rolled
    }

    /// A part: its number is its place in the manifest.
    pub fn part(&self, number: usize) -> Result<Arc<Archive>, SourceError> {
        let mut open = self.open[number].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(archive) = open.upgrade() {
            return Ok(archive);
        }
        let folder = self.rolled.parts[number].folder(&self.dir);
        let archive = Archive::open(&folder).map_err(|error| {
            if folder.exists() {
                return error;
            }
            let what = "this part of the archive is gone: the run that writes it has merged or removed it";
            SourceError::invalid(folder.display().to_string(), what, "read the archive again")
        })?;
        let archive = Arc::new(archive);
        *open = Arc::downgrade(&archive);
        Ok(archive)
    }
}

/// What is known of a part.
enum State {
    Waiting,
    /// Under way; the number of each of its series here.
    Open(Box<ArchiveSource>, Vec<u32>),
    Done,
}

/// The share.
pub struct RolledSource {
    archive: Arc<RolledArchive>,
    worker: usize,
    peers: usize,
    keep: Option<Keep>,
    parts: Vec<State>,
    table: SeriesTable,
    from_ms: i64,
    seq: u64,
}

impl RolledSource {
    /// The share of worker number `worker` of `peers`; `keep` says which series somebody reads.
    pub fn of(archive: Arc<RolledArchive>, worker: usize, peers: usize, keep: Option<Keep>) -> Self {
        let parts = archive.rolled.parts.iter().map(|_| State::Waiting).collect();
        Self { archive, worker, peers, keep, parts, table: SeriesTable::default(), from_ms: i64::MIN, seq: 0 }
    }

    fn open(&self, number: usize) -> Result<State, SourceError> {
        let keep = self.keep.as_deref().map(|k| k as &dyn Fn(&_) -> bool);
        let mut source = ArchiveSource::of(self.archive.part(number)?, self.worker, self.peers, keep);
        source.seek(self.from_ms)?;
        Ok(State::Open(Box::new(source), Vec::new()))
    }

    /// Gives a part's batch the numbers of the whole.
    fn renumber(&mut self, runs: &mut Runs, numbers: &mut Vec<u32>) -> Result<(), SourceError> {
        let mut defs = Vec::new();
        for (local, labels) in std::mem::take(&mut runs.defs) {
            let known = self.table.labels().len();
            let number = self.table.number(labels.clone()).ok_or_else(|| {
                let place = self.archive.dir.display().to_string();
                SourceError::invalid(place, "more than 4 billion series", "name some of its parts instead")
            })?;
            if numbers.len() <= local as usize {
                numbers.resize(local as usize + 1, 0);
            }
            numbers[local as usize] = number;
            if number as usize == known {
                defs.push((number, labels));
            }
        }
        defs.sort_unstable_by_key(|d| d.0);
        runs.defs = defs;
        runs.series.iter_mut().for_each(|s| *s = numbers[*s as usize]);
        runs.histograms.iter_mut().for_each(|h| h.series = numbers[h.series as usize]);
        runs.seq = self.seq;
        self.seq += 1;
        Ok(())
    }
}

impl SampleSource for RolledSource {
    fn span(&self) -> Option<(i64, i64)> {
        self.archive.rolled.span()
    }

    fn read_upto(&mut self, upto_ms: i64, out: &mut Vec<Runs>) -> Result<bool, SourceError> {
        for number in 0..self.parts.len() {
            let part = &self.archive.rolled.parts[number];
            let (first_ms, last_ms) = (part.first_ms.unwrap_or(i64::MAX), part.last_ms.unwrap_or(i64::MIN));
            let mut state = std::mem::replace(&mut self.parts[number], State::Done);
            state = match state {
                State::Waiting if last_ms < self.from_ms => State::Done,
                State::Waiting if first_ms <= upto_ms => self.open(number)?,
                other => other,
            };
            if let State::Open(source, numbers) = &mut state {
                let from = out.len();
                let ended = source.read_upto(upto_ms, out)?;
                for runs in &mut out[from..] {
                    self.renumber(runs, numbers)?;
                }
                if ended {
                    state = State::Done;
                }
            }
            self.parts[number] = state;
        }
        Ok(self.parts.iter().all(|p| matches!(p, State::Done)))
    }

    fn seek(&mut self, from_ms: i64) -> Result<(), SourceError> {
        self.from_ms = from_ms;
        Ok(())
    }

    fn total_samples(&self) -> u64 {
        self.archive.rolled.samples()
    }
}

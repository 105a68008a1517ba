//! The archive of a live run: what the log has made durable, rolled into Parquet part by part.
//!
//! # Semantics
//! A thread of its own looks at the newest epoch in the ledger. When that epoch's watermark has passed the end of a span of
//! event time, no sample of the span can be on time any more: everything up to the epoch with an older stamp becomes a part,
//! with the bindings and decisions of its epochs; what comes late is in the part of the epoch in which it came, and listed there.
//! Parts follow from the log alone, so a part that a crash prevented is the same when it is written after the restart.
//!
//! The log may go only behind what the archive has ([`ArchiveStats::log_goes_upto`]).
//!
//! Parts of a window of event time are merged in the background once it is over ([`compact`]); what is answered does not change. What
//! the manifest no longer names goes once nobody reads it.
//!
//! # Errors
//! None ends the run: what cannot be written is tried again, and counted; the log holds it meanwhile.

pub(super) mod archived;
mod compact;
mod decisions;
pub(super) mod past;
mod plan;
mod roll;

use super::error::LiveError;
use super::output::SharedView;
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::disk::Disk;
use bellwether_connectors::source::archive::{Cut, Replaced, Rolled};
use bellwether_connectors::source::intake::Dictionary;
use bellwether_connectors::source::log::LogView;
use compact::{Compactor, Merged};
use plan::Plan;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the ledger is looked at.
const POLL: Duration = Duration::from_millis(250);

/// How a live run keeps its archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSpec {
    /// Its folder, on the machine's file system.
    pub folder: PathBuf,
    /// Parts end at multiples of it, ms of event time.
    pub span_ms: i64,
    /// Event time of a part once parts are merged, ms: at most a tenth of the retention, so that nothing stays much longer; what is
    /// less than two spans merges nothing.
    pub compact_ms: i64,
    /// Parts whose samples are all older go, ms.
    pub retention_ms: i64,
    /// Samples held in memory while a part is written, bytes; what is more waits in a temporary file.
    pub memory_bytes: usize,
    /// How long what could not be written waits.
    pub retry: Duration,
}

impl ArchiveSpec {
    /// What is usual: parts of two hours, then of a day, kept for thirty days.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            span_ms: 7_200_000,
            compact_ms: 86_400_000,
            retention_ms: 30 * 86_400_000,
            memory_bytes: 64 << 20,
            retry: Duration::from_secs(10),
        }
    }
}

/// What the archive has done, and what others may remove.
#[derive(Debug)]
pub struct ArchiveStats {
    /// Samples in all parts.
    pub samples: AtomicU64,
    /// Parts.
    pub parts: AtomicU64,
    /// Parts that could not be written and are tried again.
    pub failures: AtomicU64,
    /// Parts that were merged into larger ones.
    pub merged: AtomicU64,
    /// Times that parts could not be merged; they are tried again.
    pub merge_failures: AtomicU64,
    log_upto: AtomicU64,
    warm_upto: AtomicU64,
    needs_from_ms: AtomicI64,
    trouble: Mutex<Option<String>>,
    merge_trouble: Mutex<Option<String>>,
}

fn set(trouble: &Mutex<Option<String>>, to: Option<String>) {
    *trouble.lock().unwrap_or_else(PoisonError::into_inner) = to;
}

impl Default for ArchiveStats {
    /// Those of a run without an archive: nobody waits for it.
    fn default() -> Self {
        let [samples, parts, failures, merged, merge_failures] = Default::default();
        let [log_upto, warm_upto] = [u64::MAX; 2].map(AtomicU64::new);
        let needs_from_ms = AtomicI64::new(i64::MAX);
        let (trouble, merge_trouble) = Default::default();
        Self {
            samples,
            parts,
            failures,
            merged,
            merge_failures,
            log_upto,
            warm_upto,
            needs_from_ms,
            trouble,
            merge_trouble,
        }
    }
}

impl ArchiveStats {
    /// The archive has everything up to this epoch.
    pub fn log_goes_upto(&self) -> u64 {
        self.log_upto.load(Ordering::SeqCst)
    }

    /// No part begins with this epoch or an older one, so nothing that it began with is needed.
    pub fn warm_goes_upto(&self) -> u64 {
        self.warm_upto.load(Ordering::SeqCst)
    }

    /// A restart reads stamps from here on, ms: where the log does not have them, they stay in the archive.
    pub fn needs_from(&self, stamp_ms: i64) {
        self.needs_from_ms.store(stamp_ms, Ordering::SeqCst);
    }

    /// Why the last part could not be written, if it could not.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why parts could not be merged, if some could not.
    pub fn merge_trouble(&self) -> Option<String> {
        self.merge_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, rolled: &Rolled) {
        self.samples.store(rolled.samples(), Ordering::Relaxed);
        self.parts.store(rolled.parts.len() as u64, Ordering::Relaxed);
        let (first, resume) = (rolled.parts.first().map(|p| p.from_epoch), rolled.cut.map(|c| c.resume_epoch));
        self.warm_upto.store(first.unwrap_or(1).saturating_sub(1), Ordering::SeqCst);
        self.log_upto.store(resume.unwrap_or(1).saturating_sub(1), Ordering::SeqCst);
    }
}

/// The thread.
pub(super) struct Archivist {
    spec: ArchiveSpec,
    rolled: Rolled,
    /// Manifests that somebody may still read by.
    replaced: Replaced,
    /// Whether there may be something that the manifest does not name.
    is_untidy: bool,
    compactor: Compactor,
    /// Where the first part begins, before there is one.
    begin: Option<Cut>,
    log: LogView,
    dictionary: Arc<Dictionary>,
    view: SharedView,
    disk: Arc<dyn Disk>,
    /// A file of the disk; the archive itself is always on the machine's.
    ledger: PathBuf,
    pub stats: Arc<ArchiveStats>,
}

impl Archivist {
    /// Goes on with the archive of a folder, or begins one. `placing` is the tenant and the entity labels.
    pub fn new(
        spec: &ArchiveSpec,
        placing: (&str, &[String]),
        log: LogView,
        dictionary: Arc<Dictionary>,
        view: SharedView,
        (disk, ledger): (Arc<dyn Disk>, PathBuf),
    ) -> Result<Self, LiveError> {
        let rolled = Rolled::go_on(&spec.folder, placing.0, placing.1, spec.span_ms)?;
        let stats = Arc::<ArchiveStats>::default();
        stats.note(&rolled);
        let times = (rolled.span_ms, spec.compact_ms, spec.retention_ms);
        let compactor = Compactor::new(&spec.folder, times, spec.memory_bytes, spec.retry);
        let (spec, replaced, is_untidy, begin) = (spec.clone(), Replaced::default(), true, None);
        Ok(Self { spec, rolled, replaced, is_untidy, compactor, begin, log, dictionary, view, disk, ledger, stats })
    }

    /// Runs until the ledger's thread, which holds the other end of `alive`, has ended.
    pub fn run(mut self, alive: &Receiver<()>) -> Result<(), LiveError> {
        let mut wait = POLL;
        loop {
            let ended = alive.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected);
            let rolled = self.roll_what_is_due().and_then(|()| self.swap(ended)).and_then(|()| self.tidy());
            wait = if rolled.is_ok() { POLL } else { self.spec.retry };
            self.stats.failures.fetch_add(u64::from(rolled.is_err()), Ordering::Relaxed);
            set(&self.stats.trouble, rolled.err().map(|e| e.to_string()));
            if ended {
                // Where an error came first, a group may still be under way.
                self.compactor.done(true);
                return Ok(());
            }
            self.merge_what_is_due();
        }
    }

    fn roll_what_is_due(&mut self) -> Result<(), LiveError> {
        loop {
            let (epoch, watermark_ms) = {
                let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
                (view.epoch, view.watermark_ms)
            };
            let Some(from) = self.from()? else { return Ok(()) };
            if watermark_ms < from.before_ms.saturating_add(self.rolled.span_ms).saturating_sub(1) {
                return Ok(());
            }
            let plan = Plan::read(&self.log, &self.dictionary, from, self.rolled.span_ms, epoch)?;
            let Some(plan) = plan else { return Ok(()) };
            self.roll(plan)?;
            let needs_from_ms = self.stats.needs_from_ms.load(Ordering::SeqCst);
            let before_ms = watermark_ms.saturating_sub(self.spec.retention_ms).min(needs_from_ms);
            let old = self.rolled.older(before_ms);
            if old > 0 {
                let mut rolled = self.rolled.clone();
                rolled.parts.drain(..old);
                self.name(rolled)?;
                self.is_untidy = true;
            }
        }
    }

    /// Puts another manifest in the place of the one that is there.
    fn name(&mut self, rolled: Rolled) -> Result<(), LiveError> {
        self.replaced.note(&self.spec.folder);
        rolled.write(&self.spec.folder)?;
        self.rolled = rolled;
        self.stats.note(&self.rolled);
        Ok(())
    }

    /// Puts a merged part in the place of those that it was made of, where one is done.
    fn swap(&mut self, ended: bool) -> Result<(), LiveError> {
        let Some(Merged { parts, result }) = self.compactor.done(ended) else { return Ok(()) };
        self.is_untidy = true;
        match result {
            Ok(part) => {
                let mut rolled = self.rolled.clone();
                // Those that retention has taken off meanwhile do not come back.
                if rolled.replace(&parts, &part) {
                    self.name(rolled)?;
                    crash_point("archive.before-sweep");
                    self.stats.merged.fetch_add(parts.len() as u64, Ordering::Relaxed);
                }
            }
            Err(error) => {
                self.stats.merge_failures.fetch_add(1, Ordering::Relaxed);
                set(&self.stats.merge_trouble, Some(error.to_string()));
            }
        }
        if !self.compactor.has_failed() {
            set(&self.stats.merge_trouble, None);
        }
        Ok(())
    }

    /// Removes what the manifest does not name, once nobody reads or writes it.
    fn tidy(&mut self) -> Result<(), LiveError> {
        if self.is_untidy && self.compactor.is_idle() && self.replaced.is_unread() {
            self.rolled.sweep(&self.spec.folder)?;
            self.is_untidy = false;
        }
        Ok(())
    }

    /// Begins to merge, not before what was merged last is gone: so the disk has to hold one group twice, and no more.
    fn merge_what_is_due(&mut self) {
        if self.is_untidy || !self.compactor.is_idle() {
            return;
        }
        if let Err(error) = self.compactor.begin(&self.rolled) {
            self.stats.merge_failures.fetch_add(1, Ordering::Relaxed);
            set(&self.stats.merge_trouble, Some(error.to_string()));
        }
    }

    /// Where the next part begins: behind the last one, or with the log where that no longer reaches so far back.
    fn from(&mut self) -> Result<Option<Cut>, LiveError> {
        let first = self.log.segments().first().map_or(u64::MAX, |s| s.first);
        if let Some(cut) = self.rolled.cut.or(self.begin).filter(|cut| cut.resume_frame >= first) {
            return Ok(Some(cut));
        }
        self.begin = plan::begin(&self.log, self.rolled.span_ms)?;
        if self.rolled.cut.is_some() {
            // Epochs that were never archived are gone: the archive goes on behind them.
            self.rolled.cut = self.begin;
        }
        Ok(self.begin)
    }
}

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
//! # Errors
//! None ends the run: what cannot be written is tried again, and counted; the log holds it meanwhile.

pub(super) mod archived;
mod decisions;
pub(super) mod past;
mod plan;
mod roll;

use super::error::LiveError;
use super::output::SharedView;
use bellwether_connectors::source::archive::{Cut, Rolled};
use bellwether_connectors::source::intake::Dictionary;
use bellwether_connectors::source::log::LogView;
use plan::Plan;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the ledger is looked at.
const POLL: Duration = Duration::from_millis(250);

/// How long a part that could not be written waits.
const RETRY: Duration = Duration::from_secs(10);

/// How a live run keeps its archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSpec {
    /// Its folder, on the machine's file system.
    pub folder: PathBuf,
    /// Parts end at multiples of it, ms of event time.
    pub span_ms: i64,
    /// Parts whose samples are all older go, ms.
    pub retention_ms: i64,
    /// Samples held in memory while a part is written, bytes; what is more waits in a temporary file.
    pub memory_bytes: usize,
}

impl ArchiveSpec {
    /// What is usual: parts of two hours, kept for thirty days.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), span_ms: 7_200_000, retention_ms: 30 * 86_400_000, memory_bytes: 64 << 20 }
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
    log_upto: AtomicU64,
    warm_upto: AtomicU64,
    needs_from_ms: AtomicI64,
    trouble: Mutex<Option<String>>,
}

impl Default for ArchiveStats {
    /// Those of a run without an archive: nobody waits for it.
    fn default() -> Self {
        let (samples, parts, failures) = Default::default();
        let [log_upto, warm_upto] = [u64::MAX; 2].map(AtomicU64::new);
        let needs_from_ms = AtomicI64::new(i64::MAX);
        Self { samples, parts, failures, log_upto, warm_upto, needs_from_ms, trouble: Mutex::default() }
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
    /// Where the first part begins, before there is one.
    begin: Option<Cut>,
    log: LogView,
    dictionary: Arc<Dictionary>,
    view: SharedView,
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
        ledger: PathBuf,
    ) -> Result<Self, LiveError> {
        let rolled = Rolled::go_on(&spec.folder, placing.0, placing.1, spec.span_ms)?;
        let stats = Arc::<ArchiveStats>::default();
        stats.note(&rolled);
        Ok(Self { spec: spec.clone(), rolled, begin: None, log, dictionary, view, ledger, stats })
    }

    /// Runs until the ledger's thread, which holds the other end of `alive`, has ended.
    pub fn run(mut self, alive: &Receiver<()>) -> Result<(), LiveError> {
        let mut wait = POLL;
        loop {
            let ended = alive.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected);
            let rolled = self.roll_what_is_due();
            wait = if rolled.is_ok() { POLL } else { RETRY };
            self.stats.failures.fetch_add(u64::from(rolled.is_err()), Ordering::Relaxed);
            *self.stats.trouble.lock().unwrap_or_else(PoisonError::into_inner) = rolled.err().map(|e| e.to_string());
            if ended {
                return Ok(());
            }
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
            let kept = self.rolled.collect(&self.spec.folder, before_ms);
            self.stats.note(&self.rolled);
            kept?;
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

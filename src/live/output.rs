//! The ledger's thread: what the dataflow gives in; lines, alerts in force and checkpoints out.
//!
//! # Semantics
//! Epochs that came meanwhile share an fsync. Only then are they durable: room in the queue, seen by readers of the
//! [`View`]. A checkpoint is written after the fsync of its epoch, and of what its rules wrote for others.

use super::book::Book;
use super::clock::WallClock;
use super::commit::{Command, CommitterHandle, Stamped, Walls};
use super::costs::RuleCosts;
use super::deaths::Deaths;
use super::error::LiveError;
use super::forward::Spool;
use super::latency::Latency;
use super::ledger::Ledger;
use super::queue::Queue;
use super::store::{LedgerMark, Manifest, Store};
use bellwether_connectors::crash::crash_point;
use bellwether_dataflow::checkpoint::Checkpoint;
use bellwether_dataflow::render::{MergedOutput, Output, OutputError};
use bellwether_model::decision::Placed;
use bellwether_operators::evaluate::{ExpressionError, KeptState};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Which build this is: another one may decide otherwise.
pub(super) const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " ", env!("BELLWETHER_COMMIT"));

/// What is known of the newest durable epoch.
#[derive(Debug, Default)]
pub struct View {
    /// The epoch.
    pub epoch: u64,
    /// Its watermark, ms.
    pub watermark_ms: i64,
    /// First step of the run, ms: since then its samples are known. `None` before the first sample.
    pub from_ms: Option<i64>,
    /// Alerts in force.
    pub book: Book,
    /// By rule (`group/name`), the newest step that failed, and with what.
    pub errors: BTreeMap<String, (i64, String)>,
    /// Decisions in the ledger.
    pub decisions: u64,
    /// Sum of their canonical hashes.
    pub rolling_hash: u128,
    /// The last checkpoint.
    pub checkpoint: Option<CheckpointNews>,
    /// Decisions that a replay under other rules or another build gave otherwise.
    pub differing: u64,
    /// Corrections since the process began, by kind.
    pub corrections: BTreeMap<&'static str, u64>,
    /// What rules cost since the process began.
    pub costs: RuleCosts,
}

impl View {
    /// What a checkpoint left.
    pub(super) fn of(manifest: &Manifest) -> Self {
        let LedgerMark { decisions, rolling_hash, .. } = manifest.ledger;
        let (epoch, watermark_ms, book) = (manifest.epoch, manifest.watermark_ms, manifest.book.clone());
        let from_ms = Some(manifest.from_ms);
        Self { epoch, watermark_ms, from_ms, book, decisions, rolling_hash, ..Self::default() }
    }
}

/// What is known of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointNews {
    /// The last epoch in it.
    pub epoch: u64,
    /// When it was committed, ms.
    pub at_ms: i64,
    /// Bytes of kept state.
    pub bytes: u64,
    /// How long it took to write, ms.
    pub took_ms: u64,
}

/// Shared with those who answer questions.
pub type SharedView = Arc<Mutex<View>>;

/// What the ledger's thread measures.
#[derive(Debug, Default)]
pub struct LedgerStats {
    /// From the wall clock of an epoch's binding to its decisions being on disk.
    pub engine: Latency,
    /// From a decision's step to its being on disk.
    pub delay: Latency,
}

/// An epoch's results on their way.
type Item = (u64, MergedOutput);

/// Hands results from worker 0 to the ledger's thread.
pub(super) struct ToLedger(pub SyncSender<Item>);

impl Output for ToLedger {
    fn epoch(&mut self, epoch: u64, out: MergedOutput) -> Result<(), OutputError> {
        self.0.send((epoch, out)).map_err(|_| OutputError::new("the ledger has failed"))
    }
}

/// The thread.
pub(super) struct Writer {
    pub items: Receiver<Item>,
    pub ledger: Ledger,
    /// What rules write, for those who are sent it.
    pub spool: Option<Spool>,
    pub store: Store,
    pub queue: Queue,
    pub walls: Walls,
    pub view: SharedView,
    pub stats: Arc<LedgerStats>,
    pub clock: Arc<dyn WallClock>,
    pub commit: CommitterHandle,
    pub placing: (String, Vec<String>),
    pub generation: u64,
    /// Samples that are younger stay in the log, ms.
    pub retention_ms: i64,
    /// Who brings checkpoints to the bucket, if somebody does.
    pub uploads: Option<Sender<()>>,
    pub deaths: Deaths,
    /// Goes with the thread: whoever has the other end learns that nothing more comes.
    pub _alive: Sender<()>,
}

impl Writer {
    /// Runs until the dataflow ends or the disk fails.
    pub fn run(mut self) -> Result<(), LiveError> {
        while let Ok(first) = self.items.recv() {
            let mut batch = vec![first];
            while batch.len() < 64
                && let Ok(more) = self.items.try_recv()
            {
                batch.push(more);
            }
            // A checkpoint says how far the ledger was behind its own epoch.
            let mut marks = Vec::with_capacity(batch.len());
            for (epoch, out) in &batch {
                self.ledger.take(*epoch, &out.decisions)?;
                marks.push(self.ledger.mark());
            }
            crash_point("ledger.before-sync");
            self.ledger.sync()?;
            crash_point("ledger.after-sync");
            for ((epoch, out), mark) in batch.into_iter().zip(marks) {
                self.publish(epoch, out, mark)?;
            }
        }
        Ok(())
    }

    /// An epoch is on disk.
    fn publish(&mut self, epoch: u64, mut out: MergedOutput, mark: LedgerMark) -> Result<(), LiveError> {
        let stamped = self.walls.lock().unwrap_or_else(PoisonError::into_inner).remove(&epoch);
        let now_ms = self.clock.now_ms();
        if let Some(stamped) = stamped.as_ref().filter(|_| !out.decisions.is_empty()) {
            self.stats.engine.record(now_ms.saturating_sub(stamped.bound.wall_ms));
            // Corrections are late by design.
            let first = out.decisions.iter().filter(|placed| placed.decision.correction.is_none());
            first.for_each(|p| self.stats.delay.record(now_ms.saturating_sub(p.decision.step_ms)));
        }
        let kept = out.kept.take();
        if let Some(spool) = &mut self.spool {
            spool.append(epoch, &out.written)?;
        }
        self.show(epoch, out, mark, stamped.as_ref());
        self.queue.durable();
        if let (Some(kept), Some(stamped)) = (kept, stamped) {
            self.checkpoint(&stamped, kept, mark)?;
        }
        Ok(())
    }

    fn show(&self, epoch: u64, out: MergedOutput, mark: LedgerMark, stamped: Option<&Stamped>) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        view.epoch = epoch;
        view.differing = self.ledger.differing();
        (view.decisions, view.rolling_hash) = (mark.decisions, mark.rolling_hash);
        for Placed { decision, .. } in &out.decisions {
            if let Some(correction) = decision.correction {
                *view.corrections.entry(correction.kind.as_str()).or_default() += 1;
            }
            view.book.apply(decision);
        }
        out.updates.into_iter().for_each(|update| view.book.update(update));
        view.costs.add(out.costs, out.values_read);
        for ExpressionError { rule, steps_ms, message, tag } in out.errors {
            if let (Some(step_ms), None) = (steps_ms.last(), tag) {
                view.costs.failed(&rule, steps_ms.len());
                view.errors.insert(rule, (*step_ms, message));
            }
        }
        if let Some(stamped) = stamped {
            view.watermark_ms = stamped.bound.watermark_ms;
            view.from_ms = stamped.bound.from_ms;
            view.book.forget(stamped.bound.watermark_ms);
        }
    }

    fn checkpoint(&mut self, stamped: &Stamped, kept: Vec<KeptState>, ledger: LedgerMark) -> Result<(), LiveError> {
        let begin = Instant::now();
        let Stamped { bound, sources, elected, totals_from_ms, log_from_ms } = stamped;
        let reads_from_ms = kept.iter().map(|k| k.reads_from_ms).min().unwrap_or(i64::MIN);
        let (tenant, entity_labels) = &self.placing;
        let checkpoint = Checkpoint::new(bound.epoch, bound.watermark_ms, kept, tenant, entity_labels);
        let before_ms = reads_from_ms.min(*totals_from_ms).min(bound.watermark_ms.saturating_sub(self.retention_ms));
        let book = self.view.lock().unwrap_or_else(PoisonError::into_inner).book.clone();
        let mut manifest = Manifest {
            format: 0,
            epoch: bound.epoch,
            generation: self.generation,
            watermark_ms: bound.watermark_ms,
            wall_ms: bound.wall_ms,
            from_ms: bound.from_ms.unwrap_or(bound.wall_ms),
            rules: bound.rules,
            reads_from_ms,
            checkpoint: String::new(),
            ledger,
            sources: sources.clone(),
            elected: elected.clone(),
            book,
            build: BUILD.to_owned(),
            lost: bound.lost,
            log_from_ms: Some(before_ms.max(*log_from_ms)),
        };
        if let Some(spool) = &mut self.spool {
            spool.sync()?;
        }
        let bytes = self.store.commit(&mut manifest, &checkpoint)?;
        self.deaths.survived(bound.epoch)?;
        let took_ms = begin.elapsed().as_millis() as u64;
        let news = CheckpointNews { epoch: bound.epoch, at_ms: self.clock.now_ms(), bytes, took_ms };
        self.view.lock().unwrap_or_else(PoisonError::into_inner).checkpoint = Some(news);
        // A thread that has ended says why itself.
        let _ = self.uploads.as_ref().map(|uploads| uploads.send(()));
        self.commit.command(Command::Collect(bound.epoch, before_ms));
        Ok(())
    }
}

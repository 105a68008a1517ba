//! The commit thread: rows of requests in, frames on disk and epochs for the dataflow out.
//!
//! # Semantics
//! Whatever has come since the last fsync goes into one frame: requests are acknowledged by the same fsync that makes the
//! next epoch's binding durable. A request that comes while the disk works waits for the next one. Where the dataflow has
//! no room, nothing is minted; rows go on being acknowledged until memory's bound, and then senders are told to come again.
//!
//! # Errors
//! A write that fails ends the run: nothing is acknowledged after it.

use super::LiveError;
use super::archive::ArchiveStats;
use super::clock::WallClock;
use super::install::Install;
use super::pairs::{Referee, ReplicaStats};
use super::queue::{Epoch, Queue};
use super::rules::RuleTable;
use super::totals::Totals;
use super::warm::Start;
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::source::intake::{Dictionary, Intake, IntakeError, Rows};
use bellwether_connectors::source::log::{Bind, Log, LogView};
use bellwether_dataflow::time::{Binding, Bound, Elected, Heard, LiveClock};
use bellwether_model::hash64;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// What the thread is asked for beside rows.
pub(super) enum Command {
    /// What was on disk is in the queue: from now on epochs are minted. Rows that no binding covers come along.
    Begin(Vec<Rows>),
    /// Rules in force from the next epoch on.
    Rules(Box<RuleTable>),
    /// A checkpoint with the next epoch.
    Checkpoint,
    /// Segments may go: (epoch, stamp in ms).
    Collect(u64, i64),
    /// A last epoch with a checkpoint, then the end.
    Stop,
}

/// A request's rows.
struct Batch {
    source: u64,
    rows: Rows,
    ack: oneshot::Sender<Result<(), IntakeError>>,
}

#[derive(Default)]
struct Pending {
    batches: Vec<Batch>,
    commands: Vec<Command>,
    bytes: usize,
    closed: Option<IntakeError>,
}

/// What the thread has done, for metrics.
#[derive(Debug, Default)]
pub struct CommitStats {
    /// Frames written.
    pub frames: AtomicU64,
    /// Samples written.
    pub samples: AtomicU64,
    /// Bytes of the log.
    pub log_bytes: AtomicU64,
    /// Epochs minted.
    pub epochs: AtomicU64,
    /// The watermark, ms.
    pub watermark_ms: AtomicI64,
    /// How late samples may be, ms.
    pub lateness_ms: AtomicI64,
    /// Sources that the watermark is held for; 0 where it is not held.
    pub held_for: AtomicU64,
    /// Requests refused because too much was waiting.
    pub refused: AtomicU64,
    /// Bytes between socket and dataflow.
    pub waiting_bytes: AtomicU64,
    /// Series of which deltas are added up.
    pub delta_series: AtomicU64,
    /// Deltas dropped because a newer one of their series had come.
    pub deltas_dropped: AtomicU64,
    /// Replicas of pairs, in the order in which they were first heard of.
    pub replicas: Mutex<Vec<ReplicaStats>>,
}

struct Shared {
    dictionary: Arc<Dictionary>,
    log: LogView,
    clock: Arc<dyn WallClock>,
    pending: Mutex<Pending>,
    wake: Condvar,
    most_bytes: usize,
    /// Bytes committed that no epoch has taken yet.
    unbound_bytes: AtomicU64,
    queue: Queue,
    stats: CommitStats,
}

/// The way in; cloning shares it.
#[derive(Clone)]
pub struct CommitterHandle(Arc<Shared>);

impl CommitterHandle {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn command(&self, command: Command) {
        self.pending().commands.push(command);
        self.0.wake.notify_one();
    }

    /// Refuses everything from now on.
    pub(super) fn close(&self, why: IntakeError) {
        let mut pending = self.pending();
        let why = pending.closed.get_or_insert(why).clone();
        for batch in pending.batches.drain(..) {
            // Whoever waits no longer does not hear it.
            let _ = batch.ack.send(Err(why.clone()));
        }
        self.0.wake.notify_one();
    }

    /// Looks at the clock again: for clocks that a test sets.
    pub fn poke(&self) {
        self.0.wake.notify_one();
    }

    /// The log as of its last commit.
    pub fn log(&self) -> &LogView {
        &self.0.log
    }

    /// The series known, for those that outlive a call.
    pub fn shared_dictionary(&self) -> Arc<Dictionary> {
        Arc::clone(&self.0.dictionary)
    }

    /// What was done.
    pub fn stats(&self) -> &CommitStats {
        &self.0.stats
    }
}

impl Intake for CommitterHandle {
    fn dictionary(&self) -> &Dictionary {
        &self.0.dictionary
    }

    fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    fn append(&self, source: &str, rows: Rows) -> Result<oneshot::Receiver<Result<(), IntakeError>>, IntakeError> {
        let (ack, answer) = oneshot::channel();
        let bytes = rows.bytes();
        let mut pending = self.pending();
        if let Some(why) = &pending.closed {
            return Err(why.clone());
        }
        let waiting = pending.bytes + self.0.unbound_bytes.load(Ordering::Relaxed) as usize + self.0.queue.bytes();
        self.0.stats.waiting_bytes.store(waiting as u64, Ordering::Relaxed);
        if waiting + bytes > self.0.most_bytes && waiting > 0 {
            self.0.stats.refused.fetch_add(1, Ordering::Relaxed);
            return Err(IntakeError::Busy { retry_after_s: 1 });
        }
        pending.bytes += bytes;
        pending.batches.push(Batch { source: hash64(&[source.as_bytes()]), rows, ack });
        drop(pending);
        self.0.wake.notify_one();
        Ok(answer)
    }
}

/// The thread's own state.
pub struct Committer {
    shared: CommitterHandle,
    log: Log,
    time: LiveClock,
    /// Where two senders may send the same.
    referee: Option<Referee>,
    totals: Totals,
    table: RuleTable,
    install: Install,
    begun: bool,
    unbound: Vec<Rows>,
    checkpoint_ms: i64,
    next_checkpoint_ms: i64,
    snapshot: bool,
    stopping: bool,
    /// Since when requests are taken, ms.
    since_ms: i64,
    walls: Walls,
    archive: Arc<ArchiveStats>,
}

/// Wall clocks of epochs on their way, for those who measure; by epoch.
pub(super) type Walls = Arc<Mutex<BTreeMap<u64, Stamped>>>;

/// What the ledger needs to know of an epoch.
#[derive(Clone, Debug)]
pub(super) struct Stamped {
    pub bound: Bound,
    /// Everything known of sources, if a checkpoint was asked for.
    pub sources: Vec<(u64, Heard)>,
    /// Who counts of each pair, if a checkpoint was asked for.
    pub elected: Vec<(u64, Elected)>,
    /// The oldest stamp that a restart reads of what deltas add up to, ms, if a checkpoint was asked for.
    pub totals_from_ms: i64,
    /// Stamps from here on are in the log, ms.
    pub log_from_ms: i64,
}

impl Stamped {
    /// An epoch that runs again: nobody asks for a checkpoint.
    pub fn replayed(bound: Bound) -> Self {
        let (sources, elected) = Default::default();
        Self { bound, sources, elected, totals_from_ms: i64::MAX, log_from_ms: i64::MIN }
    }
}

/// What a committer is made of.
pub(super) struct Parts {
    pub dictionary: Arc<Dictionary>,
    pub clock: Arc<dyn WallClock>,
    pub log: Log,
    pub time: LiveClock,
    pub referee: Option<Referee>,
    pub totals: Totals,
    pub table: RuleTable,
    pub install: Install,
    pub queue: Queue,
    pub walls: Walls,
    pub archive: Arc<ArchiveStats>,
    pub most_bytes: usize,
    pub checkpoint_ms: i64,
}

impl Committer {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { dictionary, clock, log, time, referee, totals, table, install, queue, .. } = parts;
        let Parts { walls, archive, most_bytes, checkpoint_ms, .. } = parts;
        let since_ms = clock.now_ms();
        let next_checkpoint_ms = since_ms.saturating_add(checkpoint_ms);
        let shared = CommitterHandle(Arc::new(Shared {
            dictionary,
            log: log.view(),
            clock,
            pending: Mutex::default(),
            wake: Condvar::new(),
            most_bytes,
            unbound_bytes: AtomicU64::new(0),
            queue,
            stats: CommitStats::default(),
        }));
        shared.0.stats.log_bytes.store(log.bytes(), Ordering::Relaxed);
        let (unbound, begun, snapshot, stopping) = (Vec::new(), false, false, false);
        Self {
            shared,
            log,
            time,
            referee,
            totals,
            table,
            install,
            begun,
            unbound,
            checkpoint_ms,
            next_checkpoint_ms,
            snapshot,
            stopping,
            since_ms,
            walls,
            archive,
        }
    }

    /// The way in.
    pub fn handle(&self) -> CommitterHandle {
        self.shared.clone()
    }

    /// Runs until it is told to stop or the disk fails.
    pub fn run(mut self) -> Result<(), LiveError> {
        loop {
            let batches = self.wait();
            let obeyed = batches.1.into_iter().try_for_each(|command| self.obey(command));
            // Whoever waits for an answer must hear of any end, whatever it came by.
            if let Err(error) = obeyed.and_then(|()| self.commit(batches.0)) {
                self.shared.close(IntakeError::Broken { reason: error.to_string() });
                return Err(error);
            }
            let closed = self.shared.pending().closed.is_some();
            if self.stopping && !self.snapshot || closed {
                self.shared.close(IntakeError::Closed);
                self.shared.0.queue.close();
                return Ok(());
            }
        }
    }

    /// Waits for rows, a command, or the time of the next epoch.
    fn wait(&self) -> (Vec<Batch>, Vec<Command>) {
        let mut pending = self.shared.pending();
        if pending.batches.is_empty() && pending.commands.is_empty() && pending.closed.is_none() {
            let waited = self.shared.0.wake.wait_timeout(pending, self.patience());
            pending = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        pending.bytes = 0;
        (std::mem::take(&mut pending.batches), std::mem::take(&mut pending.commands))
    }

    fn patience(&self) -> Duration {
        let now_ms = self.shared.0.clock.now_ms();
        let wants = !self.unbound.is_empty() || self.snapshot;
        let until_ms = match (self.begun, wants) {
            (false, _) => i64::MAX,
            // The valve is closed: it opens when the ledger has caught up.
            (true, _) if !self.shared.0.queue.has_room() => now_ms.saturating_add(5),
            (true, true) => self.time.soonest_ms(),
            (true, false) => self.time.wake_ms(),
        };
        Duration::from_millis(until_ms.saturating_sub(now_ms).clamp(1, 1_000) as u64)
    }

    fn obey(&mut self, command: Command) -> Result<(), LiveError> {
        match command {
            Command::Begin(mut rows) => {
                rows.append(&mut self.unbound);
                self.unbound = rows;
                self.begun = true;
                self.referee.iter_mut().for_each(Referee::look_at_all);
                self.time.gap(self.since_ms, self.shared.0.clock.now_ms());
            }
            Command::Rules(table) => self.install.want(*table, &self.table),
            Command::Checkpoint => self.snapshot = true,
            Command::Collect(epoch, before_ms) => {
                // What the archive does not have yet stays.
                self.archive.needs_from(before_ms);
                let epoch = epoch.min(self.archive.log_goes_upto());
                if !self.install.may_collect(epoch) {
                    return Ok(());
                }
                self.log.collect(epoch, before_ms)?;
                self.install.collect(epoch.min(self.archive.warm_goes_upto()), &self.log)?;
                self.shared.0.stats.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
            }
            Command::Stop => {
                self.stopping = true;
                // Before the first sample there is nothing to keep.
                self.snapshot = self.begun && self.time.watermark_ms() > i64::MIN;
            }
        }
        Ok(())
    }

    /// Writes what came and mints an epoch if it is time.
    fn commit(&mut self, batches: Vec<Batch>) -> Result<(), LiveError> {
        let now_ms = self.shared.0.clock.now_ms();
        let mut rows = Rows::default();
        let mut acks = Vec::with_capacity(batches.len());
        for Batch { source, rows: mut more, ack } in batches {
            hear(&mut self.time, source, &more, now_ms);
            if rows.is_empty() {
                rows = more
            } else {
                rows.append(&mut more)
            }
            acks.push(ack);
        }
        let has_rows = !rows.is_empty() || !self.unbound.is_empty() || self.snapshot;
        let bound = if self.begun && self.shared.0.queue.has_room() {
            if !self.stopping {
                self.install.prepare(&mut self.table, &mut self.time, &self.log, &self.shared)?;
            }
            if let Some(first_ms) = self.unbound.first().unwrap_or(&rows).newest_ms() {
                self.time.begin_with(first_ms, now_ms);
            }
            let due = &self.table.due;
            // The last epoch does not wait for its turn.
            let at_ms = if self.stopping { now_ms.max(self.time.soonest_ms()) } else { now_ms };
            self.time.mint(at_ms, has_rows, None, |watermark_ms| due.after(watermark_ms))
        } else {
            None
        };
        if rows.is_empty() && bound.is_none() {
            acks.into_iter().for_each(|ack| drop(ack.send(Ok(()))));
            return Ok(());
        }
        self.totals.take(&rows.deltas);
        let bound = bound.map(|mut bound| {
            rows.append(&mut self.totals.add_up(&mut bound));
            let referee = self.referee.iter_mut();
            referee.for_each(|referee| referee.elect(&mut bound, self.unbound.iter().chain([&rows])));
            bound
        });
        let bind = bound.as_ref().map(bind).transpose()?;
        let samples = rows.len();
        let written = self.log.commit(rows, bind, &self.shared.0.dictionary);
        let rows = match written {
            Ok(rows) => rows,
            Err(error) => {
                let why = IntakeError::Broken { reason: error.to_string() };
                acks.into_iter().for_each(|ack| drop(ack.send(Err(why.clone()))));
                return Err(error.into());
            }
        };
        acks.into_iter().for_each(|ack| drop(ack.send(Ok(()))));
        crash_point("commit.acknowledged");
        if !rows.is_empty() {
            self.unbound.push(rows);
        }
        let stats = &self.shared.0.stats;
        stats.frames.fetch_add(1, Ordering::Relaxed);
        stats.samples.fetch_add(samples as u64, Ordering::Relaxed);
        stats.log_bytes.store(self.log.bytes(), Ordering::Relaxed);
        if let Some(bound) = bound {
            self.publish(bound, now_ms);
        }
        let unbound = self.unbound.iter().map(Rows::bytes).sum::<usize>() + self.totals.waiting_bytes();
        self.shared.0.unbound_bytes.store(unbound as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Hands a durable epoch to the dataflow.
    fn publish(&mut self, bound: Bound, now_ms: i64) {
        let snapshot = std::mem::take(&mut self.snapshot) || now_ms >= self.next_checkpoint_ms;
        if snapshot {
            self.next_checkpoint_ms = now_ms.saturating_add(self.checkpoint_ms);
        }
        let stats = &self.shared.0.stats;
        stats.epochs.fetch_add(1, Ordering::Relaxed);
        stats.watermark_ms.store(bound.watermark_ms, Ordering::Relaxed);
        stats.lateness_ms.store(self.time.lateness_ms(), Ordering::Relaxed);
        stats.held_for.store(self.time.waits_for().unwrap_or(0) as u64, Ordering::Relaxed);
        let start = self.install.installed(&self.table);
        let program = start.as_ref().map(|_| Arc::clone(&self.table.program));
        let Start { kept, history } = start.unwrap_or_default();
        let warm = (!kept.is_empty()).then(|| Arc::new(kept));
        let binding = Binding { snapshot, warm, ..Binding::new(bound.times(self.table.program.horizon_ms), program) };
        let mut rows = std::mem::take(&mut self.unbound);
        // What they add up to is there, or will be with the epoch whose watermark reaches them.
        rows.iter_mut().for_each(|rows| rows.deltas = Vec::new());
        let mut elected = Vec::new();
        if let Some(referee) = &mut self.referee {
            referee.admit(&bound, &mut rows);
            referee.show(&stats.replicas);
            elected = if snapshot { referee.choices() } else { elected };
        }
        stats.delta_series.store(self.totals.len() as u64, Ordering::Relaxed);
        stats.deltas_dropped.store(self.totals.dropped, Ordering::Relaxed);
        let totals_from_ms = if snapshot { self.totals.reads_from_ms() } else { i64::MAX };
        let sources = if snapshot { self.time.sources().collect() } else { Vec::new() };
        let epoch = Arc::new(Epoch { binding, history, rows });
        if let Some(warmer) = &self.install.warmer {
            warmer.pass(&bound, &epoch);
        }
        let stamped = Stamped { bound, sources, elected, totals_from_ms, log_from_ms: self.log.whole_from_ms() };
        self.walls.lock().unwrap_or_else(PoisonError::into_inner).insert(stamped.bound.epoch, stamped);
        self.shared.0.queue.put(epoch);
    }
}

fn bind(bound: &Bound) -> Result<Bind, LiveError> {
    let bytes = bincode::serialize(bound)
        .map_err(|e| LiveError::Format { path: "binding".to_owned(), what: format!("cannot be written: {e}") })?;
    Ok(Bind { epoch: bound.epoch, bytes })
}

/// Tells the clock of a source's rows.
fn hear(time: &mut LiveClock, source: u64, rows: &Rows, now_ms: i64) {
    if let Some(newest_ms) = rows.newest_ms() {
        time.heard(source, newest_ms, now_ms);
    }
    if let Some(delays) = time.delays() {
        let histograms = rows.histograms.iter().map(|h| h.stamp_ms);
        let deltas = rows.deltas.iter().map(|d| d.stamp_ms);
        delays.seen(now_ms, rows.stamps.iter().copied().chain(histograms).chain(deltas));
    }
}

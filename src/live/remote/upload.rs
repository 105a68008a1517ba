//! The thread that brings local checkpoints to the bucket.
//!
//! # Semantics
//! It reads what is on disk, so nobody waits for it and nothing is held in memory meanwhile: the newest checkpoint at the time
//! is what goes. It ends with the ledger's thread; where the run ends in order, it brings the last checkpoint there first.
//!
//! # Errors
//! [`LiveError::Overtaken`] and [`LiveError::Behind`] end the run. Everything else is counted, shown, and tried again.

use super::leader::{Candidate, Leader, Parts};
use super::{RemoteNews, RemoteStats};
use crate::live::clock::WallClock;
use crate::live::error::LiveError;
use crate::live::rules::RuleTables;
use crate::live::store::Store;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often the clock is looked at.
const POLL: Duration = Duration::from_millis(250);

/// How long an upload that failed waits, ms; never longer than the interval.
const RETRY_MS: i64 = 10_000;

/// The thread's state.
pub(in crate::live) struct Uploader {
    interval_ms: i64,
    candidate: Candidate,
    /// `None` as long as the bucket was not reached.
    leader: Option<Leader>,
    stats: Arc<RemoteStats>,
    store: Store,
    tables: RuleTables,
    clock: Arc<dyn WallClock>,
    heard: Receiver<()>,
    /// There is a checkpoint that may be newer than that in the bucket.
    is_due: bool,
    /// Nothing is brought there before, ms.
    next_ms: i64,
    /// When it is looked next whether it still leads, ms.
    check_ms: i64,
    /// The last epoch that was brought there.
    epoch: Option<u64>,
}

impl Uploader {
    pub(super) fn new(
        interval_ms: i64,
        candidate: Candidate,
        leader: Option<Leader>,
        stats: Arc<RemoteStats>,
        (store, tables): (Store, RuleTables),
        clock: Arc<dyn WallClock>,
        heard: Receiver<()>,
    ) -> Self {
        let (is_due, next_ms, check_ms, epoch) = (true, i64::MIN, i64::MIN, None);
        Self { interval_ms, candidate, leader, stats, store, tables, clock, heard, is_due, next_ms, check_ms, epoch }
    }

    /// Runs until the ledger's thread ends, or somebody else leads.
    pub fn run(mut self) -> Result<(), LiveError> {
        loop {
            match self.heard.recv_timeout(POLL) {
                Ok(()) => self.hear(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if self.stats.ends_in_order.load(Ordering::SeqCst) => {
                    (self.is_due, self.next_ms) = (true, i64::MIN);
                    return self.look(self.clock.now_ms());
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.look(self.clock.now_ms())?;
        }
    }

    /// There is a new checkpoint.
    pub fn hear(&mut self) {
        self.is_due = true;
        while self.heard.try_recv().is_ok() {}
    }

    /// Uploads, or looks whether it still leads, if it is time.
    pub fn look(&mut self, now_ms: i64) -> Result<(), LiveError> {
        let done = match (self.is_due && now_ms >= self.next_ms, now_ms >= self.check_ms) {
            (true, _) => self.upload(),
            (false, true) => self.leads().and_then(|leader| leader.check()).map(|()| None),
            (false, false) => return Ok(()),
        };
        let later = |ms: i64| now_ms.saturating_add(ms);
        match done {
            Ok(news) => {
                self.check_ms = later(self.interval_ms);
                // Where nothing was new, the next checkpoint need not wait.
                self.next_ms = if news.is_some() { later(self.interval_ms) } else { self.next_ms };
                self.stats.note(Ok(news));
                if let (Some(_), Some(leader)) = (news, &self.leader)
                    && let Err(error) = leader.collect()
                {
                    self.stats.note(Err(error.to_string()));
                }
            }
            Err(error @ (LiveError::Overtaken { .. } | LiveError::Behind { .. })) => return Err(error),
            Err(error) => {
                self.check_ms = later(self.interval_ms.min(RETRY_MS));
                self.next_ms = self.check_ms;
                self.stats.note(Err(error.to_string()));
            }
        }
        Ok(())
    }

    /// The leader: the bucket may be reached for the first time.
    fn leads(&mut self) -> Result<&mut Leader, LiveError> {
        Ok(match &mut self.leader {
            Some(leader) => leader,
            none => none.insert(self.candidate.lead(self.store.newest_manifest()?.as_ref())?.0),
        })
    }

    /// Brings the newest checkpoint there, if it is not there yet. It is due until that has worked.
    fn upload(&mut self) -> Result<Option<RemoteNews>, LiveError> {
        let begin = Instant::now();
        let done = self.epoch;
        let newest = self.store.newest_bytes()?.filter(|(m, _)| done.is_none_or(|epoch| m.epoch > epoch));
        let Some((manifest, kept)) = newest else {
            self.leads()?.check()?;
            self.is_due = false;
            return Ok(None);
        };
        let rules = self.tables.stored(manifest.rules)?;
        let (epoch, wall_ms) = (manifest.epoch, manifest.wall_ms);
        let bytes = self.leads()?.commit(Parts { manifest, rules, kept })?;
        (self.epoch, self.is_due) = (Some(epoch), false);
        Ok(Some(RemoteNews { epoch, wall_ms, bytes, took_ms: begin.elapsed().as_millis() as u64 }))
    }
}

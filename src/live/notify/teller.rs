//! The thread of one receiver: looks at the book, posts what is due, waits longer after each failure.

use super::outbox::Outbox;
use super::receiver::Receiver;
use super::wording::Wording;
use super::{NotifySpec, ReceiverStats};
use crate::live::clock::WallClock;
use crate::live::output::SharedView;
use crate::live::rules::RuleTable;
use bellwether_connectors::sink::{Alertmanager, MOST_ALERTS, Notification, NotifyError};
use bellwether_model::Decision;
use bellwether_operators::relabel::Relabelling;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How often the book is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How often what the book no longer holds is forgotten, ms.
const FORGET_MS: i64 = 60_000;

/// After a failure the next try waits this long, then twice as long, and so on.
const FIRST_WAIT_MS: i64 = 500;

/// The longest wait after failures, ms.
const LONGEST_WAIT_MS: i64 = 30_000;

/// What a receiver's thread works with.
pub(in crate::live) struct Teller {
    pub(super) spec: NotifySpec,
    pub(super) relabelling: [Relabelling; 2],
    pub(super) to: Alertmanager,
    pub(super) view: SharedView,
    pub(super) table: Arc<dyn Fn() -> RuleTable + Send + Sync>,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) stats: Arc<ReceiverStats>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) receiver: Receiver,
    pub(super) outbox: Outbox,
    pub(super) pace: Pace,
}

/// When something is to be done next.
#[derive(Debug)]
pub(super) struct Pace {
    failures: u32,
    not_before_ms: i64,
    forget_ms: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { failures: 0, not_before_ms: i64::MIN, forget_ms: i64::MIN }
    }
}

impl Teller {
    /// Tells until it is stopped.
    pub fn run(&mut self) {
        while !self.stop.load(Ordering::SeqCst) {
            self.look();
            std::thread::park_timeout(LOOK);
        }
    }

    /// One look at the book.
    pub fn look(&mut self) {
        let now_ms = self.clock.now_ms();
        if now_ms >= self.pace.not_before_ms && !self.tell(now_ms) {
            self.pace.failures = self.pace.failures.saturating_add(1);
            let wait_ms = FIRST_WAIT_MS.saturating_mul(1 << self.pace.failures.min(10));
            self.pace.not_before_ms = now_ms.saturating_add(wait_ms.min(LONGEST_WAIT_MS));
        }
        if now_ms >= self.pace.forget_ms {
            self.pace.forget_ms = now_ms.saturating_add(FORGET_MS);
            let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
            let gone = self.receiver.forget(view.book.iter(), now_ms);
            drop(view);
            if !gone.is_empty() {
                self.note(self.outbox.write(self.to.url(), &[], &gone));
            }
        }
    }

    /// Tells everything that is due; whether all of it was taken or refused for good.
    fn tell(&mut self, now_ms: i64) -> bool {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        let due = self.receiver.due(view.book.iter(), now_ms, self.spec.resend_ms);
        let due: Vec<Decision> = due.into_iter().cloned().collect();
        drop(view);
        if due.is_empty() {
            return true;
        }
        let table = (self.table)();
        for batch in due.chunks(MOST_ALERTS) {
            let wording = Wording { spec: &self.spec, relabelling: &self.relabelling, table: &table };
            let notifications: Vec<Notification> =
                batch.iter().filter_map(|d| wording.notification(d, now_ms)).collect();
            if !notifications.is_empty() && !self.post(&notifications) {
                return false;
            }
            let told = self.receiver.tell(batch, now_ms);
            self.note(self.outbox.write(self.to.url(), &told, &[]));
        }
        true
    }

    /// Whether a batch was taken, or refused for good: telling it again would be refused again, so the next state or the
    /// next repeat is waited for.
    fn post(&mut self, notifications: &[Notification]) -> bool {
        let sent = self.to.post(notifications);
        let error = sent.as_ref().err().map(ToString::to_string);
        *self.stats.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
        let alerts = notifications.len() as u64;
        match sent {
            Ok(()) => {
                self.pace.failures = 0;
                self.stats.sent.fetch_add(alerts, Ordering::Relaxed);
                true
            }
            Err(NotifyError::Refused { .. } | NotifyError::Address { .. } | NotifyError::Settings { .. }) => {
                self.stats.refused.fetch_add(alerts, Ordering::Relaxed);
                true
            }
            Err(NotifyError::Later { .. }) => {
                self.stats.failed.fetch_add(1, Ordering::Relaxed);
                false
            }
        }
    }

    /// An outbox that cannot be written costs repeated messages after a restart; somebody should know.
    fn note(&self, written: Result<(), redb::Error>) {
        let trouble =
            written.err().map(|e| format!("the outbox cannot be written, a restart would repeat alerts: {e}"));
        *self.stats.outbox.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

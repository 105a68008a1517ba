//! The notifier: alerts in force in, what each Alertmanager has to hear out.
//!
//! # Semantics (Prometheus rules/alerting.go and notifier)
//! Outside the deterministic part, on its own wall clock: an alert that fires is repeated each resend delay with
//! `endsAt = now + 4 × max(interval, resend delay)`, also while the watermark stands still, or else Alertmanager resolves
//! it by itself; a resolved one is repeated for 15 minutes. Latest state wins: there is no queue. An episode that opened and closed while a receiver
//! was away is not told to it. Relabelling applies to what is sent and to nothing else: an alert that it lets go counts as
//! told. At least once: a crash between post and mark repeats the post.
//!
//! # State
//! By receiver, what it was told last. What is in force survives a restart with the book ([`super::Book`]); a restart
//! tells everything in force again.

use super::book::{Active, RESOLVED_MS};
use super::clock::WallClock;
use super::output::SharedView;
use super::rules::RuleTable;
use bellwether_connectors::sink::{Alertmanager, MOST_ALERTS, Notification, NotifyError};
use bellwether_model::{Decision, Labels, Transition};
use bellwether_operators::relabel::{RelabelConfig, RelabelError, Relabelling};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the book is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// After a failure the next try waits this long, then twice as long, and so on.
const FIRST_WAIT_MS: i64 = 500;

/// The longest wait after failures, ms.
const LONGEST_WAIT_MS: i64 = 30_000;

/// How receivers are told.
#[derive(Clone, Debug)]
pub struct NotifySpec {
    /// Addresses of Alertmanagers; each hears of everything.
    pub urls: Vec<String>,
    /// Distance of two posts of one alert, ms.
    pub resend_ms: i64,
    /// How long a post may take.
    pub timeout: Duration,
    /// Labels added to every alert that does not have them.
    pub external_labels: Labels,
    /// What is done to an alert's labels, external ones included, before it is sent.
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// Where users reach this server.
    pub external_url: String,
}

/// What became of posts to one receiver.
#[derive(Debug, Default)]
pub struct ReceiverStats {
    /// Its address.
    pub url: String,
    /// Alerts that it took.
    pub sent: AtomicU64,
    /// Posts that failed.
    pub failed: AtomicU64,
    /// Alerts that it will never take.
    pub refused: AtomicU64,
    /// What it said last, if that was no success.
    pub error: Mutex<Option<String>>,
}

/// What one receiver was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    at_ms: i64,
    episode: u128,
    resolved: bool,
}

/// Decides what one receiver has to hear.
#[derive(Debug, Default)]
struct Receiver {
    /// When this process began, ms.
    since_ms: i64,
    told: BTreeMap<u128, Told>,
}

impl Receiver {
    /// Alerts to be told now, by id.
    fn due<'a>(&self, book: impl Iterator<Item = &'a Active>, now_ms: i64, resend_ms: i64) -> Vec<&'a Decision> {
        let is_due = |active: &&Active| {
            let d = &active.decision;
            let told = self.told.get(&d.alert_id).filter(|t| t.episode == d.episode_id);
            let again = |told: &Told| told.at_ms.saturating_add(resend_ms) <= now_ms;
            match d.transition {
                Transition::Pending | Transition::Dropped => false,
                Transition::Firing => told.is_none_or(again),
                // What it never heard of needs no end; what a process before this one told it is not known.
                Transition::Resolved => match told {
                    Some(told) => !told.resolved || again(told),
                    None => d.step_ms < self.since_ms,
                },
            }
        };
        book.filter(is_due).map(|active| &active.decision).collect()
    }

    fn tell(&mut self, decisions: &[Decision], now_ms: i64) {
        for d in decisions {
            let told = Told { at_ms: now_ms, episode: d.episode_id, resolved: d.transition == Transition::Resolved };
            self.told.insert(d.alert_id, told);
        }
        self.told.retain(|_, told| told.at_ms >= now_ms.saturating_sub(2 * RESOLVED_MS));
    }
}

/// What notifications need to know of rules.
struct Wording<'a> {
    spec: &'a NotifySpec,
    relabelling: &'a Relabelling,
    table: &'a RuleTable,
}

impl Wording<'_> {
    /// What a receiver is told; `None` where relabelling lets the alert go.
    fn notification(&self, d: &Decision, now_ms: i64) -> Option<Notification> {
        let mut labels = self.spec.external_labels.to_builder();
        for (name, value) in d.labels.iter() {
            labels.set(name, value);
        }
        let labels = self.relabelling.apply(&labels.build())?;
        let rule = self.table.set.rules().find(|(f, g, r)| {
            r.is_alert() && (f.path.as_str(), g.name.as_str(), r.name.as_str()) == (&d.file, &d.group, &d.alert)
        });
        let default_ms = self.table.default_interval_ms;
        let interval_ms = rule.and_then(|(_, g, _)| g.interval_ms).filter(|ms| *ms > 0).unwrap_or(default_ms);
        let expr = rule.map_or("", |(_, _, r)| r.expr_text.as_str());
        let query: String = form_urlencoded::byte_serialize(expr.as_bytes()).collect();
        Some(Notification {
            labels,
            annotations: d.annotations.clone(),
            starts_at_ms: d.fired_at_ms.unwrap_or(d.active_at_ms),
            ends_at_ms: match d.transition {
                Transition::Resolved => d.step_ms,
                _ => now_ms.saturating_add(4 * interval_ms.max(self.spec.resend_ms)),
            },
            generator_url: format!("{}/graph?g0.expr={query}&g0.tab=1", self.spec.external_url.trim_end_matches('/')),
        })
    }
}

/// The threads that tell receivers, one each: a receiver that is away holds up nobody.
pub struct Notifier {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    stats: Vec<Arc<ReceiverStats>>,
}

/// What a receiver's thread works with.
struct Teller {
    spec: NotifySpec,
    relabelling: Relabelling,
    to: Alertmanager,
    view: SharedView,
    table: Arc<dyn Fn() -> RuleTable + Send + Sync>,
    clock: Arc<dyn WallClock>,
    stats: Arc<ReceiverStats>,
    stop: Arc<AtomicBool>,
    receiver: Receiver,
    /// Failures in a row, and no post before, ms.
    failures: u32,
    not_before_ms: i64,
}

impl Notifier {
    /// Starts to tell; a wrong address is an error.
    pub fn start(
        spec: &NotifySpec,
        view: &SharedView,
        table: Arc<dyn Fn() -> RuleTable + Send + Sync>,
        clock: Arc<dyn WallClock>,
    ) -> Result<Self, NotifyError> {
        let stop = Arc::<AtomicBool>::default();
        let settings = |e: RelabelError| NotifyError::Settings {
            place: "alert_relabel_configs".to_owned(),
            reason: e.to_string(),
        };
        let relabelling = Relabelling::compile(&spec.alert_relabel_configs).map_err(settings)?;
        let receivers: Result<Vec<Alertmanager>, _> =
            spec.urls.iter().map(|url| Alertmanager::new(url, spec.timeout)).collect();
        let (mut threads, mut all) = (Vec::new(), Vec::new());
        for to in receivers? {
            let stats = Arc::new(ReceiverStats { url: to.url().to_owned(), ..ReceiverStats::default() });
            all.push(stats.clone());
            let (spec, view, table, clock, stop) =
                (spec.clone(), view.clone(), table.clone(), clock.clone(), stop.clone());
            let receiver = Receiver { since_ms: clock.now_ms(), told: BTreeMap::new() };
            let (failures, not_before_ms) = (0, i64::MIN);
            let relabelling = relabelling.clone();
            let mut teller =
                Teller { spec, relabelling, to, view, table, clock, stats, stop, receiver, failures, not_before_ms };
            threads.push(std::thread::spawn(move || teller.run()));
        }
        Ok(Self { stop, threads, stats: all })
    }

    /// What became of posts, by receiver.
    pub fn stats(&self) -> &[Arc<ReceiverStats>] {
        &self.stats
    }

    /// Ends; a post under way is waited for.
    pub fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.thread().unpark();
            // Its panic would have nothing to say here.
            let _ = thread.join();
        }
    }
}

impl Teller {
    fn run(&mut self) {
        while !self.stop.load(Ordering::SeqCst) {
            let now_ms = self.clock.now_ms();
            if now_ms >= self.not_before_ms && !self.tell(now_ms) {
                self.failures = self.failures.saturating_add(1);
                let wait_ms = FIRST_WAIT_MS.saturating_mul(1 << self.failures.min(10));
                self.not_before_ms = now_ms.saturating_add(wait_ms.min(LONGEST_WAIT_MS));
            }
            std::thread::park_timeout(LOOK);
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
        let wording = Wording { spec: &self.spec, relabelling: &self.relabelling, table: &table };
        for batch in due.chunks(MOST_ALERTS) {
            let notifications: Vec<Notification> =
                batch.iter().filter_map(|d| wording.notification(d, now_ms)).collect();
            if notifications.is_empty() {
                self.receiver.tell(batch, now_ms);
                continue;
            }
            let sent = self.to.post(&notifications);
            let mut error = self.stats.error.lock().unwrap_or_else(PoisonError::into_inner);
            *error = sent.as_ref().err().map(ToString::to_string);
            match sent {
                Ok(()) => {
                    self.failures = 0;
                    self.stats.sent.fetch_add(notifications.len() as u64, Ordering::Relaxed);
                    self.receiver.tell(batch, now_ms);
                }
                // Telling it again would be refused again: wait for the next state, or the next repeat.
                Err(NotifyError::Refused { .. } | NotifyError::Address { .. } | NotifyError::Settings { .. }) => {
                    self.stats.refused.fetch_add(notifications.len() as u64, Ordering::Relaxed);
                    self.receiver.tell(batch, now_ms);
                }
                Err(NotifyError::Later { .. }) => {
                    self.stats.failed.fetch_add(1, Ordering::Relaxed);
                    return false;
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::live::Book;

    fn decision(alert_id: u128, episode_id: u128, step_ms: i64, transition: Transition) -> Decision {
        Decision {
            alert_id,
            episode_id,
            decision_id: 0,
            file: String::new(),
            group: String::new(),
            alert: "A".to_owned(),
            step_ms,
            transition,
            labels: Labels::empty(),
            annotations: Labels::empty(),
            value: 1.0,
            active_at_ms: 0,
            fired_at_ms: Some(0),
            revision: 0,
        }
    }

    fn due(receiver: &mut Receiver, book: &Book, now_ms: i64) -> Vec<Transition> {
        let due: Vec<Decision> = receiver.due(book.iter(), now_ms, 60_000).into_iter().cloned().collect();
        receiver.tell(&due, now_ms);
        due.iter().map(|d| d.transition).collect()
    }

    #[test]
    fn a_firing_alert_is_repeated_and_its_end_told_until_nobody_needs_it() {
        let (mut book, mut receiver) = (Book::default(), Receiver::default());
        book.apply(&decision(1, 1, 0, Transition::Pending));
        assert_eq!(due(&mut receiver, &book, 0), []);
        book.apply(&decision(1, 1, 10, Transition::Firing));
        assert_eq!(due(&mut receiver, &book, 10), [Transition::Firing]);
        assert_eq!(due(&mut receiver, &book, 60_009), []);
        assert_eq!(due(&mut receiver, &book, 60_010), [Transition::Firing]);
        book.apply(&decision(1, 1, 60_020, Transition::Resolved));
        assert_eq!(due(&mut receiver, &book, 60_021), [Transition::Resolved]);
        assert_eq!(due(&mut receiver, &book, 60_022), []);
        assert_eq!(due(&mut receiver, &book, 120_021), [Transition::Resolved]);
        book.forget(60_020 + RESOLVED_MS + 1);
        assert_eq!(due(&mut receiver, &book, 60_020 + RESOLVED_MS + 1), []);
    }

    #[test]
    fn relabelling_changes_what_is_sent_and_may_let_an_alert_go() {
        let configs: Vec<RelabelConfig> = serde_json::from_value(serde_json::json!([
            {"source_labels": ["team"], "regex": "test", "action": "drop"},
            {"source_labels": ["dc"], "regex": "(.*)1", "target_label": "region", "replacement": "$1"},
            {"regex": "dc", "action": "labeldrop"},
        ]))
        .unwrap();
        let external_labels = Labels::from_pairs([("dc", "eu1")]);
        let spec = NotifySpec {
            urls: Vec::new(),
            resend_ms: 60_000,
            timeout: Duration::from_secs(1),
            external_labels,
            alert_relabel_configs: configs.clone(),
            external_url: String::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        let tables = crate::live::RuleTables::new(
            Arc::new(bellwether_connectors::disk::RealDisk),
            folder.path(),
            Default::default(),
            Default::default(),
        );
        let table = tables.of_texts(&[("r.yml".to_owned(), "groups: []\n".to_owned())]).unwrap();
        let relabelling = Relabelling::compile(&configs).unwrap();
        let wording = Wording { spec: &spec, relabelling: &relabelling, table: &table };
        let of = |team: &str| {
            let labels = Labels::from_pairs([("alertname", "A"), ("team", team)]);
            wording.notification(&Decision { labels, ..decision(1, 1, 0, Transition::Firing) }, 0)
        };
        let sent = of("web").map(|n| n.labels);
        assert_eq!(sent, Some(Labels::from_pairs([("alertname", "A"), ("region", "eu"), ("team", "web")])));
        assert_eq!(of("test"), None);
    }

    #[test]
    fn an_episode_that_nobody_heard_of_has_no_end() {
        let (mut book, mut receiver) = (Book::default(), Receiver::default());
        book.apply(&decision(1, 1, 10, Transition::Firing));
        book.apply(&decision(1, 1, 20, Transition::Resolved));
        assert_eq!(due(&mut receiver, &book, 30), []);
        // Unless a process before this one may have told of it.
        let mut later = Receiver { since_ms: 25, ..Receiver::default() };
        assert_eq!(due(&mut later, &book, 30), [Transition::Resolved]);
        // The next episode of the same alert is another one.
        book.apply(&decision(1, 2, 40, Transition::Firing));
        assert_eq!(due(&mut receiver, &book, 40), [Transition::Firing]);
        book.apply(&decision(1, 3, 50, Transition::Firing));
        assert_eq!(due(&mut receiver, &book, 50), [Transition::Firing]);
    }
}

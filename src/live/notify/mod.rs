//! The notifier: alerts in force in, what each Alertmanager has to hear out.
//!
//! # Semantics (Prometheus rules/alerting.go and notifier)
//! Outside the deterministic part, on its own wall clock: an alert that fires is repeated each resend delay with
//! `endsAt = now + 4 × max(interval, resend delay)`, also while the watermark stands still, or else Alertmanager resolves
//! it by itself; a resolved one is repeated for 15 minutes. Latest state wins: there is no queue. An episode that opened and
//! closed while a receiver was away is not told to it. Relabelling applies to what is sent and to nothing else: an alert that it lets go
//! counts as told. At least once: a crash between post and mark repeats the post.
//!
//! # State
//! By receiver, what it was told last, in the outbox. What is in force survives a restart with the book ([`super::Book`]).

mod outbox;
mod receiver;
mod teller;
#[cfg(test)]
mod tests;
mod wording;

use super::clock::WallClock;
use super::output::SharedView;
use super::rules::RuleTable;
pub(super) use teller::Teller;

use bellwether_connectors::sink::http::HttpSpec;
use bellwether_connectors::sink::{Alertmanager, NotifyError};
use bellwether_model::Labels;
use bellwether_operators::relabel::{RelabelConfig, RelabelError, Relabelling};
use outbox::Outbox;
use receiver::Receiver;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use teller::Pace;

/// One Alertmanager, and how it is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiverSpec {
    /// Its address.
    pub url: String,
    /// How it is reached.
    pub http: HttpSpec,
    /// What is done to labels for it alone, after what is done for all.
    pub alert_relabel_configs: Vec<RelabelConfig>,
}

impl ReceiverSpec {
    /// Whether it could be told anything: certificates and secrets are read.
    pub fn check(&self) -> Result<(), NotifyError> {
        self.relabelling()?;
        Alertmanager::new(&self.url, &self.http).map(drop)
    }

    fn relabelling(&self) -> Result<Relabelling, NotifyError> {
        relabelling(&self.url, &self.alert_relabel_configs)
    }
}

fn relabelling(of: &str, configs: &[RelabelConfig]) -> Result<Relabelling, NotifyError> {
    let wrong = |e: RelabelError| NotifyError::Settings {
        place: format!("alert_relabel_configs of {of}"),
        reason: e.to_string(),
    };
    Relabelling::compile(configs).map_err(wrong)
}

/// How receivers are told.
#[derive(Clone, Debug)]
pub struct NotifySpec {
    /// Alertmanagers; each hears of everything.
    pub receivers: Vec<ReceiverSpec>,
    /// Distance of two posts of one alert, ms.
    pub resend_ms: i64,
    /// Labels added to every alert that does not have them.
    pub external_labels: Labels,
    /// What is done to an alert's labels, external ones included, before it is sent to anybody.
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
    /// Why the outbox cannot be written, if it cannot.
    pub outbox: Mutex<Option<String>>,
}

/// Who tells the receivers, one each, and what is wrong with the outbox, if something is.
pub(super) fn tellers(
    spec: &NotifySpec,
    from: &NotifySource,
    outbox: Option<&Path>,
    stop: &Arc<AtomicBool>,
) -> Result<(Vec<Teller>, Option<String>), NotifyError> {
    let for_all = relabelling("all", &spec.alert_relabel_configs)?;
    let receivers: Result<Vec<_>, NotifyError> = spec
        .receivers
        .iter()
        .map(|r| Ok((Alertmanager::new(&r.url, &r.http)?, [for_all.clone(), r.relabelling()?])))
        .collect();
    let receivers = receivers?;
    let (outbox, warning) = match outbox.filter(|_| !receivers.is_empty()) {
        Some(path) => Outbox::open(path),
        None => (Outbox::none(), None),
    };
    let teller = |(to, relabelling): (Alertmanager, _)| Teller {
        spec: spec.clone(),
        relabelling,
        view: from.view.clone(),
        table: from.table.clone(),
        clock: from.clock.clone(),
        stats: Arc::new(ReceiverStats { url: to.url().to_owned(), ..ReceiverStats::default() }),
        stop: stop.clone(),
        receiver: Receiver::new(outbox.of(to.url())),
        outbox: outbox.clone(),
        pace: Pace::default(),
        to,
    };
    Ok((receivers.into_iter().map(teller).collect(), warning))
}

/// The threads that tell receivers, one each: a receiver that is away holds up nobody.
pub struct Notifier {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    stats: Vec<Arc<ReceiverStats>>,
    warning: Option<String>,
}

/// What notifications are made of.
pub struct NotifySource {
    /// Alerts in force.
    pub view: SharedView,
    /// The rules in force.
    pub table: Arc<dyn Fn() -> RuleTable + Send + Sync>,
    /// Time.
    pub clock: Arc<dyn WallClock>,
}

impl Notifier {
    /// Begins to tell; `outbox` is the file that remembers what was told.
    pub fn start(spec: &NotifySpec, from: NotifySource, outbox: Option<&Path>) -> Result<Self, NotifyError> {
        let stop = Arc::<AtomicBool>::default();
        let (tellers, warning) = tellers(spec, &from, outbox, &stop)?;
        let stats = tellers.iter().map(|teller| teller.stats.clone()).collect();
        let spawn = |mut teller: Teller| std::thread::spawn(move || teller.run());
        let threads = tellers.into_iter().map(spawn).collect();
        Ok(Self { stop, threads, stats, warning })
    }

    /// What became of posts, by receiver.
    pub fn stats(&self) -> &[Arc<ReceiverStats>] {
        &self.stats
    }

    /// What somebody should know who starts it.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
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

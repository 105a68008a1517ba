//! The end of a run: everything in its order, within a time.
//!
//! # Semantics
//! Receivers are told no more, requests that were begun are answered, what came is decided, a checkpoint is written. A second
//! signal ends the process at once; so does the end of `stop_timeout`, with what was not done. Neither loses anything: the next start
//! reads the log back from the last checkpoint.

use super::log::{Event, Log};
use super::serve::Servers;
use super::{Run, failure, tell};
use crate::exit::{Failure, UNFINISHED, counted};
use bellwether::config::Config;
use bellwether::live::{LiveError, LiveHandle};
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is being done.
#[derive(Clone, Default)]
struct At(Arc<Mutex<&'static str>>);

impl At {
    fn now(&self, what: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }
}

/// Ends the process when the time is over, or at a signal more.
fn hurry(config: &Config, log: Log, mut signals: Signals, at: At, handles: Vec<LiveHandle>) {
    let timeout = config.stop_timeout.duration();
    std::thread::spawn(move || {
        if signals.forever().any(|signal| signal != SIGHUP) {
            log.say(Event::info("stopped_at_once", "stopped at once: the next start reads the log back"));
            std::process::exit(130);
        }
    });
    std::thread::spawn(move || {
        std::thread::sleep(timeout);
        log.say(unfinished(timeout, *at.0.lock().unwrap_or_else(PoisonError::into_inner), &handles));
        std::process::exit(i32::from(UNFINISHED));
    });
}

/// What was not done in time.
fn unfinished(timeout: Duration, at: &str, handles: &[LiveHandle]) -> Event {
    let epochs: u64 = handles.iter().map(LiveHandle::depth).sum();
    let waiting: u64 = handles.iter().flat_map(LiveHandle::forwarded).map(|p| p.waiting).sum();
    let text = format!(
        "stop_timeout ({} s) is over while {at}, with {} under way and {} for other stores: it ends here. Nothing that was \
         acknowledged is lost: the next start reads the log back from the last checkpoint",
        timeout.as_secs_f64(),
        counted(epochs as usize, "epoch"),
        counted(waiting as usize, "sample"),
    );
    Event::error("stop_timeout", text).with("at", at).with("epochs", epochs).with("samples_waiting", waiting)
}

/// Ends everything: senders first, because what they have sent is answered before the last epoch is cut.
pub(super) fn stop(
    (config, log): (&Config, Log),
    runs: Vec<Run>,
    servers: Servers,
    ended: Option<LiveError>,
    signals: Signals,
) -> Result<(), Failure> {
    let at = At::default();
    at.now("Alertmanagers answer");
    if ended.is_none() {
        let text = "stopping: finishing what came and writing a checkpoint; press Ctrl-C again to stop at once";
        log.say(Event::info("stopping", text));
    }
    hurry(config, log, signals, at.clone(), runs.iter().map(|run| run.handle.clone()).collect());
    let mut all = Vec::with_capacity(runs.len());
    for Run { tenant, live, handle, notifier, .. } in runs {
        notifier.stop();
        all.push((tenant, live, handle));
    }
    at.now("requests are answered");
    servers.stop();
    if let Some(error) = ended {
        at.now("threads end");
        all.into_iter().for_each(|(_, live, _)| live.abandon());
        return Err(failure(error));
    }
    at.now("what came is decided and a checkpoint written");
    let mut first = None;
    for (tenant, live, handle) in all {
        match live.stop() {
            Ok(_) => tell::end(log, &tenant, &handle),
            Err(error) => first = first.or(Some(error)),
        }
    }
    first.map_or(Ok(()), |error| Err(failure(error)))
}

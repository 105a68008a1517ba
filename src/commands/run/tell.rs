//! What a run says of itself: what it found, where it listens, what became of a reload, how far it came.

use super::log::{Event, Log};
use super::serve::Servers;
use super::{Run, failure};
use crate::exit::counted;
use bellwether::config::Config;
use bellwether::live::{LiveHandle, RemoteStats, Restored, Started};
use bellwether_connectors::source::intake::Intake;
use std::fmt::Write;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// What was found, where it listens, and what to do next.
pub(super) fn begin(log: Log, config: &Config, runs: &[Run], servers: &Servers) {
    let scheme = if config.access.tls.is_some() { "https" } else { "http" };
    let at = format!("{scheme}://{}", servers.address());
    for run in runs {
        found(log, run);
    }
    let mut event = Event::info("listening", listening(log, &at, config, runs.len(), servers)).with("address", at);
    if let Some(otlp) = servers.otlp_address() {
        event = event.with("otlp_address", otlp.to_string());
    }
    log.say(event);
}

/// Where it listens, and for people what to do there.
fn listening(log: Log, at: &str, config: &Config, tenants: usize, servers: &Servers) -> String {
    let mut text = format!("listening at {at}");
    if log.is_json() {
        return text;
    }
    // Writing to a `String` does not fail.
    let _ = write!(text, "\n  senders push to   {at}/api/v1/write (Prometheus remote-write)");
    let _ =
        write!(text, "\n                    {at}/api/v1/otlp/v1/metrics (OTLP over HTTP; gRPC at the same address)");
    if let Some(otlp) = servers.otlp_address() {
        let _ = write!(text, "\n                    {otlp} (OTLP over gRPC)");
    }
    if !config.tenants.is_empty() {
        let tenants = counted(tenants, "tenant");
        let _ = write!(text, "\n  tenants           {tenants}, by credential or the header X-Scope-OrgID");
    }
    let _ = write!(text, "\n  alerts            {at}/api/v1/alerts\n  how far it is     {at}/api/v1/status/progress");
    text
}

fn found(log: Log, run: &Run) {
    let table = run.handle.table();
    let (rules, files) = (table.set.rules().count(), table.set.files.len());
    for warning in &table.set.warnings {
        log.plain(&run.tenant, "rules_warning", format!("{warning}\n"));
    }
    let workers = run.handle.workers();
    let text = format!("{} in {}, {}", counted(rules, "rule"), counted(files, "file"), counted(workers, "worker"));
    let loaded = Event::info("rules_loaded", text);
    log.say_of(&run.tenant, loaded.with("rules", rules).with("files", files).with("workers", workers));
    log.say_of(&run.tenant, state(run));
    if let Some(restored) = &run.started.restored {
        log.say_of(&run.tenant, filled(restored, run.handle.intake().now_ms()));
    }
    let quarantine = run.handle.quarantine();
    if !quarantine.is_empty() {
        let all: Vec<&str> = quarantine.rules.iter().chain(&quarantine.series).map(String::as_str).collect();
        let text = format!("in quarantine, and not evaluated: {}", all.join(", "));
        let event = Event::warn("quarantine", text).with("rules", quarantine.rules.len());
        log.say_of(&run.tenant, event.with("series", quarantine.series.len()));
    }
    if let Some(warning) = run.notifier.warning() {
        log.say_of(&run.tenant, Event::warn("outbox_damaged", warning));
    }
    let torn_bytes = run.started.torn_bytes;
    if torn_bytes > 0 {
        let text = format!("note: {torn_bytes} bytes that were being written when it was stopped are cut off");
        log.say_of(&run.tenant, Event::info("torn_end_cut", text).with("bytes", torn_bytes));
    }
}

fn state(run: &Run) -> Event {
    let folder = run.config.state.folder.display().to_string();
    let Started { checkpoint, last_epoch, generation, .. } = run.started;
    let again = last_epoch.saturating_sub(checkpoint.unwrap_or(0));
    let epochs = counted(again as usize, "epoch");
    let text = match checkpoint {
        Some(epoch) => {
            format!("state in {folder}: going on from the checkpoint of epoch {epoch}, {epochs} to run again")
        }
        None if last_epoch > 0 => format!("state in {folder}: no checkpoint yet, {epochs} to run again"),
        None => format!("state in {folder}: new"),
    };
    let event = Event::info("state", text).with("folder", folder).with("generation", generation);
    event.with("checkpoint_epoch", checkpoint).with("epochs_to_run", again)
}

fn filled(Restored { place, epoch, wall_ms, .. }: &Restored, now_ms: i64) -> Event {
    let age = bellwether_dataflow::plan::duration(now_ms.saturating_sub(*wall_ms) / 1_000 * 1_000);
    let text = format!(
        "the folder was empty: filled from the checkpoint of epoch {epoch} in {place}, {age} old. What came after it is known only as \
         far as senders send it again; alerts in force stay so until their rules know enough"
    );
    Event::info("restored", text).with("place", place.to_string()).with("epoch", *epoch).with("wall_ms", *wall_ms)
}

/// Says whether checkpoints reach the bucket, where that has changed; gives what is in the way now.
pub(super) fn remote(log: Log, run: &Run, before: Option<String>) -> Option<String> {
    let now = run.handle.remote().and_then(RemoteStats::trouble);
    match (&now, &before) {
        (Some(why), None) => {
            let text = format!("checkpoints do not reach the bucket; everything else goes on: {why}");
            log.say_of(&run.tenant, Event::warn("remote_checkpoint_failing", text).with("reason", why.as_str()));
        }
        (None, Some(_)) => {
            log.say_of(&run.tenant, Event::info("remote_checkpoint_ok", "checkpoints reach the bucket again"));
        }
        _ => {}
    }
    now
}

/// What became of reading the rules of a run again.
pub(super) fn reload(log: Log, run: &Run) {
    match run.handle.reload() {
        Ok(Some(rules)) => {
            let text = format!("reloaded: {} take effect as soon as what is new is warm", counted(rules, "rule"));
            log.say_of(&run.tenant, Event::info("reloaded", text).with("rules", rules));
        }
        Ok(None) => log.say_of(&run.tenant, Event::info("reload_unchanged", "reloaded: nothing has changed")),
        Err(error) => {
            log.plain(&run.tenant, "reload_failed", failure(error).text().unwrap_or_default());
            let text = "the rules before stay in force";
            log.say_of(&run.tenant, Event::info("rules_kept", text));
        }
    }
}

/// How far a run came.
pub(super) fn end(log: Log, tenant: &str, handle: &LiveHandle) {
    let view = handle.view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    let samples = handle.commit_stats().samples.load(Ordering::Relaxed);
    let (epoch, decisions, hash) = (view.epoch, view.decisions, format!("{:032x}", view.rolling_hash));
    let text = format!(
        "stopped at epoch {epoch}: {} in the ledger, hash {hash}; {samples} samples came in this run",
        counted(decisions as usize, "decision"),
    );
    let event = Event::info("stopped", text).with("epoch", epoch).with("decisions", decisions);
    log.say_of(tenant, event.with("decisions_hash", hash).with("samples", samples));
}

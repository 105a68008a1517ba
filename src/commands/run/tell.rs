//! What a run says on the terminal.

use super::serve::Servers;
use super::{Run, failure};
use crate::exit::counted;
use bellwether::config::Config;
use bellwether::live::{LiveHandle, RemoteStats, Restored};
use bellwether_connectors::source::intake::Intake;
use bellwether_dataflow::{lint, rules};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// What was found, where it listens, and what to do next.
pub(super) fn begin(config: &Config, runs: &[Run], servers: &Servers) {
    let scheme = if config.access.tls.is_some() { "https" } else { "http" };
    let at = format!("{scheme}://{}", servers.address());
    for run in runs {
        found(run);
    }
    eprintln!("listening at {at}");
    eprintln!("  senders push to   {at}/api/v1/write (Prometheus remote-write)");
    eprintln!("                    {at}/api/v1/otlp/v1/metrics (OTLP over HTTP; gRPC at the same address)");
    if let Some(otlp) = servers.otlp_address() {
        eprintln!("                    {otlp} (OTLP over gRPC)");
    }
    if !config.tenants.is_empty() {
        eprintln!("  tenants           {}, by credential or the header X-Scope-OrgID", counted(runs.len(), "tenant"));
    }
    eprintln!("  alerts            {at}/api/v1/alerts");
    eprintln!("  how far it is     {at}/api/v1/status/progress");
}

fn found(run: &Run) {
    let table = run.handle.table();
    let (rules, files) = (table.set.rules().count(), table.set.files.len());
    for warning in &table.set.warnings {
        eprintln!("{warning}\n");
    }
    unanswered(&table.set);
    let of = of(&run.tenant);
    let workers = counted(run.handle.workers(), "worker");
    eprintln!("{of}{} in {}, {workers}", counted(rules, "rule"), counted(files, "file"));
    let (folder, started) = (run.config.state.folder.display(), &run.started);
    match started.checkpoint {
        Some(epoch) => eprintln!(
            "{of}state in {folder}: going on from the checkpoint of epoch {epoch}, {} to run again",
            counted(started.last_epoch.saturating_sub(epoch) as usize, "epoch"),
        ),
        None if started.last_epoch > 0 => {
            let epochs = counted(started.last_epoch as usize, "epoch");
            eprintln!("{of}state in {folder}: no checkpoint yet, {epochs} to run again");
        }
        None => eprintln!("{of}state in {folder}: new"),
    }
    if let Some(Restored { place, epoch, wall_ms }) = &started.restored {
        let (at, now_ms) = (*wall_ms, run.handle.intake().now_ms());
        eprintln!(
            "{of}the folder was empty: filled from the checkpoint of epoch {epoch} in {place}, {} old. What came after it is known only as \
             far as senders send it again; alerts in force stay so until their rules know enough",
            bellwether_dataflow::plan::duration(now_ms.saturating_sub(at) / 1_000 * 1_000),
        );
    }
    if let Some(warning) = run.notifier.warning() {
        eprintln!("{of}warning: {warning}");
    }
    if started.torn_bytes > 0 {
        eprintln!("{of}note: {} bytes that were being written when it was stopped are cut off", started.torn_bytes);
    }
}

/// What no live run can answer; it stops nothing.
fn unanswered(set: &rules::RuleSet) {
    let warnings = lint::lint(set, lint::Settings::default());
    for warning in warnings.iter().filter(|w| w.lint == lint::QUERY_AT_RUN_TIME) {
        eprintln!("{warning}\n");
    }
}

/// What a line about a tenant begins with.
pub(super) fn of(tenant: &str) -> String {
    if tenant.is_empty() { String::new() } else { format!("tenant {tenant}: ") }
}

/// Says whether checkpoints reach the bucket, where that has changed; gives what is in the way now.
pub(super) fn remote(run: &Run, before: Option<String>) -> Option<String> {
    let now = run.handle.remote().and_then(RemoteStats::trouble);
    match (&now, &before) {
        (Some(why), None) => {
            eprintln!(
                "{}warning: checkpoints do not reach the bucket; everything else goes on: {why}",
                of(&run.tenant)
            );
        }
        (None, Some(_)) => eprintln!("{}checkpoints reach the bucket again", of(&run.tenant)),
        _ => {}
    }
    now
}

/// What became of reading the rules of a run again.
pub(super) fn reload(run: &Run) {
    let of = of(&run.tenant);
    match run.handle.reload() {
        Ok(Some(count)) => {
            if let Ok(set) = rules::load_with(run.handle.patterns(), run.handle.promql()) {
                unanswered(&set);
            }
            eprintln!("{of}reloaded: {} take effect as soon as what is new is warm", counted(count, "rule"));
        }
        Ok(None) => eprintln!("{of}reloaded: nothing has changed"),
        Err(error) => {
            failure(error).print();
            eprintln!("{of}the rules before stay in force");
        }
    }
}

/// How far a run came.
pub(super) fn end(tenant: &str, handle: &LiveHandle) {
    let view = handle.view();
    let view = view.lock().unwrap_or_else(PoisonError::into_inner);
    eprintln!(
        "{}stopped at epoch {}: {} in the ledger, hash {:032x}; {} samples came in this run",
        of(tenant),
        view.epoch,
        counted(view.decisions as usize, "decision"),
        view.rolling_hash,
        handle.commit_stats().samples.load(Ordering::Relaxed),
    );
}

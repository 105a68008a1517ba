//! `bellwether run`: wires senders, the live run and its API together, and listens to signals.

use crate::cli::run::Args;
use crate::exit::{Failure, counted};
use bellwether::live::api::{self, Api};
use bellwether::live::{
    LiveConfig, LiveError, LiveHandle, LiveRun, Notifier, NotifySpec, ReceiverStats, Started, SystemClock,
};
use bellwether_connectors::disk::RealDisk;
use bellwether_connectors::serve::counters::IngestCounters;
use bellwether_connectors::serve::ingest::{self, IngestConfig};
use bellwether_connectors::serve::{ServeError, Server, ServerConfig};
use bellwether_connectors::sink::NotifyError;
use bellwether_connectors::source::log::LogSpec;
use bellwether_dataflow::render::{Mode, RunReport};
use bellwether_dataflow::time::LiveSpec;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::time::Duration;

/// How often signals and ended threads are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How often rule files are looked at.
const FILES: u32 = 50;

/// How long requests may take to be answered at the end.
const GRACE: Duration = Duration::from_secs(10);

/// Runs until a signal or an error.
pub fn run(args: &Args) -> Result<(), Failure> {
    refuse_open_doors(args)?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|e| Failure::Defect(format!("signals cannot be listened to: {e}")))?;
    let (live, started) = LiveRun::start(&config(args)).map_err(failure)?;
    let handle = live.handle();
    let notifier = match notify(args, &handle) {
        Ok(notifier) => notifier,
        Err(error) => {
            live.abandon();
            return Err(Failure::Usage(error.to_string()));
        }
    };
    let server = match serve(args, &handle, notifier.stats()) {
        Ok(server) => server,
        Err(error) => {
            live.abandon();
            return Err(Failure::Io(error.to_string()));
        }
    };
    tell(args, &handle, &started, &server);
    let ended = watch(&live, &handle, &mut signals);
    notifier.stop();
    // Senders first: what they have sent is answered before the last epoch is cut.
    server.stop(GRACE);
    match ended {
        Some(error) => {
            live.abandon();
            Err(failure(error))
        }
        None => {
            eprintln!("stopping: finishing what came and writing a checkpoint; press Ctrl-C again to stop at once");
            std::thread::spawn(move || {
                if signals.forever().any(|signal| signal != SIGHUP) {
                    eprintln!("stopped at once: the next start reads the log back");
                    std::process::exit(130);
                }
            });
            let report = live.stop().map_err(failure)?;
            tell_end(&report, &handle);
            Ok(())
        }
    }
}

fn config(args: &Args) -> LiveConfig {
    LiveConfig {
        disk: Arc::new(RealDisk),
        folder: args.state.clone(),
        lock: true,
        workers: args.peers(),
        mode: Mode::Threads,
        time: LiveSpec { lateness_ms: args.lateness, catch_up_hold_ms: args.catch_up_hold, ..LiveSpec::default() },
        log: LogSpec::default(),
        rules: args.rules.clone(),
        options: args.lower_options(),
        promql: args.features.promql(),
        most_bytes: args.memory << 20,
        checkpoint_ms: args.checkpoint_interval,
        retention_ms: args.retention,
        clock: Arc::new(SystemClock),
    }
}

/// Whoever can reach the port can write samples and read alerts.
fn refuse_open_doors(args: &Args) -> Result<(), Failure> {
    if args.listen.ip().is_loopback() || args.allow_unauthenticated {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{} can be reached from other machines and nobody would have to say who they are: listen at 127.0.0.1 behind a proxy \
         that asks, or add --allow-unauthenticated",
        args.listen
    )))
}

fn notify(args: &Args, handle: &LiveHandle) -> Result<Notifier, NotifyError> {
    let spec = NotifySpec {
        urls: args.alertmanager.clone(),
        resend_ms: args.resend_delay,
        timeout: Duration::from_secs(10),
        external_labels: args.lower_options().external_labels,
        external_url: args.external_url.clone(),
    };
    let of_table = handle.clone();
    Notifier::start(&spec, &handle.view(), Arc::new(move || of_table.table()), Arc::new(SystemClock))
}

fn serve(args: &Args, handle: &LiveHandle, receivers: &[Arc<ReceiverStats>]) -> Result<Server, ServeError> {
    let counters = Arc::<IngestCounters>::default();
    let ingest = ingest::router(Arc::new(handle.intake()), IngestConfig::default(), counters.clone());
    let version = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("BELLWETHER_COMMIT"), ")");
    let api = api::router(Api { run: handle.clone(), ingest: counters, receivers: receivers.to_vec(), version });
    Server::start(ingest.merge(api), &ServerConfig::new(args.listen))
}

fn tell(args: &Args, handle: &LiveHandle, started: &Started, server: &Server) {
    let at = server.address();
    let table = handle.table();
    let (rules, files) = (table.set.rules().count(), table.set.files.len());
    for warning in &table.set.warnings {
        eprintln!("{warning}\n");
    }
    eprintln!("{} in {}, {}", counted(rules, "rule"), counted(files, "file"), counted(handle.workers(), "worker"));
    match started.checkpoint {
        Some(epoch) => eprintln!(
            "state in {}: going on from the checkpoint of epoch {epoch}, {} to run again",
            args.state.display(),
            counted(started.last_epoch.saturating_sub(epoch) as usize, "epoch"),
        ),
        None if started.last_epoch > 0 => {
            let epochs = counted(started.last_epoch as usize, "epoch");
            eprintln!("state in {}: no checkpoint yet, {epochs} to run again", args.state.display());
        }
        None => eprintln!("state in {}: new", args.state.display()),
    }
    if started.torn_bytes > 0 {
        eprintln!("note: {} bytes that were being written when it was stopped are cut off", started.torn_bytes);
    }
    eprintln!("listening at http://{at}");
    eprintln!("  senders push to   http://{at}/api/v1/write (Prometheus remote-write)");
    eprintln!("  alerts            http://{at}/api/v1/alerts");
    eprintln!("  how far it is     http://{at}/api/v1/status/progress");
}

/// What files the patterns stand for and when they changed; cheap, unlike reading them.
fn fingerprint(patterns: &[String]) -> Vec<(String, Option<std::time::SystemTime>, u64)> {
    let mut all = Vec::new();
    for path in bellwether_dataflow::rules::paths(patterns) {
        let meta = std::fs::metadata(&path).ok();
        all.push((path, meta.as_ref().and_then(|m| m.modified().ok()), meta.map_or(0, |m| m.len())));
    }
    all
}

/// Waits for a signal to end (`None`), or for an error; reloads in between.
fn watch(live: &LiveRun, handle: &LiveHandle, signals: &mut Signals) -> Option<LiveError> {
    let mut files = fingerprint(handle.patterns());
    let mut looks = 0u32;
    loop {
        if let Some(error) = live.ended(LOOK) {
            return Some(error);
        }
        let mut reload = false;
        for signal in signals.pending() {
            match signal {
                SIGHUP => reload = true,
                _ => return None,
            }
        }
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(FILES) {
            let now = fingerprint(handle.patterns());
            reload |= now != files;
            files = now;
        }
        if reload {
            tell_reload(handle);
        }
    }
}

fn tell_reload(handle: &LiveHandle) {
    match handle.reload() {
        Ok(true) => {
            let rules = handle.table().set.rules().count();
            eprintln!("reloaded: {} take effect with the next epoch", counted(rules, "rule"));
        }
        Ok(false) => eprintln!("reloaded: nothing has changed"),
        Err(error) => {
            failure(error).print();
            eprintln!("the rules before stay in force");
        }
    }
}

fn tell_end(report: &RunReport, handle: &LiveHandle) {
    let view = handle.view();
    let view = view.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    eprintln!(
        "stopped at epoch {}: {} in the ledger, hash {:032x}; {} samples in this run",
        view.epoch,
        counted(view.decisions as usize, "decision"),
        view.rolling_hash,
        report.counters.samples,
    );
}

/// The failure that an error of a live run stands for.
pub fn failure(error: LiveError) -> Failure {
    match error {
        LiveError::Rules(all) => Failure::Rules(all),
        LiveError::InUse { .. } => Failure::Usage(error.to_string()),
        LiveError::Diverged { .. } | LiveError::Ended { .. } => Failure::Defect(error.to_string()),
        LiveError::Io { .. }
        | LiveError::Log(_)
        | LiveError::Checkpoint { .. }
        | LiveError::Format { .. }
        | LiveError::Run(_) => Failure::Io(error.to_string()),
    }
}

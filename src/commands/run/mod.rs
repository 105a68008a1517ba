//! `bellwether run`: wires senders, live runs and their API together, and listens to signals.
//!
//! # Semantics
//! A tenant is a run of its own: log, clock, rules, workers and checkpoints; nothing of one waits for another. Without tenants
//! there is one, without a name. Whatever ends one run ends the process: a restart brings all of them back.

mod log;
mod serve;
mod stop;
mod tell;
mod watch;

use crate::cli::run::Args;
use crate::exit::Failure;
use bellwether::config::Config;
use bellwether::live::{LiveConfig, LiveError, LiveHandle, LiveRun, Notifier, NotifySource, Started, SystemClock};
use bellwether_connectors::sink::NotifyError;
use log::{Event, Log};
use serve::Servers;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;

/// One tenant's run.
struct Run {
    /// The tenant; empty where there are none.
    tenant: String,
    config: Config,
    live: LiveRun,
    handle: LiveHandle,
    notifier: Notifier,
    started: Started,
}

/// Runs until a signal or an error.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut log = Log(args.log());
    let ended = run_until(args, &mut log);
    match ended {
        Err(failure) if log.is_json() => {
            let text = failure.text().unwrap_or_default();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            log.say(Event::error("failed", text).with("exit_code", failure.number()));
            Err(Failure::Told(failure.number()))
        }
        ended => ended,
    }
}

/// The same; `log` is how it speaks once that is known.
fn run_until(args: &Args, log: &mut Log) -> Result<(), Failure> {
    for warning in args.features.unknown() {
        log.say(Event::warn("unknown_feature", warning));
    }
    let config = args.config()?;
    log.0 = config.log;
    let log = *log;
    let auth = config.access.auth()?;
    refuse_open_doors(&config)?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|e| Failure::Defect(format!("signals cannot be listened to: {e}")))?;
    let runs = start(log, &config)?;
    let servers = match Servers::start(&config, &auth, &runs) {
        Ok(servers) => servers,
        Err(error) => {
            abandon(runs);
            return Err(Failure::Io(error.to_string()));
        }
    };
    tell::begin(log, &config, &runs, &servers);
    let ended = watch::watch(log, (args, &config), &runs, &mut signals);
    stop::stop((&config, log), runs, servers, ended, signals)
}

/// Starts the run of every tenant, or none.
fn start(log: Log, config: &Config) -> Result<Vec<Run>, Failure> {
    let tenants: Vec<&str> = config.tenants.keys().map(String::as_str).collect();
    let names = if tenants.is_empty() { vec![""] } else { tenants };
    let mut runs = Vec::with_capacity(names.len());
    for name in names {
        match start_one(config.of_tenant(name), name) {
            Ok(run) => runs.push(run),
            Err(failure) => {
                abandon(runs);
                if !name.is_empty() {
                    log.say(Event::info("tenant_failed", format!("tenant {name}:")).with("tenant", name));
                }
                return Err(failure);
            }
        }
    }
    Ok(runs)
}

fn start_one(config: Config, tenant: &str) -> Result<Run, Failure> {
    let live = LiveConfig { remote: config.remote()?, ..config.live(tenant) };
    let (live, started) = LiveRun::start(&live).map_err(failure)?;
    let handle = live.handle();
    match notify(&config, &handle) {
        Ok(notifier) => Ok(Run { tenant: tenant.to_owned(), config, live, handle, notifier, started }),
        Err(error) => {
            live.abandon();
            Err(Failure::Input(error.to_string()))
        }
    }
}

fn notify(config: &Config, handle: &LiveHandle) -> Result<Notifier, NotifyError> {
    let of_table = handle.clone();
    let table = Arc::new(move || of_table.table());
    let from = NotifySource { view: handle.view(), table, clock: Arc::new(SystemClock) };
    Notifier::start(&config.notify(), from, Some(&config.state.folder.join("outbox.redb")))
}

fn abandon(runs: Vec<Run>) {
    for run in runs {
        run.notifier.stop();
        run.live.abandon();
    }
}

/// Whoever can reach the port can write samples and read alerts.
fn refuse_open_doors(config: &Config) -> Result<(), Failure> {
    let open = config.access.open_door([config.listen].into_iter().chain(config.otlp_listen));
    open.map_or(Ok(()), |at| {
        Err(Failure::Usage(format!(
            "{at} can be reached from other machines and nobody would have to say who they are: add --basic-auth-file or \
             --token-file (access.basic_auth or access.tokens in the configuration), listen at 127.0.0.1, or add \
             --allow-unauthenticated"
        )))
    })
}

/// The failure that an error of a live run stands for.
pub fn failure(error: LiveError) -> Failure {
    match error {
        LiveError::Rules(all) => Failure::Rules(all),
        LiveError::Receiver(_) => Failure::Input(error.to_string()),
        LiveError::InUse { .. } => Failure::Usage(error.to_string()),
        LiveError::Diverged { .. } | LiveError::Ended { .. } => Failure::Defect(error.to_string()),
        LiveError::Io { .. }
        | LiveError::Log(_)
        | LiveError::Archive(_)
        | LiveError::Checkpoint { .. }
        | LiveError::Format { .. }
        | LiveError::Objects(_)
        | LiveError::NothingKnown { .. }
        | LiveError::Overtaken { .. }
        | LiveError::Behind { .. }
        | LiveError::Poisoned { .. }
        | LiveError::Run(_) => Failure::Io(error.to_string()),
    }
}

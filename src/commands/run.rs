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
use bellwether_connectors::serve::{AuthConfig, ServeError, Server, ServerConfig, TlsConfig, protect};
use bellwether_connectors::sink::NotifyError;
use bellwether_connectors::source::log::LogSpec;
use bellwether_dataflow::render::Mode;
use bellwether_dataflow::time::LiveSpec;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often signals and ended threads are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How often rule files are looked at.
const FILES: u32 = 50;

/// How long requests may take to be answered at the end.
const GRACE: Duration = Duration::from_secs(10);

/// Runs until a signal or an error.
pub fn run(args: &Args) -> Result<(), Failure> {
    args.features.warn_of_unknown();
    let auth = auth(args)?;
    refuse_open_doors(args, &auth)?;
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
    let servers = match serve(args, &auth, &handle, notifier.stats()) {
        Ok(servers) => servers,
        Err(error) => {
            live.abandon();
            return Err(Failure::Io(error.to_string()));
        }
    };
    tell(args, &handle, &started, &servers);
    let ended = watch(&live, &handle, &mut signals);
    notifier.stop();
    // Senders first: what they have sent is answered before the last epoch is cut.
    servers.stop();
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
            live.stop().map_err(failure)?;
            tell_end(&handle);
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
fn refuse_open_doors(args: &Args, auth: &AuthConfig) -> Result<(), Failure> {
    if !auth.is_open() || args.tls_client_ca.is_some() || args.allow_unauthenticated {
        return Ok(());
    }
    let open = [Some(args.listen), args.otlp_listen].into_iter().flatten().find(|at| !at.ip().is_loopback());
    open.map_or(Ok(()), |at| {
        Err(Failure::Usage(format!(
            "{at} can be reached from other machines and nobody would have to say who they are: add --basic-auth-file or \
             --token-file, listen at 127.0.0.1, or add --allow-unauthenticated"
        )))
    })
}

/// Lines of a file that are not empty.
fn lines(path: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::Io(format!("{}: {e}", path.display())))?;
    Ok(text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect())
}

fn auth(args: &Args) -> Result<AuthConfig, Failure> {
    let mut config = AuthConfig::default();
    if let Some(path) = &args.basic_auth_file {
        for (i, line) in lines(path)?.iter().enumerate() {
            // What is wrong is said without the line: it may hold a password.
            let pair = line.split_once(':').filter(|(name, password)| !name.is_empty() && !password.is_empty());
            let (name, password) =
                pair.ok_or_else(|| Failure::Input(format!("{}:{}: write NAME:PASSWORD", path.display(), i + 1)))?;
            config.users.push((name.to_owned(), password.to_owned()));
        }
    }
    if let Some(path) = &args.token_file {
        config.tokens = lines(path)?;
    }
    if config.is_open() && (args.basic_auth_file.is_some() || args.token_file.is_some()) {
        return Err(Failure::Input("the file with credentials is empty: nobody could come in".to_owned()));
    }
    Ok(config)
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

/// What listens.
struct Servers {
    http: Server,
    otlp: Option<Server>,
}

impl Servers {
    fn stop(self) {
        // What is not answered in time is sent again.
        self.http.stop(GRACE);
        self.otlp.map(|server| server.stop(GRACE));
    }
}

fn serve(
    args: &Args,
    auth: &AuthConfig,
    handle: &LiveHandle,
    receivers: &[Arc<ReceiverStats>],
) -> Result<Servers, ServeError> {
    let counters = Arc::<IngestCounters>::default();
    let ingest = ingest::router(Arc::new(handle.intake()), IngestConfig::default(), counters.clone());
    let version = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("BELLWETHER_COMMIT"), ")");
    let api = api::router(Api { run: handle.clone(), ingest: counters, receivers: receivers.to_vec(), version });
    let tls = args.tls_certificate.clone().zip(args.tls_key.clone());
    let tls = tls.map(|(certificate, key)| TlsConfig { certificate, key, client_ca: args.tls_client_ca.clone() });
    let at = |address| ServerConfig { tls: tls.clone(), ..ServerConfig::new(address) };
    let otlp =
        args.otlp_listen.map(|address| Server::start(protect(ingest.clone(), auth), &at(address))).transpose()?;
    let http = Server::start(protect(ingest.merge(api), auth), &at(args.listen))?;
    Ok(Servers { http, otlp })
}

fn tell(args: &Args, handle: &LiveHandle, started: &Started, servers: &Servers) {
    let scheme = if args.tls_certificate.is_some() { "https" } else { "http" };
    let at = format!("{scheme}://{}", servers.http.address());
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
    eprintln!("listening at {at}");
    eprintln!("  senders push to   {at}/api/v1/write (Prometheus remote-write)");
    eprintln!("                    {at}/api/v1/otlp/v1/metrics (OTLP over HTTP; gRPC at the same address)");
    if let Some(otlp) = &servers.otlp {
        eprintln!("                    {} (OTLP over gRPC)", otlp.address());
    }
    eprintln!("  alerts            {at}/api/v1/alerts");
    eprintln!("  how far it is     {at}/api/v1/status/progress");
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
    let (mut looks, mut cold) = (0u32, None);
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
        let now_cold = handle.last_reload().cold;
        if let Some(why) = now_cold.as_ref().filter(|_| now_cold != cold) {
            eprintln!("warning: the new rules begin without what came before: {why}");
        }
        cold = now_cold;
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
        Ok(Some(rules)) => eprintln!("reloaded: {} take effect as soon as what is new is warm", counted(rules, "rule")),
        Ok(None) => eprintln!("reloaded: nothing has changed"),
        Err(error) => {
            failure(error).print();
            eprintln!("the rules before stay in force");
        }
    }
}

fn tell_end(handle: &LiveHandle) {
    let view = handle.view();
    let view = view.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    eprintln!(
        "stopped at epoch {}: {} in the ledger, hash {:032x}; {} samples came in this run",
        view.epoch,
        counted(view.decisions as usize, "decision"),
        view.rolling_hash,
        handle.commit_stats().samples.load(Ordering::Relaxed),
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

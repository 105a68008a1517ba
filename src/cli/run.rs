//! Arguments of `bellwether run`: a configuration, and flags that are put on top of it.

use super::features::FeatureArgs;
use super::limits::LimitArgs;
use super::value::{duration, positive_duration, workers};
use bellwether::config::{
    self, ByteSize, Config, ConfigError, Grid, LogFormat, LogLevel, Millis, Receiver, Recorded, RemoteWrite,
};
use std::net::SocketAddr;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Rules in ./rules, state in ./bellwether-data, senders push to http://127.0.0.1:9099/api/v1/write:
    bellwether run
  Prometheus's side, in prometheus.yml:
    remote_write: [{url: 'http://127.0.0.1:9099/api/v1/write'}]
  From a configuration; flags win over it:
    bellwether config check bellwether.yml && bellwether run --config bellwether.yml
  Alerts to two Alertmanagers:
    bellwether run --alertmanager http://am-1:9093 --alertmanager http://am-2:9093
  Beside a Prometheus with the same rules, to compare:
    bellwether run --rules rules.yml --grid prometheus --lateness 0s --withhold-absence false
  Read the rules again:
    kill -HUP PID, or: curl -X POST http://127.0.0.1:9099/-/reload

The first Ctrl-C finishes what came and writes a checkpoint; the second, or the end of --stop-timeout, ends at once, and nothing
is lost either.";

/// Evaluate rules over samples as they come in.
///
/// Takes Prometheus remote-write and OTLP; answers Prometheus's API. A request is acknowledged when its samples are on
/// disk; after a crash the run goes on where it was: nothing is lost, nothing is decided twice.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// YAML file with the settings below and more; `bellwether config` checks and explains it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Rule files, directories or globs (quote them); repeatable [default: rules]
    #[arg(long, num_args = 1.., value_name = "FILES")]
    pub rules: Vec<String>,
    /// Folder of the run's state: log, checkpoints, decisions [default: bellwether-data]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Where to listen for senders and for the API [default: 127.0.0.1:9099]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Also take OTLP over gRPC at this address, as 127.0.0.1:4317; the address above takes it too
    #[arg(long, value_name = "ADDRESS")]
    pub otlp_listen: Option<SocketAddr>,
    /// PEM file with the server's certificate: HTTPS only
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Access")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with its key
    #[arg(long, value_name = "FILE", requires = "tls_certificate", help_heading = "Access")]
    pub tls_key: Option<PathBuf>,
    /// PEM file with the authority of clients' certificates, which clients then need
    #[arg(long, value_name = "FILE", requires = "tls_certificate", help_heading = "Access")]
    pub tls_client_ca: Option<PathBuf>,
    /// File with who may come in: a line `NAME:PASSWORD` each for basic auth
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    pub basic_auth_file: Option<PathBuf>,
    /// File with bearer tokens, one a line
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    pub token_file: Option<PathBuf>,
    /// Listen beyond loopback although nobody has to say who they are
    #[arg(long, help_heading = "Access")]
    pub allow_unauthenticated: bool,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = workers)]
    pub workers: Option<usize>,
    /// How late samples may come: steps wait this long; auto follows the delays seen [default: 10s]
    #[arg(long, value_name = "DURATION|auto")]
    pub lateness: Option<config::Lateness>,
    /// Whether alerts that rest on absence wait, at a first start, until samples are known for as long as they look back
    /// [default: true]
    #[arg(long, value_name = "BOOL")]
    pub withhold_absence: Option<bool>,
    /// How long steps wait, after the run was down, for senders to send what it missed [default: 2m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub catch_up_hold: Option<i64>,
    /// Where the steps of a group are [default: zero]
    #[arg(long, value_enum)]
    pub grid: Option<Grid>,
    /// What happens to samples of series that a rule records [default: recompute]
    #[arg(long, value_enum)]
    pub recorded: Option<Recorded>,
    /// Interval of groups that have none [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    pub evaluation_interval: Option<i64>,
    /// Labels that say where a series belongs; equal values stay on one worker [default: instance]
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    pub entity_labels: Option<Vec<String>>,
    /// Label added to everything that is sent, as NAME=VALUE; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    pub external_label: Vec<(String, String)>,
    /// Alertmanager that hears of every alert, as http://HOST:9093; repeatable
    #[arg(long, value_name = "URL", help_heading = "Notifications")]
    pub alertmanager: Vec<String>,
    /// Distance of two messages about one firing alert [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, help_heading = "Notifications")]
    pub resend_delay: Option<i64>,
    /// Receiver of recorded series and ALERTS by remote-write, as http://HOST:9090/api/v1/write; repeatable
    #[arg(long, value_name = "URL", help_heading = "Notifications")]
    pub remote_write: Vec<String>,
    /// Where users reach this server, for links
    #[arg(long, value_name = "URL")]
    pub external_url: Option<String>,
    /// Distance of checkpoints [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, help_heading = "State")]
    pub checkpoint_interval: Option<i64>,
    /// Samples that are younger stay in the log [default: 2h]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "State")]
    pub retention: Option<i64>,
    /// Samples that are older leave the archive; 0s keeps no archive [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "State")]
    pub archive_retention: Option<i64>,
    /// Event time of one part of the archive [default: 2h]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "State")]
    pub archive_span: Option<i64>,
    /// Event time of a part of the archive once parts are merged, a tenth of its retention at most; 0s merges none [default: 1d]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "State")]
    pub archive_compaction: Option<i64>,
    /// Mebibytes of samples between socket and decisions; beyond, senders are told to come again [default: 512]
    #[arg(long, value_name = "MIB", help_heading = "State")]
    pub memory: Option<usize>,
    /// Form of what it says on standard error [default: text]
    #[arg(long, value_enum, help_heading = "Log and end")]
    pub log_format: Option<LogFormat>,
    /// How much it says [default: info]
    #[arg(long, value_enum, help_heading = "Log and end")]
    pub log_level: Option<LogLevel>,
    /// How long a stop may take; what is not done then is done by the next start [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, help_heading = "Log and end")]
    pub stop_timeout: Option<i64>,
    /// What expressions may use.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// What an expression may cost.
    #[command(flatten)]
    pub limit: LimitArgs,
}

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "write NAME=VALUE".to_owned())
}

fn set<T: Clone>(to: &mut T, from: &Option<T>) {
    if let Some(from) = from {
        to.clone_from(from);
    }
}

fn set_ms(to: &mut Millis, from: Option<i64>) {
    set(to, &from.map(Millis));
}

impl Args {
    /// The configuration: the file's, flags on top, all of it checked.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let variable = |name: &str| std::env::var(name).ok();
        let mut config =
            self.config.as_ref().map_or_else(|| Ok(Config::default()), |path| config::load(path, &variable))?;
        self.apply(&mut config);
        config.check()?;
        Ok(config)
    }

    /// How it speaks, as far as flags say it.
    pub fn log(&self) -> config::Log {
        let mut log = config::Log::default();
        self.apply_log(&mut log);
        log
    }

    fn apply_log(&self, log: &mut config::Log) {
        set(&mut log.format, &self.log_format);
        set(&mut log.level, &self.log_level);
    }

    fn apply(&self, config: &mut Config) {
        self.apply_log(&mut config.log);
        set_ms(&mut config.stop_timeout, self.stop_timeout);
        if !self.rules.is_empty() {
            config.rules.clone_from(&self.rules);
        }
        set(&mut config.state.folder, &self.state);
        set(&mut config.listen, &self.listen);
        if self.otlp_listen.is_some() {
            config.otlp_listen = self.otlp_listen;
        }
        set(&mut config.external_url, &self.external_url);
        config.external_labels.extend(self.external_label.iter().cloned());
        self.apply_access(config);
        let evaluation = &mut config.evaluation;
        if self.workers.is_some() {
            evaluation.workers = self.workers;
        }
        set(&mut evaluation.lateness, &self.lateness);
        set(&mut evaluation.withhold_absence, &self.withhold_absence);
        set_ms(&mut evaluation.catch_up_hold, self.catch_up_hold);
        set(&mut evaluation.grid, &self.grid);
        set(&mut evaluation.recorded, &self.recorded);
        set_ms(&mut evaluation.interval, self.evaluation_interval);
        set(&mut evaluation.entity_labels, &self.entity_labels);
        evaluation.features.extend(self.features.known());
        evaluation.limits.extend(self.limit.pairs());
        if !self.alertmanager.is_empty() {
            config.notifications.alertmanagers = self.alertmanager.iter().map(|url| Receiver::at(url)).collect();
        }
        if !self.remote_write.is_empty() {
            config.remote_write = self.remote_write.iter().map(|url| RemoteWrite::at(url)).collect();
        }
        set_ms(&mut config.notifications.resend_delay, self.resend_delay);
        set_ms(&mut config.state.checkpoint_interval, self.checkpoint_interval);
        set_ms(&mut config.state.retention, self.retention);
        set_ms(&mut config.state.archive_retention, self.archive_retention);
        set_ms(&mut config.state.archive_span, self.archive_span);
        set_ms(&mut config.state.archive_compaction, self.archive_compaction);
        set(&mut config.ingest.limits.memory, &self.memory.map(|mib| ByteSize(mib.saturating_mul(1 << 20))));
    }

    fn apply_access(&self, config: &mut Config) {
        let access = &mut config.access;
        if let (Some(cert_file), Some(key_file)) = (self.tls_certificate.clone(), self.tls_key.clone()) {
            access.tls = Some(config::Tls { cert_file, key_file, client_ca_file: self.tls_client_ca.clone() });
        }
        if self.basic_auth_file.is_some() {
            access.basic_auth_file.clone_from(&self.basic_auth_file);
        }
        if self.token_file.is_some() {
            access.token_file.clone_from(&self.token_file);
        }
        access.allow_unauthenticated |= self.allow_unauthenticated;
    }
}

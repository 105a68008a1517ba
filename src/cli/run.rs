//! Arguments of `bellwether run`.

use super::backtest::{Grid, Recorded};
use super::features::FeatureArgs;
use super::limits::LimitArgs;
use super::value::{duration, positive_duration, workers};
use bellwether_dataflow::lower;
use bellwether_model::Labels;
use std::net::SocketAddr;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Rules in ./rules, state in ./bellwether-data, senders push to http://127.0.0.1:9099/api/v1/write:
    bellwether run
  Prometheus's side, in prometheus.yml:
    remote_write: [{url: 'http://127.0.0.1:9099/api/v1/write'}]
  Alerts to two Alertmanagers:
    bellwether run --alertmanager http://am-1:9093 --alertmanager http://am-2:9093
  Beside a Prometheus with the same rules, to compare:
    bellwether run --rules rules.yml --grid prometheus --lateness 0s
  Read the rules again:
    kill -HUP PID, or: curl -X POST http://127.0.0.1:9099/-/reload

The first Ctrl-C finishes what came and writes a checkpoint; the second ends at once, and nothing is lost either.";

/// Where the API listens unless told otherwise.
const LISTEN: &str = "127.0.0.1:9099";

/// Evaluate rules over samples as they come in.
///
/// Takes Prometheus remote-write and OTLP; answers Prometheus's API. A request is acknowledged when its samples are on
/// disk; after a crash the run goes on where it was: nothing is lost, nothing is decided twice.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Rule files, directories or globs (quote them); repeatable
    #[arg(long, num_args = 1.., value_name = "FILES", default_value = "rules")]
    pub rules: Vec<String>,
    /// Folder of the run's state: log, checkpoints, decisions
    #[arg(long, value_name = "DIR", default_value = "bellwether-data")]
    pub state: PathBuf,
    /// Where to listen for senders and for the API
    #[arg(long, value_name = "ADDRESS", default_value = LISTEN)]
    pub listen: SocketAddr,
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
    /// How late samples may come: steps wait this long
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    pub lateness: i64,
    /// How long steps wait, after the run was down, for senders to send what it missed
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2m")]
    pub catch_up_hold: i64,
    /// Where the steps of a group are
    #[arg(long, value_enum, default_value = "zero")]
    pub grid: Grid,
    /// What happens to samples of series that a rule records
    #[arg(long, value_enum, default_value = "recompute")]
    pub recorded: Recorded,
    /// Interval of groups that have none
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, default_value = "1m")]
    pub evaluation_interval: i64,
    /// Labels that say where a series belongs; equal values stay on one worker
    #[arg(long, value_name = "LABELS", value_delimiter = ',', default_value = "instance")]
    pub entity_labels: Vec<String>,
    /// Label added to everything that is sent, as NAME=VALUE; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    pub external_label: Vec<(String, String)>,
    /// Alertmanager that hears of every alert, as http://HOST:9093; repeatable
    #[arg(long, value_name = "URL", help_heading = "Notifications")]
    pub alertmanager: Vec<String>,
    /// Distance of two messages about one firing alert
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, default_value = "1m", help_heading = "Notifications")]
    pub resend_delay: i64,
    /// Where users reach this server, for links
    #[arg(long, value_name = "URL", default_value = "")]
    pub external_url: String,
    /// Distance of checkpoints
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, default_value = "10s", help_heading = "State")]
    pub checkpoint_interval: i64,
    /// Samples that are younger stay in the log
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2h", help_heading = "State")]
    pub retention: i64,
    /// Mebibytes of samples between socket and decisions; beyond, senders are told to come again
    #[arg(long, value_name = "MIB", default_value = "512", help_heading = "State")]
    pub memory: usize,
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

impl Args {
    /// How rules are compiled.
    pub fn lower_options(&self) -> lower::Options {
        lower::Options {
            entity_labels: self.entity_labels.clone(),
            default_interval_ms: self.evaluation_interval,
            grid: self.grid.kind(),
            recorded: self.recorded.kind(),
            delayed_names: self.features.delayed_names(),
            lateness_ms: Some(self.lateness),
            external_labels: Labels::from_pairs(self.external_label.iter().map(|(n, v)| (n, v))),
            external_url: self.external_url.clone(),
            limits: self.limit.limits(),
            ..lower::Options::default()
        }
    }

    /// Number of workers: what was asked for, else one a core.
    pub fn peers(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or(cores.min(bellwether_model::SHARDS))
    }
}

//! Arguments of `bellwether backtest`.

use super::data::DataArgs;
use super::features::FeatureArgs;
use super::limits::LimitArgs;
use super::value::{Instant, duration, instant, positive_duration, workers};
use bellwether::config::{Grid, Recorded};
use bellwether_dataflow::lower;
use clap::ValueEnum;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  The whole span of the data, a summary on the terminal:
    bellwether backtest --rules rules.yml --data metrics.parquet
  Several files, the last six hours, decisions as JSON lines:
    bellwether backtest --rules 'rules/*.yml' --data exports/ --from -6h --out decisions.jsonl
  What every rule's expression gave at every step:
    bellwether backtest --rules rules.yml --data archive/ --vectors vectors.parquet
  Stand beside a Prometheus that ran the same rules:
    bellwether backtest --rules rules.yml --data metrics.parquet --grid prometheus
  What a live run decided, again:
    bellwether backtest --replay bellwether-data --out again.jsonl
  Columns of your own:
    bellwether backtest --rules rules.yml --data m.parquet --timestamp-column ts --labels-column tags

Exit code 1 means that some rule could not be evaluated at some step; 130 that you stopped it.";

/// How decisions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Parquet, one row a decision
    Parquet,
    /// One JSON object a line
    Jsonl,
    /// A table on the terminal
    Table,
}

/// Evaluate rules over recorded samples and show which alerts would have fired.
///
/// Reads Parquet (a column a label, or a map of labels), OpenMetrics text and Bellwether's own archives. Time is that of
/// the samples: the run gives what a Prometheus with these rules would have decided at every step.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Rule files, directories or globs (quote them); repeatable
    #[arg(long, required_unless_present = "replay", num_args = 1.., value_name = "FILES")]
    pub rules: Vec<String>,
    /// Samples: files, directories, globs or an archive; repeatable
    #[arg(long, required_unless_present = "replay", num_args = 1.., value_name = "FILES")]
    pub data: Vec<String>,
    /// Run the log of a live run again, under its own rules and arrival: the state folder of `bellwether run`
    #[arg(long, value_name = "DIR", conflicts_with_all = ["rules", "data", "from", "to", "step", "warm_up", "lateness", "vectors"])]
    pub replay: Option<PathBuf>,
    /// With --replay: as if every sample had come in time, and what lateness has changed
    #[arg(long, requires = "replay")]
    pub ideal: bool,
    /// With --ideal: JSON file of all that lateness has changed, of which the terminal shows the beginning
    #[arg(long, value_name = "FILE", requires = "ideal", help_heading = "Writing results")]
    pub report: Option<PathBuf>,
    /// First step: 2023-11-14T22:15:00Z, Unix seconds or ms, -6h (before the newest sample), +6h (after the oldest)
    #[arg(long, value_name = "TIME", value_parser = instant, allow_hyphen_values = true)]
    pub from: Option<Instant>,
    /// Last step [default: the newest sample]
    #[arg(long, value_name = "TIME", value_parser = instant, allow_hyphen_values = true)]
    pub to: Option<Instant>,
    /// Evaluate all groups this often, whatever their interval [default: each group's own, else 1m]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    pub step: Option<i64>,
    /// Read this much before --from [default: as far back as the rules look]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub warm_up: Option<i64>,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = workers)]
    pub workers: Option<usize>,
    /// Hold steps back by this much, as a live run would [default: files hold every sample in time]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub lateness: Option<i64>,
    /// Where the steps of a group are
    #[arg(long, value_enum, default_value = "zero")]
    pub grid: Grid,
    /// What happens to samples of series that a rule records
    #[arg(long, value_enum, default_value = "recompute")]
    pub recorded: Recorded,
    /// Steps in an epoch
    #[arg(long, value_name = "STEPS", hide = true)]
    pub block: Option<usize>,
    /// Where decisions go; the ending says the format (.parquet, .jsonl), - is standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Writing results")]
    pub out: Option<String>,
    /// Format of the decisions, where the ending does not say it
    #[arg(long, value_enum, help_heading = "Writing results")]
    pub format: Option<Format>,
    /// Parquet file of every rule's result at every step: rule, labels, timestamp, value. Native histograms go beside it,
    /// as text, to FILE with the ending .histograms.parquet
    #[arg(long, value_name = "FILE", help_heading = "Writing results")]
    pub vectors: Option<PathBuf>,
    /// Replace outputs that exist
    #[arg(long, help_heading = "Writing results")]
    pub overwrite: bool,
    /// What expressions may use.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// How to read the samples.
    #[command(flatten)]
    pub read: DataArgs,
    /// What an expression may cost.
    #[command(flatten)]
    pub limit: LimitArgs,
}

impl Args {
    /// What the rules compile to depends on these.
    pub fn lower_options(&self) -> lower::Options {
        lower::Options {
            tenant: self.read.tenant.clone(),
            entity_labels: self.read.entity_labels.clone(),
            interval_override_ms: self.step,
            grid: self.grid.kind(),
            recorded: self.recorded.kind(),
            delayed_names: self.features.delayed_names(),
            taps: self.vectors.is_some(),
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

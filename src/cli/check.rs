//! Arguments of `bellwether check`.

use super::features::FeatureArgs;
use super::limits::LimitArgs;
use super::value::positive_duration;
use bellwether_dataflow::lint;
use clap::ValueEnum;

const EXAMPLES: &str = "\
Examples:
  Valid or not, and what is shared:
    bellwether check 'rules/*.yml'
  What a rule becomes: its plan, exchanges, rounds and horizon:
    bellwether check rules.yml --explain HostDown
  A picture of the whole plan:
    bellwether check rules.yml --format dot | dot -Tsvg > plan.svg
  For scripts, for code hosts, and as annotations of a GitHub workflow:
    bellwether check rules.yml --format json
    bellwether check rules.yml --format sarif > rules.sarif
    bellwether check 'rules/*.yml' --format github
  Refuse some of what the lints find:
    bellwether check rules.yml --lint-fatal --lint never-true,never-matches,dropped-label

Exit code 3 means that a file is not valid, or, with --lint-fatal, that there are warnings. Every error of every file is shown
at once. A comment '# bellwether: ignore NAME' on a rule or group switches a lint off; docs/lints.md explains each of them.";

/// What is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For scripts
    Json,
    /// The plan for Graphviz
    Dot,
    /// SARIF 2.1.0: errors and warnings for code hosts
    Sarif,
    /// GitHub's workflow commands: errors and warnings as annotations
    Github,
}

/// Check rule files, warn of what rules do not mean, show what they share, explain a rule's plan.
///
/// Reads Prometheus rule files, several YAML documents in one file, and PrometheusRule custom resources. What promtool
/// refuses is refused; what is valid but not supported yet is named with its place.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Rule files, directories or globs
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<String>,
    /// Print the plan of an alert or recording rule; repeatable
    #[arg(long, value_name = "RULE")]
    pub explain: Vec<String>,
    /// What is printed
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// What expressions may use.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// Lints to apply: their names, all, or none
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "all", help_heading = "Warnings")]
    pub lint: Vec<String>,
    /// Exit with code 3 if there are warnings
    #[arg(long, help_heading = "Warnings")]
    pub lint_fatal: bool,
    /// The shortest time between two scrapes: windows are judged by it
    #[arg(long, value_name = "DURATION", value_parser = positive_duration, default_value = "15s", help_heading = "Warnings")]
    pub scrape_interval: i64,
    /// Labels that say where a series belongs; equal values stay on one worker
    #[arg(long, value_name = "LABELS", value_delimiter = ',', default_value = "instance")]
    pub entity_labels: Vec<String>,
    /// What an expression may cost.
    #[command(flatten)]
    pub limit: LimitArgs,
}

impl Args {
    /// What the lints are told of the world around the rules.
    pub fn lint_settings(&self) -> lint::Settings {
        lint::Settings { scrape_interval_ms: self.scrape_interval, ..lint::Settings::default() }
    }
}

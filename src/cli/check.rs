//! Arguments of `bellwether check`.

use clap::ValueEnum;

const EXAMPLES: &str = "\
Examples:
  Valid or not, and what is shared:
    bellwether check 'rules/*.yml'
  What a rule becomes: its plan, exchanges, rounds and horizon:
    bellwether check rules.yml --explain HostDown
  A picture of the whole plan:
    bellwether check rules.yml --format dot | dot -Tsvg > plan.svg
  For scripts:
    bellwether check rules.yml --format json

Exit code 3 means that a file is not valid; every error of every file is shown at once.";

/// What is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For scripts
    Json,
    /// The plan for Graphviz
    Dot,
}

/// Check rule files, show what they share, explain a rule's plan.
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
    /// Labels that say where a series belongs; equal values stay on one worker
    #[arg(long, value_name = "LABELS", value_delimiter = ',', default_value = "instance")]
    pub entity_labels: Vec<String>,
}

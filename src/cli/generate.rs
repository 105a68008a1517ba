//! Arguments of `bellwether generate`.

use super::value::{instant, positive_duration, positive_number};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  40 hosts, 6 hours, as Parquet, with the list of incidents:
    bellwether generate --hosts 40 --hours 6 --out fleet.parquet --incidents incidents.csv
  The same as an archive (a name without .parquet is a folder):
    bellwether generate --hosts 40 --hours 6 --out fleet/
  Something to look at in a live run, for ten minutes:
    bellwether generate --hosts 40 --hours 0.17 --step 5s --incident-rate 100 --push http://127.0.0.1:9099/api/v1/write";

/// Generate the samples of a fleet of web hosts, with incidents that rules should find.
///
/// 22 series a host: up, load, memory, disk, processor seconds, requests by code, a latency histogram. The same options
/// always give the same samples.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where to: a name that ends in .parquet is a file, any other a new archive
    #[arg(long, short, value_name = "PATH", required_unless_present = "push")]
    pub out: Option<PathBuf>,
    /// Push the samples to a remote-write receiver instead, each step at its time from now on
    #[arg(long, value_name = "URL", conflicts_with_all = ["out", "start", "incidents"])]
    pub push: Option<String>,
    /// Number of hosts
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub hosts: u32,
    /// Length in hours
    #[arg(long, value_name = "HOURS", default_value = "6", value_parser = positive_number)]
    pub hours: f64,
    /// Distance of two samples of a series
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = positive_duration)]
    pub step: i64,
    /// First stamp: 2023-11-14T22:15:00Z, Unix seconds or milliseconds
    #[arg(long, value_name = "TIME", default_value = "2023-11-14T22:15:00Z", value_parser = instant)]
    pub start: super::value::Instant,
    /// What makes one fleet differ from another of the same size
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Incidents a host and day, on average; 0 for none
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    pub incident_rate: f64,
    /// Also write the list of incidents: kind, instance, start_ms, end_ms
    #[arg(long, value_name = "FILE")]
    pub incidents: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    pub overwrite: bool,
}

//! Arguments of `bellwether quarantine`.

use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  A rule brings the run down again and again; go on without it:
    bellwether quarantine --rule fleet/TooManySeries
  A series does; its samples stay in the log and are not evaluated:
    bellwether quarantine --series '{__name__=\"up\",instance=\"broken:9100\"}'
  What is left out?
    bellwether quarantine
  It is mended; take it back with the next start:
    bellwether quarantine --release --rule fleet/TooManySeries";

/// Leave rules or series out of a live run, because they bring it down; stop it first.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder of the run's state; a tenant's is tenants/NAME in it
    #[arg(long, value_name = "DIR", default_value = "bellwether-data")]
    pub state: PathBuf,
    /// A rule: its group and its name; may be repeated
    #[arg(long, value_name = "GROUP/NAME")]
    pub rule: Vec<String>,
    /// Series, by a selector; may be repeated
    #[arg(long, value_name = "SELECTOR")]
    pub series: Vec<String>,
    /// Take them back instead
    #[arg(long)]
    pub release: bool,
    /// Try the epoch again that the run died at
    #[arg(long)]
    pub retry: bool,
}

//! Arguments of `bellwether import`.

use super::data::DataArgs;
use clap::ValueEnum;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  Text that promtool or a scrape wrote:
    bellwether import metrics.prom --out archive/
  Parquet in any order, stronger compression:
    bellwether import 'exports/*.parquet' --out archive/ --codec zstd
  Then:
    bellwether backtest --rules rules.yml --data archive/";

/// Compression of an archive's values.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Codec {
    /// Faster to read
    Lz4,
    /// Smaller
    Zstd,
}

/// Write samples of any supported format into an archive, which backtests read fastest.
///
/// An archive is a folder of plain Parquet files: a table of series, and samples by time span. The input may be in any
/// order; of two samples with one series and stamp the first is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Files, directories, globs or archives
    #[arg(required = true, value_name = "FILES")]
    pub inputs: Vec<String>,
    /// Folder of the new archive
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,
    /// Compression of values
    #[arg(long, value_enum, default_value = "lz4")]
    pub codec: Codec,
    /// How to read the samples.
    #[command(flatten)]
    pub read: DataArgs,
}

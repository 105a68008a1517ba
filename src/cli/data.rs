//! Arguments that say where samples are and how to read them; `backtest` and `import` share them.

use bellwether_connectors::source::OpenOptions;
use bellwether_connectors::source::archive::ArchiveOptions;
use bellwether_connectors::source::parquet::ParquetOptions;
use clap::Args;
use std::path::PathBuf;

/// How to read samples.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reading samples")]
pub struct DataArgs {
    /// Parquet column of stamps (a timestamp, or milliseconds as integers)
    #[arg(long, value_name = "NAME", default_value = "timestamp")]
    pub timestamp_column: String,
    /// Parquet column of values; in a file without it, a text column `histogram` holds native histograms
    #[arg(long, value_name = "NAME", default_value = "value")]
    pub value_column: String,
    /// Parquet column of metric names
    #[arg(long, value_name = "NAME", default_value = bellwether_model::METRIC_NAME)]
    pub name_column: String,
    /// Parquet column that holds all labels as a map; without it every other text column is a label
    #[arg(long, value_name = "NAME")]
    pub labels_column: Option<String>,
    /// Parquet columns to pass over
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub ignore_columns: Vec<String>,
    /// Labels that say where a series belongs; equal values stay on one worker
    #[arg(long, value_name = "LABELS", value_delimiter = ',', default_value = "instance")]
    pub entity_labels: Vec<String>,
    /// Tenant of all samples and rules
    #[arg(long, value_name = "NAME", default_value = "", hide = true)]
    pub tenant: String,
    /// Folder for a temporary archive, should one be needed
    #[arg(long, value_name = "DIR")]
    pub temp_dir: Option<PathBuf>,
}

impl DataArgs {
    /// As the connectors want it.
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            parquet: ParquetOptions {
                timestamp_column: self.timestamp_column.clone(),
                value_column: self.value_column.clone(),
                name_column: self.name_column.clone(),
                labels_column: self.labels_column.clone(),
                ignore_columns: self.ignore_columns.clone(),
            },
            archive: ArchiveOptions {
                tenant: self.tenant.clone(),
                entity_labels: self.entity_labels.clone(),
                ..ArchiveOptions::default()
            },
            temp_dir: self.temp_dir.clone(),
            ..OpenOptions::default()
        }
    }
}

//! The archive: samples in Parquet, laid out for backtests.
//!
//! # Layout
//! ```text
//! archive.json                what it is: format, version, hash version, tenant, entity labels, spans, counts
//! series.parquet              one row a series, sorted by (shard, labels): id, shard, labels, first_ms, last_ms, samples
//! samples/<start ms>.parquet  one file a time span (2 h, begins at multiples of 2 h); columns series (row in the
//!                             series table), timestamp (ms), value; a row group holds one shard, at most 256 k rows,
//!                             sorted by (series, timestamp)
//! histograms/<start ms>.parquet   where there are native histograms: columns series, timestamp, histogram (as text),
//!                             sorted alike
//! ```
//! Every file is plain Parquet, so other tools can read it: join `series` with the row number of the series table.
//!
//! # Semantics
//! Of one series and stamp the first sample in the order of arrival is kept; an equal repeat is dropped, another value
//! is counted as a conflict. Of a float and a histogram both are kept: whoever reads them takes the float. A series' shard is [`shard_of_vnode`](bellwether_model::shard_of_vnode) of its
//! [`vnode`](bellwether_model::vnode) under the archive's entity labels; a worker decodes its own shards only.
//!
//! Beside it a live run writes a [rolled archive](Rolled), whose parts are archives of this kind.
//!
//! # Limits
//! Samples that became visible late stand where their stamp says; `late_files` name the lists that keep when they became visible,
//! which a backtest does not need. Since when a counter counts is not kept.

mod beside;
mod building;
mod histogram_file;
mod histogram_spool;
mod hold;
mod import;
mod joined;
mod manifest;
mod merge;
mod merge_samples;
mod publish;
mod reader;
mod rolled;
mod rolled_source;
mod sample_file;
mod series_file;
mod spill;
mod split;
mod spool;
mod tile;
mod timeline;
mod writer;

pub use beside::{
    BindingRow, Bindings, DecisionRow, LATE_FILE, LateRow, read_late, write_bindings, write_decisions, write_late,
};
pub use hold::{Hold, Replaced};
pub use import::import;
pub(crate) use import::import_resolved;
pub use manifest::{FORMAT, MANIFEST, Manifest, SampleFile, VERSION};
pub use merge::merge;
pub use reader::{Archive, ArchiveSource};
pub use rolled::{Cut, Part, ROLLED_VERSION, Rolled};
pub use rolled_source::{RolledArchive, RolledSource};
pub use writer::ArchiveWriter;

/// Folder of the sample files in an archive's folder.
pub(crate) const SAMPLES_DIR: &str = "samples";

/// Folder of the files of native histograms.
pub(crate) const HISTOGRAMS_DIR: &str = "histograms";

/// How values are compressed after they were split by bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SampleCodec {
    /// Faster to read.
    #[default]
    Lz4,
    /// Smaller.
    Zstd,
}

/// How to write an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchiveOptions {
    /// Tenant of all series.
    pub tenant: String,
    /// Labels that place a series on a shard.
    pub entity_labels: Vec<String>,
    /// Length of the time span of a sample file, ms.
    pub span_ms: i64,
    /// Samples held in memory, bytes; what is more waits in a temporary file.
    pub memory_bytes: usize,
    /// Compression.
    pub codec: SampleCodec,
}

impl Default for ArchiveOptions {
    fn default() -> Self {
        Self {
            tenant: String::new(),
            entity_labels: vec!["instance".to_owned()],
            span_ms: 2 * 60 * 60 * 1000,
            memory_bytes: 256 << 20,
            codec: SampleCodec::default(),
        }
    }
}

/// What an import wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// Number of series.
    pub series: u64,
    /// Number of samples.
    pub samples: u64,
    /// Equal repeats that were left out.
    pub duplicates: u64,
    /// Other values of a series and stamp that were left out.
    pub conflicts: u64,
    /// Oldest and newest stamp, ms.
    pub span: Option<(i64, i64)>,
}

//! Where state is, and how long it is kept.

use super::checkpoints::Checkpoints;
use super::value::{ByteSize, Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where state is, and how long it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// Folder of log, checkpoints and decisions; a tenant's is `tenants/NAME` in it.
    pub folder: PathBuf,
    /// Distance of checkpoints.
    pub checkpoint_interval: Millis,
    /// Samples that are younger stay in the log.
    pub retention: Millis,
    /// Samples that are older leave the archive; `0s` keeps no archive.
    pub archive_retention: Millis,
    /// Event time of one part of the archive.
    pub archive_span: Millis,
    /// Event time of a part of the archive once parts are merged: at most a tenth of its retention; `0s` merges none.
    pub archive_compaction: Millis,
    /// A bucket that checkpoints are brought to as well, for the day on which the folder is lost with its machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<Checkpoints>,
    /// Bytes on disk of samples that wait for receivers of remote_write; the oldest go beyond it.
    pub remote_write_spool: ByteSize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("bellwether-data"),
            checkpoint_interval: Millis::seconds(10),
            retention: Millis::seconds(7_200),
            archive_retention: Millis::seconds(30 * 86_400),
            archive_span: Millis::seconds(7_200),
            archive_compaction: Millis::seconds(86_400),
            checkpoints: None,
            remote_write_spool: ByteSize::mib(1_024),
        }
    }
}

//! Where state is, and how long it is kept.

use super::value::Millis;
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
}

impl Default for State {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("bellwether-data"),
            checkpoint_interval: Millis::seconds(10),
            retention: Millis::seconds(7_200),
        }
    }
}

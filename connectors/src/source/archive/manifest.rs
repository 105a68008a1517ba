//! `archive.json`: what an archive says about itself.
//!
//! # Errors
//! Another format, a newer version and another hash version are refused, because each would give wrong answers silently.

use super::beside::LATE_FILE;
use crate::source::SourceError;
use bellwether_model::HASH_VERSION;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Name of the manifest in an archive's folder.
pub const MANIFEST: &str = "archive.json";
/// What `format` says.
pub const FORMAT: &str = "bellwether-archive";
/// The newest version that this code reads and writes.
pub const VERSION: u32 = 2;
/// The version of an archive without native histograms: what reads only that need not refuse it.
pub(crate) const VERSION_OF_FLOATS: u32 = 1;

/// The content of `archive.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// Layout version.
    pub version: u32,
    /// Version of the hash behind ids and shards.
    pub hash_version: u64,
    /// Tenant of all series.
    pub tenant: String,
    /// Labels that place a series on a shard.
    pub entity_labels: Vec<String>,
    /// Length of the time span of a sample file, ms; spans begin at multiples of it.
    pub span_ms: i64,
    /// Number of series.
    pub series: u64,
    /// Number of samples.
    pub samples: u64,
    /// Oldest stamp, ms.
    pub first_ms: Option<i64>,
    /// Newest stamp, ms.
    pub last_ms: Option<i64>,
    /// Samples left out because an equal one was there.
    pub duplicates: u64,
    /// Samples left out because one of the same series and stamp with another value came first.
    pub conflicts: u64,
    /// Sample files in order of time.
    pub files: Vec<SampleFile>,
    /// Files of native histograms, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histogram_files: Vec<SampleFile>,
    /// Lists of those of its samples that became visible late, with when they did.
    #[serde(default)]
    pub late_files: Vec<String>,
}

/// One sample file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleFile {
    /// Name, from the archive's folder on.
    pub name: String,
    /// Begin of its span, ms.
    pub start_ms: i64,
    /// Number of samples.
    pub samples: u64,
    /// Oldest stamp, ms.
    pub first_ms: i64,
    /// Newest stamp, ms.
    pub last_ms: i64,
}

impl Manifest {
    /// Reads and checks the manifest of an archive.
    pub fn read(dir: &Path) -> Result<Self, SourceError> {
        let path = dir.join(MANIFEST);
        let text = std::fs::read(&path).map_err(|e| SourceError::io(&path, "reading", e))?;
        let wrong = |what: String, advice: &str| SourceError::invalid(path.display().to_string(), what, advice);
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|e| wrong(format!("it is not an archive's manifest ({e})"), "import the samples again"))?;
        if manifest.format != FORMAT {
            return Err(wrong(format!("its format is '{}'", manifest.format), "name the folder of an archive"));
        }
        if manifest.version > VERSION {
            let what = format!("its layout version is {}, this program reads up to {VERSION}", manifest.version);
            return Err(wrong(what, "use a newer version of the program"));
        }
        if manifest.hash_version != HASH_VERSION {
            let what = format!("its hash version is {}, this program's is {HASH_VERSION}", manifest.hash_version);
            return Err(wrong(what, "import the samples again"));
        }
        if let Some(name) = manifest.late_files.iter().find(|name| *name != LATE_FILE) {
            let what = format!("its list of late samples {name:?} is none that this version knows");
            return Err(wrong(what, "use a newer version of the program"));
        }
        Ok(manifest)
    }

    /// Oldest and newest stamp.
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((self.first_ms?, self.last_ms?))
    }
}

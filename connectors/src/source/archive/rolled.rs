//! A rolled archive: one that grows part by part beside a live run. Each part is a whole archive of its own.
//!
//! # Layout
//! ```text
//! archive.json            format, version 3, tenant, entity labels, the parts in the order in which they were rolled, and
//!                         how far into the log they reach
//! parts/<from epoch>-<to epoch>/   an archive (see the parent module) of what those epochs made final, and beside its files
//!     late.parquet        series, timestamp, epoch: which of its samples became visible late, and in which epoch
//!     bindings.parquet    the binding of each epoch
//!     decisions.parquet   the decisions of each epoch
//! ```
//!
//! # Semantics
//! A part is there whole before the manifest names it; what the manifest does not name is no part, and goes once nobody reads it
//! (`hold.rs`). Parts are merged: the one that takes their place gives what they gave. Parts do not overlap: each sample that was admitted is in one of them once. A sample that is not listed as late may stand
//! in any epoch up to the first one whose watermark covers it, because a step reads nothing newer than that watermark.
//!
//! # Errors
//! [`SourceError`]. A part that cannot be written leaves the archive as it was.

use super::manifest::{FORMAT, MANIFEST};
use crate::crash::crash_point;
use crate::source::SourceError;
use bellwether_model::HASH_VERSION;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Layout version of a rolled archive.
pub const ROLLED_VERSION: u32 = 3;

/// Folder of the parts in a rolled archive's folder.
const PARTS_DIR: &str = "parts";

/// The content of a rolled archive's `archive.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolled {
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
    /// Length of the spans that parts end with, ms.
    pub span_ms: i64,
    /// The parts, oldest epochs first.
    pub parts: Vec<Part>,
    /// Up to where the log is in the parts; `None` before the first one.
    pub cut: Option<Cut>,
}

/// A part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its folder, from the archive's folder on.
    pub name: String,
    /// First epoch in it.
    pub from_epoch: u64,
    /// Last epoch in it.
    pub to_epoch: u64,
    /// Number of samples.
    pub samples: u64,
    /// Samples of these that became visible late.
    pub late: u64,
    /// Oldest stamp, ms.
    pub first_ms: Option<i64>,
    /// Newest stamp, ms.
    pub last_ms: Option<i64>,
    /// Its samples have stamps below, ms.
    pub before_ms: i64,
}

/// Up to where a log is in an archive: everything up to `epoch` with a stamp below `before_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The last epoch.
    pub epoch: u64,
    /// The frame behind that epoch's binding.
    pub frame: u64,
    /// That epoch's watermark, ms.
    pub watermark_ms: i64,
    /// Stamps below are in the archive, ms.
    pub before_ms: i64,
    /// The first frame with a sample that is not in the archive yet.
    pub resume_frame: u64,
    /// The epoch of that frame.
    pub resume_epoch: u64,
    /// Bytes of the ledger up to that epoch's decisions.
    pub ledger_bytes: u64,
}

/// What every kind of archive says first.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

impl Rolled {
    /// An archive without parts.
    pub fn new(tenant: &str, entity_labels: &[String], span_ms: i64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: ROLLED_VERSION,
            hash_version: HASH_VERSION,
            tenant: tenant.to_owned(),
            entity_labels: entity_labels.to_vec(),
            span_ms,
            parts: Vec::new(),
            cut: None,
        }
    }

    /// Reads the manifest of a folder; `None` if there is none or it is that of an archive in one piece. Whoever goes on to read parts
    /// takes [`Rolled::hold`].
    pub fn read(dir: &Path) -> Result<Option<Self>, SourceError> {
        let path = dir.join(MANIFEST);
        match fs::read(&path) {
            Ok(text) => Self::of(&path, &text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(SourceError::io(&path, "reading", e)),
        }
    }

    /// The manifest that a text is, if it is one.
    pub(super) fn of(path: &Path, text: &[u8]) -> Result<Option<Self>, SourceError> {
        let is_rolled = |head: Head| head.format == FORMAT && head.version == ROLLED_VERSION;
        if !serde_json::from_slice(text).is_ok_and(is_rolled) {
            return Ok(None);
        }
        let wrong = |what: String, advice: &str| SourceError::invalid(path.display().to_string(), what, advice);
        let rolled: Self = serde_json::from_slice(text)
            .map_err(|e| wrong(format!("it is not a rolled archive's manifest ({e})"), "restore it from a copy"))?;
        if rolled.hash_version != HASH_VERSION {
            let what = format!("its hash version is {}, this program's is {HASH_VERSION}", rolled.hash_version);
            return Err(wrong(what, "import the samples again"));
        }
        // Names lead into the archive, whatever somebody wrote there.
        if let Some(part) = rolled.parts.iter().find(|p| p.name != Part::name(p.from_epoch, p.to_epoch)) {
            return Err(wrong(format!("{:?} is no part of its epochs", part.name), "restore it from a copy"));
        }
        Ok(Some(rolled))
    }

    /// The archive of a folder, to go on with; a new one where there is none. Anything else that stands there is an error: what
    /// this build does not read it must not tidy away.
    pub fn go_on(dir: &Path, tenant: &str, entity_labels: &[String], span_ms: i64) -> Result<Self, SourceError> {
        let path = dir.join(MANIFEST);
        let place = path.display().to_string();
        let Some(rolled) = Self::read(dir)? else {
            if path.exists() {
                let what = "it is not the manifest of an archive that this build can go on with";
                return Err(SourceError::invalid(place, what, "use the build that wrote it, or move its folder away"));
            }
            return Ok(Self::new(tenant, entity_labels, span_ms));
        };
        if rolled.tenant != tenant || rolled.entity_labels != entity_labels {
            let what = format!(
                "its series are those of tenant {:?}, placed by {:?}, and the run's are of {tenant:?}, by {entity_labels:?}",
                rolled.tenant, rolled.entity_labels
            );
            return Err(SourceError::invalid(place, what, "move its folder away, or go back to those settings"));
        }
        Ok(rolled)
    }

    /// Writes the manifest whole, beside its name and then renamed.
    pub fn write(&self, dir: &Path) -> Result<(), SourceError> {
        let (path, partial) = (dir.join(MANIFEST), dir.join(format!(".{MANIFEST}.partial")));
        let failed = |e| SourceError::io(&path, "writing", e);
        let text = serde_json::to_string_pretty(self).map_err(|e| failed(std::io::Error::other(e)))?;
        fs::create_dir_all(dir.join(PARTS_DIR)).map_err(failed)?;
        let mut file = File::create(&partial).map_err(failed)?;
        file.write_all((text + "\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        drop(file);
        crash_point("archive.before-manifest");
        fs::rename(&partial, &path).map_err(failed)?;
        File::open(dir).and_then(|d| d.sync_all()).map_err(failed)?;
        crash_point("archive.after-manifest");
        Ok(())
    }

    /// Removes what stands beside the parts that the manifest names: parts that were merged or are too old, and what a crash left
    /// there. Nothing may be written meanwhile.
    pub fn sweep(&self, dir: &Path) -> Result<(), SourceError> {
        let folder = dir.join(PARTS_DIR);
        let failed = |e| SourceError::io(&folder, "tidying", e);
        if !folder.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_part = self.parts.iter().any(|p| dir.join(&p.name) == entry.path());
            if !is_part && entry.path().is_dir() {
                fs::remove_dir_all(entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Removes what stands where a part is to be written that the manifest does not name: a crash or an error left it there.
    pub fn make_room(&self, dir: &Path, name: &str) -> Result<(), SourceError> {
        let folder = dir.join(name);
        if self.parts.iter().all(|p| p.name != name) && folder.is_dir() {
            fs::remove_dir_all(&folder).map_err(|e| SourceError::io(&folder, "tidying", e))?;
        }
        let parts = dir.join(PARTS_DIR);
        fs::create_dir_all(&parts).map_err(|e| SourceError::io(&parts, "creating", e))
    }

    /// How many parts, from the beginning on and never the last, have only older stamps.
    pub fn older(&self, before_ms: i64) -> usize {
        let all_but_last = self.parts.iter().take(self.parts.len().saturating_sub(1));
        all_but_last.take_while(|p| p.before_ms <= before_ms).count()
    }

    /// Puts a merged part in the place of those that it was made of; whether they are all still there.
    pub fn replace(&mut self, merged: &[Part], by: &Part) -> bool {
        let Some(first) = merged.first().and_then(|first| self.parts.iter().position(|p| p == first)) else {
            return false;
        };
        let is_there = self.parts[first..].starts_with(merged);
        if is_there {
            self.parts.splice(first..first + merged.len(), [by.clone()]);
        }
        is_there
    }

    /// Oldest and newest stamp.
    pub fn span(&self) -> Option<(i64, i64)> {
        let first = self.parts.iter().filter_map(|p| p.first_ms).min()?;
        Some((first, self.parts.iter().filter_map(|p| p.last_ms).max()?))
    }

    /// Number of samples.
    pub fn samples(&self) -> u64 {
        self.parts.iter().map(|p| p.samples).sum()
    }
}

impl Part {
    /// The folder of a part, from the archive's folder on.
    pub fn name(from_epoch: u64, to_epoch: u64) -> String {
        format!("{PARTS_DIR}/{from_epoch:016x}-{to_epoch:016x}")
    }

    /// Where it is.
    pub fn folder(&self, archive: &Path) -> PathBuf {
        archive.join(&self.name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_this_build_does_not_read_is_not_tidied_away() {
        let dir = tempfile::tempdir().unwrap();
        let labels = ["instance".to_owned()];
        let go_on = |tenant: &str| Rolled::go_on(dir.path(), tenant, &labels, 1_000);
        let new = go_on("a").unwrap();
        assert_eq!(new, Rolled::new("a", &labels, 1_000));
        new.write(dir.path()).unwrap();
        assert_eq!(go_on("a").unwrap(), new);
        assert!(go_on("b").unwrap_err().to_string().contains("tenant \"a\""));
        let text = fs::read_to_string(dir.path().join(MANIFEST)).unwrap();
        for other in [text.replace("\"version\": 3", "\"version\": 4"), text[..20].to_owned(), String::new()] {
            fs::write(dir.path().join(MANIFEST), other).unwrap();
            assert!(go_on("a").unwrap_err().to_string().contains("use the build that wrote it"));
        }
    }
}

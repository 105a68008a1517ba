//! Checkpoints on disk: kept state in a file, named by a manifest that commits it.
//!
//! # Semantics
//! A checkpoint at epoch c says: everything up to c is in the ledger, and kept state is this. Its file comes first, then its
//! manifest, each written whole; a manifest without its file never is. What it does not hold is read from the log again.
//! The two newest are kept.

use super::book::Book;
use super::error::LiveError;
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::disk::{Disk, read_whole, write_whole};
use bellwether_dataflow::checkpoint::Checkpoint;
use bellwether_dataflow::time::{Bound, Elected, Heard};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Version of the manifest. Raise it when it changes.
pub(super) const FORMAT: u32 = 2;

/// Checkpoints that are kept.
const KEPT: usize = 2;

/// How far the ledger is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerMark {
    /// Bytes of its file.
    pub bytes: u64,
    /// Decisions in it.
    pub decisions: u64,
    /// Sum of their canonical hashes.
    pub rolling_hash: u128,
}

/// What a checkpoint is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this file.
    pub format: u32,
    /// The last epoch that is in it.
    pub epoch: u64,
    /// Who wrote it.
    pub generation: u64,
    /// The epoch's watermark, ms.
    pub watermark_ms: i64,
    /// Wall clock of the epoch's binding, ms.
    pub wall_ms: i64,
    /// First step of the run, ms.
    pub from_ms: i64,
    /// Version of the rules in force.
    pub rules: u128,
    /// Oldest stamp that a restart reads again, ms.
    pub reads_from_ms: i64,
    /// The file with kept state.
    pub checkpoint: String,
    /// How far the ledger is.
    pub ledger: LedgerMark,
    /// Sources heard of.
    pub sources: Vec<(u64, Heard)>,
    /// Who counts of each pair.
    #[serde(default)]
    pub elected: Vec<(u64, Elected)>,
    /// Alerts in force.
    pub book: Book,
    /// The build that wrote it.
    pub build: String,
    /// Whether samples before its first step were lost with another machine.
    #[serde(default)]
    pub lost: bool,
    /// Stamps from here on are in the log by the time that this is read, ms; older builds collected none that a restart reads.
    #[serde(default)]
    pub log_from_ms: Option<i64>,
}

impl Manifest {
    /// Takes one back; `place` is where it stands.
    pub fn read(bytes: &[u8], place: &str) -> Result<Self, LiveError> {
        let wrong = |what: String| LiveError::Format { path: place.to_owned(), what };
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|e| wrong(format!("is no manifest of this build: {e}")))?;
        if manifest.format != FORMAT {
            let found = manifest.format;
            return Err(wrong(format!(
                "has format version {found}, this build reads {FORMAT}: use the build that wrote it"
            )));
        }
        Ok(manifest)
    }

    /// Stamps from here on are in the log, ms.
    pub fn log_from_ms(&self) -> i64 {
        self.log_from_ms.unwrap_or(self.reads_from_ms)
    }

    fn file(&self) -> String {
        format!("{:016x}-{:016x}", self.epoch, self.generation)
    }

    /// The binding of its epoch, without what only concerns sources.
    pub fn bound(&self) -> Bound {
        Bound {
            epoch: self.epoch,
            generation: self.generation,
            wall_ms: self.wall_ms,
            watermark_ms: self.watermark_ms,
            from_ms: Some(self.from_ms),
            held: false,
            rules: self.rules,
            warm: None,
            heard: Vec::new(),
            pairs: None,
            added_up: (0, 0),
            lost: self.lost,
        }
    }
}

/// Reads and writes checkpoints.
#[derive(Clone, Debug)]
pub struct Store {
    disk: Arc<dyn Disk>,
    files: PathBuf,
    manifests: PathBuf,
}

impl Store {
    /// The checkpoints of a state folder.
    pub fn new(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, LiveError> {
        let (files, manifests) = (folder.join("checkpoint"), folder.join("manifest"));
        for folder in [&files, &manifests] {
            disk.make_folder(folder).map_err(|e| LiveError::io(folder, "making", e))?;
        }
        Ok(Self { disk, files, manifests })
    }

    fn manifest_names(&self) -> Result<Vec<String>, LiveError> {
        let names = self.disk.list(&self.manifests).map_err(|e| LiveError::io(&self.manifests, "listing", e))?;
        Ok(names.into_iter().filter(|n| n.ends_with(".json") && !n.starts_with('.')).collect())
    }

    /// What the newest checkpoint is made of, if there is one.
    pub fn newest_manifest(&self) -> Result<Option<Manifest>, LiveError> {
        let Some(name) = self.manifest_names()?.pop() else { return Ok(None) };
        let path = self.manifests.join(&name);
        let bytes = read_whole(self.disk.as_ref(), &path).map_err(|e| LiveError::io(&path, "reading", e))?;
        Manifest::read(&bytes, &path.display().to_string()).map(Some)
    }

    fn bytes_of(&self, manifest: &Manifest) -> Result<Vec<u8>, LiveError> {
        let file = self.files.join(&manifest.checkpoint);
        read_whole(self.disk.as_ref(), &file).map_err(|e| LiveError::io(&file, "reading", e))
    }

    /// The newest checkpoint as bytes, for somebody who reads while others are written.
    pub fn newest_bytes(&self) -> Result<Option<(Manifest, Vec<u8>)>, LiveError> {
        let Some(manifest) = self.newest_manifest()? else { return Ok(None) };
        match self.bytes_of(&manifest) {
            Ok(bytes) => Ok(Some((manifest, bytes))),
            // Newer ones have taken its place meanwhile.
            Err(_) => {
                let manifest = self.newest_manifest()?;
                manifest.map(|m| self.bytes_of(&m).map(|bytes| (m, bytes))).transpose()
            }
        }
    }

    /// The newest checkpoint, if there is one.
    pub fn newest(&self) -> Result<Option<(Manifest, Checkpoint)>, LiveError> {
        let Some(manifest) = self.newest_manifest()? else { return Ok(None) };
        let bytes = self.bytes_of(&manifest)?;
        let path = self.files.join(&manifest.checkpoint).display().to_string();
        let checkpoint = Checkpoint::from_bytes(&bytes).map_err(|error| LiveError::Checkpoint { path, error })?;
        Ok(Some((manifest, checkpoint)))
    }

    /// Commits a checkpoint; gives the bytes of its file.
    pub fn commit(&self, manifest: &mut Manifest, checkpoint: &Checkpoint) -> Result<u64, LiveError> {
        manifest.format = FORMAT;
        let path = || self.files.join(manifest.file()).display().to_string();
        let bytes = checkpoint.to_bytes().map_err(|error| LiveError::Checkpoint { path: path(), error })?;
        self.put(manifest, &bytes)?;
        Ok(bytes.len() as u64)
    }

    /// Commits a checkpoint that is there as bytes.
    pub fn put(&self, manifest: &mut Manifest, bytes: &[u8]) -> Result<(), LiveError> {
        manifest.checkpoint = manifest.file();
        let file = self.files.join(&manifest.checkpoint);
        crash_point("checkpoint.before-file");
        write_whole(self.disk.as_ref(), &self.files, &manifest.checkpoint, bytes)
            .map_err(|e| LiveError::io(&file, "writing", e))?;
        let name = format!("{:016x}.json", manifest.epoch);
        let text = serde_json::to_vec(manifest)
            .map_err(|e| LiveError::Format { path: name.clone(), what: format!("cannot be written: {e}") })?;
        crash_point("checkpoint.before-manifest");
        write_whole(self.disk.as_ref(), &self.manifests, &name, &text)
            .map_err(|e| LiveError::io(&self.manifests.join(&name), "writing", e))?;
        crash_point("checkpoint.after-manifest");
        self.collect(&manifest.checkpoint)
    }

    /// Removes all but the newest manifests, and files that no manifest can name any more.
    fn collect(&self, newest: &str) -> Result<(), LiveError> {
        let names = self.manifest_names()?;
        let (old, kept) = names.split_at(names.len().saturating_sub(KEPT));
        for name in old {
            let path = self.manifests.join(name);
            self.disk.remove(&path).map_err(|e| LiveError::io(&path, "removing", e))?;
        }
        let epochs: Vec<&str> = kept.iter().filter_map(|n| n.strip_suffix(".json")).collect();
        let files = self.disk.list(&self.files).map_err(|e| LiveError::io(&self.files, "listing", e))?;
        for name in files.iter().filter(|n| n.as_str() != newest) {
            if !epochs.iter().any(|epoch| name.starts_with(epoch)) {
                let path = self.files.join(name);
                self.disk.remove(&path).map_err(|e| LiveError::io(&path, "removing", e))?;
            }
        }
        Ok(())
    }
}

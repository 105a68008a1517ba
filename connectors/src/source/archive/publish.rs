//! A folder that has its name once all of it is on disk, or not at all.
//!
//! # Semantics
//! An archive is written beside its place, in a hidden folder that goes with this value, and renamed when everything was synced: a
//! run that is broken off leaves nothing that looks whole.

use super::manifest::{MANIFEST, Manifest};
use super::{ImportReport, SAMPLES_DIR};
use crate::source::SourceError;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An archive under way.
pub(crate) struct Unpublished {
    out: PathBuf,
    /// Removed with all it holds, but for the archive once that was moved out of it.
    work: TempDir,
}

fn parent_of(out: &Path) -> &Path {
    out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Brings the names in a folder to disk.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), SourceError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| SourceError::io(dir, "writing to disk", e))
}

impl Unpublished {
    /// Begins an archive that will stand at `out`; what stands there already is an error.
    pub(crate) fn create(out: &Path) -> Result<Self, SourceError> {
        if fs::symlink_metadata(out).is_ok() {
            return Err(SourceError::Exists { path: out.display().to_string() });
        }
        let name = out.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let work = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".partial")
            .tempdir_in(parent_of(out))
            .map_err(|e| SourceError::io(parent_of(out), "creating a temporary folder", e))?;
        let me = Self { out: out.to_owned(), work };
        let samples = me.folder().join(SAMPLES_DIR);
        fs::create_dir_all(&samples).map_err(|e| SourceError::io(&samples, "creating", e))?;
        Ok(me)
    }

    /// Where it will stand.
    pub(crate) fn out(&self) -> &Path {
        &self.out
    }

    /// Where it is written.
    pub(crate) fn folder(&self) -> PathBuf {
        self.work.path().join("archive")
    }

    /// The path of a temporary file.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// Writes the manifest, waits for the disk, and puts the archive in its place.
    pub(crate) fn publish(self, manifest: &Manifest) -> Result<ImportReport, SourceError> {
        let (dir, path) = (self.folder(), self.folder().join(MANIFEST));
        let text = serde_json::to_string_pretty(manifest)
            .map_err(|e| SourceError::io(&path, "writing", std::io::Error::other(e)))?;
        fs::write(&path, text + "\n").map_err(|e| SourceError::io(&path, "writing", e))?;
        File::open(&path).and_then(|f| f.sync_all()).map_err(|e| SourceError::io(&path, "writing to disk", e))?;
        sync_dir(&dir.join(SAMPLES_DIR))?;
        sync_dir(&dir)?;
        if fs::symlink_metadata(&self.out).is_ok() {
            return Err(SourceError::Exists { path: self.out.display().to_string() });
        }
        fs::rename(&dir, &self.out).map_err(|e| SourceError::io(&self.out, "renaming the finished archive", e))?;
        sync_dir(parent_of(&self.out))?;
        Ok(ImportReport {
            series: manifest.series,
            samples: manifest.samples,
            duplicates: manifest.duplicates,
            conflicts: manifest.conflicts,
            span: manifest.span(),
        })
    }
}

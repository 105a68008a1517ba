//! What rules begin with, on disk: named by the epoch and by its hash, which the epoch's binding says.
//!
//! # Semantics
//! A file is there before a binding names it. It goes when the log can no longer be replayed from the epoch on.

use crate::live::error::LiveError;
use bellwether_connectors::disk::{Disk, read_whole, write_whole};
use bellwether_dataflow::checkpoint::Checkpoint;
use bellwether_model::hash128;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of these files.
#[derive(Clone)]
pub struct WarmFiles {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

fn name(epoch: u64, hash: u128) -> String {
    format!("{epoch:016x}-{hash:032x}.warm")
}

impl WarmFiles {
    /// Those of a state folder.
    pub fn new(disk: Arc<dyn Disk>, state: &Path) -> Self {
        Self { disk, folder: state.join("warm") }
    }

    /// Writes one; its hash.
    pub fn put(&self, epoch: u64, kept: &Checkpoint) -> Result<u128, LiveError> {
        let wrong = |error| LiveError::Checkpoint { path: self.folder.display().to_string(), error };
        let bytes = kept.to_bytes().map_err(wrong)?;
        let hash = hash128(&[&bytes]);
        self.disk.make_folder(&self.folder).map_err(|e| LiveError::io(&self.folder, "making", e))?;
        write_whole(self.disk.as_ref(), &self.folder, &name(epoch, hash), &bytes)
            .map_err(|e| LiveError::io(&self.folder, "writing to", e))?;
        Ok(hash)
    }

    /// Reads one.
    pub fn get(&self, epoch: u64, hash: u128) -> Result<Checkpoint, LiveError> {
        let path = self.folder.join(name(epoch, hash));
        let bytes = read_whole(self.disk.as_ref(), &path).map_err(|e| LiveError::io(&path, "reading", e))?;
        Checkpoint::from_bytes(&bytes)
            .map_err(|error| LiveError::Checkpoint { path: path.display().to_string(), error })
    }

    /// Removes those of epochs up to one.
    pub fn collect(&self, upto_epoch: u64) -> Result<(), LiveError> {
        let names = self.disk.list(&self.folder).map_err(|e| LiveError::io(&self.folder, "listing", e))?;
        for name in names {
            let epoch = name.split('-').next().and_then(|e| u64::from_str_radix(e, 16).ok());
            if epoch.is_some_and(|epoch| epoch <= upto_epoch) {
                let path = self.folder.join(&name);
                self.disk.remove(&path).map_err(|e| LiveError::io(&path, "removing", e))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bellwether_connectors::disk::RealDisk;

    #[test]
    fn a_file_is_found_by_its_epoch_and_hash_and_goes_with_its_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let files = WarmFiles::new(Arc::new(RealDisk), folder.path());
        files.collect(9).unwrap();
        let kept = |epoch| Checkpoint::new(epoch, 7, Vec::new(), "t", &[]);
        let (a, b) = (files.put(4, &kept(3)).unwrap(), files.put(5, &kept(4)).unwrap());
        assert_eq!(files.get(4, a).unwrap(), kept(3));
        assert!(files.get(4, b).unwrap_err().to_string().contains("warm"));
        files.collect(4).unwrap();
        assert!(files.get(4, a).is_err());
        assert_eq!(files.get(5, b).unwrap(), kept(4));
    }
}

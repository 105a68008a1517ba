//! A disk in memory that does what disks do in a power cut: it loses what was not synced, tears what was being written, and
//! fails when told to.
//!
//! # Semantics
//! [`FaultDisk::crash`] is the power cut: each file keeps what was synced, and of the rest a part that the seed decides;
//! names that their folder was not synced for may be gone, renames undone. [`FaultDisk::fail_after`] makes an operation fail: a write
//! may have written a part, a sync may have synced a part.

use super::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Clone, Debug, Default)]
struct Stored {
    bytes: Vec<u8>,
    synced: usize,
}

#[derive(Debug, Default)]
struct State {
    /// By number.
    files: Vec<Stored>,
    /// Names as the running system sees them.
    names: BTreeMap<PathBuf, usize>,
    /// Names as they are on disk.
    synced_names: BTreeMap<PathBuf, usize>,
    /// Operations until one fails.
    fails_in: Option<u64>,
    /// Whether the failure is that the disk is full.
    full: bool,
    seed: u64,
}

/// A disk in memory; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct FaultDisk(Arc<Mutex<State>>);

impl State {
    fn random(&mut self) -> u64 {
        // splitmix64
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.random() % (n as u64 + 1)) as usize
    }

    /// Whether this operation fails.
    fn step(&mut self) -> io::Result<()> {
        match &mut self.fails_in {
            Some(0) if self.full => Err(io::ErrorKind::StorageFull.into()),
            Some(0) => Err(io::Error::other("the disk failed")),
            Some(n) => {
                *n -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl FaultDisk {
    /// An empty disk; the seed decides what a crash leaves.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State { seed, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets operations fail from the `n`-th from now on, until the next crash.
    pub fn fail_after(&self, n: u64, full: bool) {
        let mut state = self.state();
        state.fails_in = Some(n);
        state.full = full;
    }

    /// The power cut: what is left is what a restart finds.
    pub fn crash(&self) {
        let mut state = self.state();
        state.fails_in = None;
        for i in 0..state.files.len() {
            let (synced, written) = (state.files[i].synced, state.files[i].bytes.len());
            let keeps = synced + state.below(written - synced);
            state.files[i].bytes.truncate(keeps);
            // What was under way may be on disk as anything.
            for at in synced..keeps {
                if state.random().is_multiple_of(64) {
                    state.files[i].bytes[at] ^= 0x5a;
                }
            }
            state.files[i].synced = keeps;
        }
        // Names that were never synced may have made it to the disk.
        let (names, mut kept) = (state.names.clone(), state.synced_names.clone());
        for (name, file) in names {
            if !kept.contains_key(&name) && state.random().is_multiple_of(2) {
                kept.retain(|_, f| *f != file);
                kept.insert(name, file);
            }
        }
        state.names.clone_from(&kept);
        state.synced_names = kept;
    }

    /// Changes one byte of a file.
    pub fn flip(&self, path: &Path, at: usize) {
        let mut state = self.state();
        if let Ok(file) = state.find(path)
            && let Some(byte) = state.files[file].bytes.get_mut(at)
        {
            *byte ^= 0x10;
        }
    }
}

struct FaultFile {
    disk: FaultDisk,
    file: usize,
}

impl DiskFile for FaultFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let step = state.step();
        let written = if step.is_err() { state.below(bytes.len()) } else { bytes.len() };
        state.files[self.file].bytes.extend_from_slice(&bytes[..written]);
        step
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let step = state.step();
        let Stored { bytes, synced } = &state.files[self.file];
        let (written, before) = (bytes.len(), *synced);
        state.files[self.file].synced = if step.is_err() { before + state.below(written - before) } else { written };
        step
    }
}

impl Disk for FaultDisk {
    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let inside = state.names.keys().filter(|p| p.parent() == Some(folder));
        Ok(inside.filter_map(|p| Some(p.file_name()?.to_str()?.to_owned())).collect())
    }

    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.step()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push(Stored::default());
        state.names.insert(path.to_owned(), file);
        Ok(Box::new(FaultFile { disk: self.clone(), file }))
    }

    fn reopen(&self, path: &Path, length: u64) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.step()?;
        let file = state.find(path)?;
        let stored = &mut state.files[file];
        stored.bytes.truncate(length as usize);
        stored.synced = stored.synced.min(stored.bytes.len());
        Ok(Box::new(FaultFile { disk: self.clone(), file }))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let state = self.state();
        let file = state.find(path)?;
        Ok(Box::new(io::Cursor::new(state.files[file].bytes.clone())))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.find(path)?;
        state.names.remove(path);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let file = state.find(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let now: Vec<(PathBuf, usize)> =
            state.names.iter().filter(|(p, _)| p.parent() == Some(folder)).map(|(p, f)| (p.clone(), *f)).collect();
        state.synced_names.retain(|p, _| p.parent() != Some(folder));
        state.synced_names.extend(now);
        Ok(())
    }
}

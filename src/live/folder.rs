//! The state folder: who owns it, and which generation this is.
//!
//! ```text
//! LOCK          held while a process runs
//! gen/<g>       one empty file a generation, made if absent
//! log/          samples and bindings          rules/        rule tables by version
//! checkpoint/   kept state                    manifest/     what a checkpoint is made of
//! decisions.jsonl                             the ledger                outbox.redb  what receivers were told
//! ```

use super::LiveError;
use bellwether_connectors::crash::crash_point;
use bellwether_connectors::disk::Disk;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// An owned state folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    generation: u64,
    /// Held as long as this is.
    _lock: Option<File>,
}

/// How often a lock is asked for, and how long in between: a process that has just died, or one that is being forked, still has
/// its own for a moment.
const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(50);

/// Locks a folder's lock file.
fn hold(lock: &File, at: &Path, folder: &Path) -> Result<(), LiveError> {
    for _ in 1..TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN),
            Err(TryLockError::Error(e)) => return Err(LiveError::io(at, "locking", e)),
        }
    }
    Err(LiveError::InUse { path: folder.display().to_string() })
}

impl Folder {
    /// Takes a folder of the machine's file system: nobody else may have it. `above`, given the folder's last generation, says
    /// which one the next has to be above.
    pub fn take(
        disk: &Arc<dyn Disk>,
        path: &Path,
        above: impl FnOnce(u64) -> Result<u64, LiveError>,
    ) -> Result<Self, LiveError> {
        disk.make_folder(path).map_err(|e| LiveError::io(path, "making", e))?;
        let at = path.join("LOCK");
        let options = File::options().create(true).truncate(false).write(true).open(&at);
        let lock = options.map_err(|e| LiveError::io(&at, "opening", e))?;
        hold(&lock, &at, path)?;
        let mut me = Self::begin(disk, path, above)?;
        me._lock = Some(lock);
        Ok(me)
    }

    /// The next generation of a folder that nobody else can have: a simulated one.
    pub fn begin(
        disk: &Arc<dyn Disk>,
        path: &Path,
        above: impl FnOnce(u64) -> Result<u64, LiveError>,
    ) -> Result<Self, LiveError> {
        let generations = path.join("gen");
        disk.make_folder(&generations).map_err(|e| LiveError::io(&generations, "making", e))?;
        let names = disk.list(&generations).map_err(|e| LiveError::io(&generations, "listing", e))?;
        let last = names.iter().filter_map(|n| u64::from_str_radix(n, 16).ok()).max().unwrap_or(0);
        let generation = above(last)?.max(last) + 1;
        let at = generations.join(format!("{generation:016x}"));
        disk.create(&at).map_err(|e| LiveError::io(&at, "making", e))?;
        crash_point("start.generation");
        disk.sync_folder(&generations).map_err(|e| LiveError::io(&generations, "syncing", e))?;
        for old in names.iter().filter(|n| u64::from_str_radix(n, 16).is_ok_and(|g| g + 8 < last)) {
            disk.remove(&generations.join(old)).map_err(|e| LiveError::io(&generations, "tidying", e))?;
        }
        Ok(Self { path: path.to_owned(), generation, _lock: None })
    }

    /// Whether there is nothing in a folder that a run could go on from.
    pub fn is_new(disk: &Arc<dyn Disk>, path: &Path) -> Result<bool, LiveError> {
        let list = |folder: &Path| disk.list(folder).map_err(|e| LiveError::io(folder, "listing", e));
        let has = |folder: &Path, end: &str| list(folder).map(|names| names.iter().any(|name| name.ends_with(end)));
        // Names of files that were being written begin with a dot and end otherwise.
        Ok(!(has(&path.join("manifest"), ".json")?
            || has(&path.join("log"), ".seg")?
            || has(path, super::ledger::NAME)?))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// This process's generation: higher than that of all before it.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

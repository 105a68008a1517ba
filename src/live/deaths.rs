//! How often the evaluation of one epoch has brought the run down.
//!
//! # Semantics
//! An epoch that cannot be evaluated fails again with each start, because a start evaluates it again. The third time the next start
//! says so instead, with the epoch, the expression and the rules, and what to do. Another build or other rules are another try.
//! Only what the dataflow says itself counts: a process that was killed says nothing.
//!
//! # State
//! `deaths.json`, until a checkpoint has left the epoch behind.

use super::error::LiveError;
use super::output::BUILD;
use bellwether_connectors::disk::{Disk, read_whole, write_whole};
use bellwether_dataflow::render::RunError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NAME: &str = "deaths.json";

/// So many starts die at one epoch; the next one does not try.
const MOST: u32 = 3;

/// The epoch that the run died at last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Death {
    epoch: u64,
    times: u32,
    error: String,
    rules: Vec<String>,
    /// Version of the rules in the files, and of the build.
    version: u128,
    build: String,
}

/// The record of deaths of a state folder.
#[derive(Clone, Debug)]
pub(super) struct Deaths {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    version: u128,
}

impl Deaths {
    /// Those of a folder, for a start with some version of the rules; an error if there were enough of them.
    pub fn allowed(disk: &Arc<dyn Disk>, folder: &Path, version: u128) -> Result<Self, LiveError> {
        let me = Self { disk: Arc::clone(disk), folder: folder.to_owned(), version };
        me.allow()?;
        Ok(me)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// The last one, if it was under the same rules and build. What cannot be read is none.
    fn last(&self) -> Result<Option<Death>, LiveError> {
        let names = self.disk.list(&self.folder).map_err(|e| LiveError::io(&self.folder, "listing", e))?;
        if !names.iter().any(|name| name == NAME) {
            return Ok(None);
        }
        let bytes =
            read_whole(self.disk.as_ref(), &self.path()).map_err(|e| LiveError::io(&self.path(), "reading", e))?;
        let death: Option<Death> = serde_json::from_slice(&bytes).ok();
        Ok(death.filter(|death| death.version == self.version && death.build == BUILD))
    }

    fn allow(&self) -> Result<(), LiveError> {
        match self.last()? {
            Some(Death { epoch, times, error, rules, .. }) if times >= MOST => {
                let state = self.folder.display().to_string();
                Err(LiveError::Poisoned { epoch, times, error, rules, state })
            }
            _ => Ok(()),
        }
    }

    /// The run has ended by an error. It is told in any case, so what cannot be recorded is only not counted.
    pub fn record(&self, error: &RunError) {
        let Some((epoch, rules)) = error.poison() else { return };
        let before = self.last().ok().flatten().filter(|death| death.epoch == epoch).map_or(0, |death| death.times);
        let death = Death {
            epoch,
            times: before + 1,
            error: error.to_string(),
            rules: rules.to_vec(),
            version: self.version,
            build: BUILD.to_owned(),
        };
        if let Ok(bytes) = serde_json::to_vec_pretty(&death) {
            drop(write_whole(self.disk.as_ref(), &self.folder, NAME, &bytes));
        }
    }

    /// A checkpoint has left an epoch behind.
    pub fn survived(&self, epoch: u64) -> Result<(), LiveError> {
        match self.last()? {
            Some(death) if death.epoch <= epoch => forget(self.disk.as_ref(), &self.folder),
            _ => Ok(()),
        }
    }
}

/// The next start tries again.
pub fn forget(disk: &dyn Disk, folder: &Path) -> Result<(), LiveError> {
    let names = disk.list(folder).map_err(|e| LiveError::io(folder, "listing", e))?;
    if names.iter().any(|name| name == NAME) {
        disk.remove(&folder.join(NAME)).map_err(|e| LiveError::io(&folder.join(NAME), "removing", e))?;
    }
    Ok(())
}

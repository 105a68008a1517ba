//! Who reads a rolled archive by which manifest: so that no part goes that somebody still reads, in whatever process.
//!
//! # Semantics
//! A reader locks the manifest that it reads, shared, as long as it reads parts. A manifest is never changed, only replaced, so the
//! writer keeps the files that it replaced open, and removes nothing before it could lock each of them alone. Whoever comes meanwhile
//! finds the new manifest; whoever has opened the old one but not locked it looks once more and finds the new one too.
//!
//! # Limits
//! A writer that starts again knows nothing of who reads by manifests that it replaced before, and a file system without locks
//! knows of nobody: what was removed under a reader is an error that says so.

use super::manifest::MANIFEST;
use super::rolled::Rolled;
use crate::source::SourceError;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::Path;

/// How often a reader looks again because the manifest was replaced meanwhile.
const TRIES: usize = 100;

/// A reader's hold on the parts that a manifest names; it ends with this value.
#[derive(Debug)]
pub struct Hold {
    _locked: Option<File>,
}

/// Reads a manifest and keeps what it names; `None` where there is no file.
fn read(path: &Path) -> io::Result<Option<(Vec<u8>, Hold)>> {
    let absent = |e: io::Error| if e.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(e) };
    for _ in 0..TRIES {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(e) => return absent(e),
        };
        let is_locked = file.lock_shared().is_ok();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        match fs::read(path) {
            Ok(now) if now == bytes => return Ok(Some((bytes, Hold { _locked: is_locked.then_some(file) }))),
            Ok(_) => {}
            Err(e) => return absent(e),
        }
    }
    Err(io::Error::other("it is replaced faster than it can be read"))
}

impl Rolled {
    /// Reads the manifest of a folder, whose parts stay as long as the hold is there; `None` if there is none or it is that of an
    /// archive in one piece.
    pub fn hold(dir: &Path) -> Result<Option<(Self, Hold)>, SourceError> {
        let path = dir.join(MANIFEST);
        let found = read(&path).map_err(|e| SourceError::io(&path, "reading", e))?;
        let Some((bytes, hold)) = found else { return Ok(None) };
        Ok(Self::of(&path, &bytes)?.map(|rolled| (rolled, hold)))
    }
}

/// The writer's side: manifests that were replaced and that somebody may still read by.
#[derive(Debug, Default)]
pub struct Replaced(Vec<File>);

impl Replaced {
    /// Notes the manifest that is there, before it is replaced.
    pub fn note(&mut self, dir: &Path) {
        self.0.extend(File::open(dir.join(MANIFEST)));
    }

    /// Whether nobody reads by a manifest that was replaced.
    pub fn is_unread(&mut self) -> bool {
        // A lock that is had here goes with its file: nobody who comes later stays with this one.
        self.0.retain(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_read_is_kept_until_nobody_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Rolled::hold(dir.path()).unwrap().is_none());
        let labels = ["instance".to_owned()];
        let mut rolled = Rolled::new("", &labels, 1_000);
        rolled.write(dir.path()).unwrap();
        let (first, second) = (Rolled::hold(dir.path()).unwrap().unwrap(), Rolled::hold(dir.path()).unwrap().unwrap());
        let mut replaced = Replaced::default();
        assert!(replaced.is_unread(), "nothing was replaced");
        replaced.note(dir.path());
        rolled.span_ms = 2_000;
        rolled.write(dir.path()).unwrap();
        assert!(!replaced.is_unread());
        drop(first);
        assert!(!replaced.is_unread(), "of two readers one is left");
        // Who comes now reads by the new one, and holds up nothing.
        let third = Rolled::hold(dir.path()).unwrap().unwrap();
        assert_eq!((second.0.span_ms, third.0.span_ms), (1_000, 2_000));
        drop(second);
        assert!(replaced.is_unread());
    }
}

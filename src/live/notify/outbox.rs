//! The outbox: what each receiver was told, kept over restarts.
//!
//! # Semantics
//! A table of (receiver, alert id) → what it was told last. Written after a post was answered: a crash in between repeats
//! the post. Without it nothing would be lost either, but a restart would repeat every alert in force, and could not know
//! whose end has to be told.
//!
//! # Errors
//! Whatever is wrong with the file costs repeated messages and never an alert: it is put aside, told of, and a new one begun.

use super::receiver::Told;
use redb::{Database, DatabaseError, ReadableDatabase, TableDefinition};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// (receiver's address, alert id) → (episode id, when, whether as resolved).
const TOLD: TableDefinition<'_, (&str, u128), (u128, i64, bool)> = TableDefinition::new("told-1");

/// The file, for all receivers.
#[derive(Clone)]
pub(super) struct Outbox(Option<Arc<Database>>);

impl Outbox {
    /// None: what was told is forgotten with the process.
    pub fn none() -> Self {
        Self(None)
    }

    /// The outbox in a file, and what is wrong if it had to begin anew.
    pub fn open(path: &Path) -> (Self, Option<String>) {
        let error = match Database::create(path) {
            Ok(database) => return (Self(Some(Arc::new(database))), None),
            Err(error) => error,
        };
        let begin_again = "alerts in force are told again";
        let kept = path.with_extension("damaged");
        // Another process would have the folder's lock: a file that is open already is a bug, and none of the file's.
        let is_aside = !matches!(error, DatabaseError::DatabaseAlreadyOpen) && std::fs::rename(path, &kept).is_ok();
        match is_aside.then(|| Database::create(path)) {
            Some(Ok(database)) => {
                let what = format!("{}: {error}; it was moved to {}, {begin_again}", path.display(), kept.display());
                (Self(Some(Arc::new(database))), Some(what))
            }
            _ => (Self::none(), Some(format!("{}: {error}; {begin_again}, now and at each start", path.display()))),
        }
    }

    /// What a receiver was told.
    pub fn of(&self, receiver: &str) -> BTreeMap<u128, Told> {
        // One that cannot be read is as good as an empty one.
        self.0.as_ref().and_then(|database| read(database, receiver).ok()).unwrap_or_default()
    }

    /// A receiver was told something, or what it was told is of no use any more.
    pub fn write(&self, receiver: &str, told: &[(u128, Told)], gone: &[u128]) -> Result<(), redb::Error> {
        let Some(database) = &self.0 else { return Ok(()) };
        let writing = database.begin_write()?;
        {
            let mut table = writing.open_table(TOLD)?;
            for (id, Told { at_ms, episode, resolved }) in told {
                table.insert((receiver, *id), (*episode, *at_ms, *resolved))?;
            }
            for id in gone {
                table.remove((receiver, *id))?;
            }
        }
        writing.commit()?;
        Ok(())
    }
}

fn read(database: &Database, receiver: &str) -> Result<BTreeMap<u128, Told>, redb::Error> {
    let reading = database.begin_read()?;
    let table = reading.open_table(TOLD)?;
    let mut all = BTreeMap::new();
    for row in table.range((receiver, u128::MIN)..=(receiver, u128::MAX))? {
        let (key, value) = row?;
        let (episode, at_ms, resolved) = value.value();
        all.insert(key.value().1, Told { at_ms, episode, resolved });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TOLD_ONCE: Told = Told { at_ms: 5, episode: 7, resolved: true };

    #[test]
    fn what_a_receiver_was_told_is_known_to_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.redb");
        let (outbox, wrong) = Outbox::open(&path);
        assert_eq!((wrong, outbox.of("a")), (None, BTreeMap::new()));
        outbox.write("a", &[(1, TOLD_ONCE), (2, TOLD_ONCE), (u128::MAX, TOLD_ONCE)], &[]).unwrap();
        outbox.write("b", &[(3, TOLD_ONCE)], &[]).unwrap();
        outbox.write("a", &[], &[2, 3]).unwrap();
        drop(outbox);
        let (outbox, wrong) = Outbox::open(&path);
        assert_eq!((wrong, outbox.of("a")), (None, [(1, TOLD_ONCE), (u128::MAX, TOLD_ONCE)].into()));
        assert_eq!(outbox.of("b"), [(3, TOLD_ONCE)].into());
    }

    #[test]
    fn a_file_that_is_none_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.redb");
        std::fs::write(&path, "nonsense".repeat(1_000)).unwrap();
        let (outbox, wrong) = Outbox::open(&path);
        assert!(wrong.unwrap().contains("outbox.damaged"));
        outbox.write("a", &[(1, TOLD_ONCE)], &[]).unwrap();
        assert_eq!(outbox.of("a").len(), 1);
        // Where no file can be, the process runs without one.
        let (nowhere, wrong) = Outbox::open(&folder.path().join("absent/outbox.redb"));
        assert!(wrong.is_some());
        nowhere.write("a", &[(1, TOLD_ONCE)], &[]).unwrap();
        assert_eq!(nowhere.of("a"), BTreeMap::new());
    }
}

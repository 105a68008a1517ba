//! A bucket in memory that does what buckets do on a bad day: answers get lost, requests fail, races are told.
//!
//! # Semantics
//! [`MemoryObjects::fail_next`] makes the next operation of a kind go wrong, several of them one after the other;
//! [`MemoryObjects::set_down`] makes all of them fail. Keys are listed in order, as S3 does.

use super::{Objects, ObjectsError, Put};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is asked of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// An object is read.
    Get,
    /// An object is put, whether or not there is one.
    Put,
    /// An object is put where there is none.
    PutIfAbsent,
    /// Keys are listed.
    List,
    /// An object is removed.
    Delete,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and the answer lost.
    AnswerLost,
    /// It is not done.
    NotDone,
    /// Somebody else is said to put the object at this moment (409), and fails at it.
    Conflict,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    faults: VecDeque<(Op, Fault)>,
    down: bool,
    /// Operations so far.
    operations: u64,
}

/// A bucket in memory; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct MemoryObjects(Arc<Mutex<State>>);

fn failed(doing: &str) -> ObjectsError {
    let (place, doing, reason) = ("memory".to_owned(), doing.to_owned(), "a test says so".to_owned());
    ObjectsError::Failed { place, doing, reason, advice: "nothing is to be done" }
}

impl MemoryObjects {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next operation of a kind go wrong; those said before come first.
    pub fn fail_next(&self, op: Op, fault: Fault) {
        self.state().faults.push_back((op, fault));
    }

    /// Forgets what was to go wrong.
    pub fn fix(&self) {
        self.state().faults.clear();
    }

    /// Whether everything fails from now on.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Every key.
    pub fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// Hides the first `n` keys in a folder (`name/`), as for somebody who looked before they were there.
    pub fn hide(&self, folder: &str, n: usize) -> Vec<(String, Vec<u8>)> {
        let mut state = self.state();
        let keys: Vec<String> = state.objects.keys().filter(|key| key.starts_with(folder)).take(n).cloned().collect();
        keys.into_iter().filter_map(|key| state.objects.remove_entry(&key)).collect()
    }

    /// Shows again what was hidden.
    pub fn show(&self, hidden: Vec<(String, Vec<u8>)>) {
        self.state().objects.extend(hidden);
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Does something, as faults allow.
    fn run<T>(&self, op: Op, doing: &str, work: impl FnOnce(&mut State) -> T) -> Result<T, (Fault, ObjectsError)> {
        let mut state = self.state();
        state.operations += 1;
        if state.down {
            return Err((Fault::NotDone, failed(doing)));
        }
        let at = state.faults.iter().position(|(of, _)| *of == op);
        match at.and_then(|at| state.faults.remove(at)) {
            None => Ok(work(&mut state)),
            Some((_, Fault::AnswerLost)) => {
                work(&mut state);
                Err((Fault::AnswerLost, failed(doing)))
            }
            Some((_, fault)) => Err((fault, failed(doing))),
        }
    }
}

impl Objects for MemoryObjects {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ObjectsError> {
        self.run(Op::Get, "reading", |state| state.objects.get(key).cloned()).map_err(|(_, e)| e)
    }

    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), ObjectsError> {
        self.run(Op::Put, "writing", |state| drop(state.objects.insert(key.to_owned(), bytes))).map_err(|(_, e)| e)
    }

    fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> Result<Put, ObjectsError> {
        let work = |state: &mut State| match state.objects.contains_key(key) {
            true => Put::Exists,
            false => {
                state.objects.insert(key.to_owned(), bytes);
                Put::Made
            }
        };
        match self.run(Op::PutIfAbsent, "making", work) {
            Err((Fault::Conflict, _)) => Ok(Put::Exists),
            done => done.map_err(|(_, e)| e),
        }
    }

    fn list(&self, folder: &str, most: usize) -> Result<Vec<String>, ObjectsError> {
        let prefix = format!("{folder}/");
        let found = |state: &mut State| {
            let keys = state.objects.keys().filter_map(|key| key.strip_prefix(&prefix));
            keys.take(most.min(1_000)).map(str::to_owned).collect()
        };
        self.run(Op::List, "listing", found).map_err(|(_, e)| e)
    }

    fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        self.run(Op::Delete, "removing", |state| drop(state.objects.remove(key))).map_err(|(_, e)| e)
    }
}

//! An output to memory: for tests and for queries.

use super::output::{MergedOutput, Output, OutputError};
use std::sync::{Arc, Mutex, PoisonError};

/// Puts results by epoch into memory.
#[derive(Debug)]
pub struct Collect(Collected);

/// What a [`Collect`] has taken so far; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Collected(Arc<Mutex<Vec<(u64, MergedOutput)>>>);

impl Collect {
    /// An output and the way to read it.
    pub fn new() -> (Box<Self>, Collected) {
        let collected = Collected::default();
        (Box::new(Self(collected.clone())), collected)
    }
}

impl Collected {
    /// Takes what is there.
    pub fn take(&self) -> Vec<(u64, MergedOutput)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Output for Collect {
    fn epoch(&mut self, epoch: u64, out: MergedOutput) -> Result<(), OutputError> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).push((epoch, out));
        Ok(())
    }
}

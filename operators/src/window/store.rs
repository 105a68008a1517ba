//! (being written)
#![allow(missing_docs)]
use bellwether_model::{Labels, Runs};

pub type Slot = u32;

/// What admission did with a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    pub samples: u64,
    pub late: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    pub ignored: u64,
    /// Series that appeared, by slot.
    pub appeared: Vec<Slot>,
}

#[derive(Debug, Default)]
pub struct SeriesStore {}

impl SeriesStore {
    pub fn new(_worker: usize, _peers: usize) -> Self {
        Self {}
    }
    /// Ingested series of these names are not stored (recorded by loaded rules).
    pub fn ignore_names(&mut self, _names: &[String]) {}
    /// Admits a batch of source link `link`; stamps `<= late_ms` are late (stored, counted).
    pub fn admit(&mut self, _link: usize, _runs: &Runs, _late_ms: i64) -> Admitted {
        Admitted::default()
    }
    pub fn labels(&self, _slot: Slot) -> &Labels {
        unimplemented!()
    }
    /// All live ingested series.
    pub fn ingested(&self) -> Vec<Slot> {
        Vec::new()
    }
    /// Drops samples older than `before_ms`; returns ingested series that have none left: they are retracted from the
    /// join, and their slots are free after the next call.
    pub fn prune(&mut self, _before_ms: i64) -> Vec<Slot> {
        Vec::new()
    }
}

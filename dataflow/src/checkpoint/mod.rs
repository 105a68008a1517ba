//! Checkpoints: what is kept over a restart, as bytes.
//!
//! # Semantics
//! *Kept*, because it can't be found again: alert state, what rules recorded, results of subqueries (by shard, so that a
//! restart may use any number of workers), the epoch and its watermark. *Rebuilt*, by reading the horizon of samples
//! again under bindings that only load: windows, the series dictionary, the join's traces. *Put in force again* from the
//! rule files: the program. Offsets, sink frontiers and rolling hashes of live runs stand in the manifest beside it.
//!
//! # Errors
//! [`CheckpointError`]: bytes that are no checkpoint, of another format or hash version, cut or damaged, or made for
//! other placement labels. None is ever read as if it were whole.
//!
//! # Limits
//! Bytes only: where they are stored, and how a checkpoint commits, is the caller's.

mod format;

pub use format::{CheckpointError, FORMAT_VERSION};

use bellwether_model::HASH_VERSION;
use bellwether_operators::evaluate::KeptState;
use serde::{Deserialize, Serialize};

/// Everything that a restart needs beside the samples and the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last epoch that is in it.
    pub epoch: u64,
    /// That epoch's watermark, ms.
    pub watermark_ms: i64,
    /// Kept state of every worker that wrote it.
    pub kept: Vec<KeptState>,
    /// Tenant of the series.
    pub tenant: String,
    /// Labels that placed the series.
    pub entity_labels: Vec<String>,
    /// Version of the hash behind ids and shards.
    pub hash_version: u64,
}

impl Checkpoint {
    /// A checkpoint of this build.
    pub fn new(epoch: u64, watermark_ms: i64, kept: Vec<KeptState>, tenant: &str, entity_labels: &[String]) -> Self {
        let (tenant, entity_labels) = (tenant.to_owned(), entity_labels.to_vec());
        Self { epoch, watermark_ms, kept, tenant, entity_labels, hash_version: HASH_VERSION }
    }

    /// The checkpoint as bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        format::seal(self)
    }

    /// Takes back a checkpoint.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        format::open(bytes)
    }

    /// Whether shards mean the same here: state by shard of other labels would be somebody else's.
    pub fn check_placement(&self, tenant: &str, entity_labels: &[String]) -> Result<(), CheckpointError> {
        if self.tenant == tenant && self.entity_labels == entity_labels {
            return Ok(());
        }
        let list = |tenant: &str, labels: &[String]| format!("tenant {tenant:?} by ({})", labels.join(", "));
        Err(CheckpointError::Placement {
            found: list(&self.tenant, &self.entity_labels),
            expected: list(tenant, entity_labels),
        })
    }
}

#[cfg(test)]
mod tests;

//! The process whose generation is the newest: it alone commits checkpoints.
//!
//! # Semantics
//! Before each commit, and at least once an interval, it looks whether a newer generation was taken. A stale leader that commits in
//! between is passed over: its number is taken, and the newest generation takes the next one. Files of a stale leader may go,
//! those of a newer one never: only files of generations up to the own one are collected.

use super::bucket::{Bucket, Claim, Stub, nonce};
use crate::live::error::LiveError;
use crate::live::output::BUILD;
use crate::live::store::Manifest;
use bellwether_model::hash128;

/// Files that are looked at to collect: far more than there are.
const LISTED: usize = 1_000;

/// A checkpoint as it is brought to the bucket.
pub(super) struct Parts {
    pub manifest: Manifest,
    /// The rules in force, as they are stored.
    pub rules: Vec<u8>,
    /// Kept state.
    pub kept: Vec<u8>,
}

/// Who wants to lead: the same over all attempts.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub bucket: Bucket,
    claim: Claim,
}

impl Candidate {
    pub fn new(bucket: Bucket, generation: u64, at_ms: i64) -> Self {
        let claim = Claim { generation, nonce: nonce(), at_ms, build: BUILD.to_owned() };
        Self { bucket, claim }
    }

    fn overtaken(&self, by: &Claim) -> LiveError {
        let (place, ours) = (self.bucket.place(), self.claim.generation);
        LiveError::Overtaken { place, ours, theirs: by.generation, at_ms: by.at_ms }
    }

    /// Takes the generation. `local`: the newest local checkpoint, where there is one.
    pub fn lead(&self, local: Option<&Manifest>) -> Result<(Leader, Option<Stub>), LiveError> {
        let newer = self.bucket.newest_claim()?.filter(|c| c.generation > self.claim.generation);
        let first = newer.map_or_else(|| self.bucket.claim(&self.claim), |newer| Ok(Some(newer)))?;
        if let Some(first) = first {
            return Err(self.overtaken(&first));
        }
        let stub = self.bucket.newest_stub()?;
        // Of a generation before the folder's: a stale leader's, which is passed over.
        if let (Some(stub), Some(local)) = (&stub, local)
            && stub.epoch > local.epoch
            && stub.generation >= local.generation
        {
            return Err(LiveError::Behind { place: self.bucket.place(), local: local.epoch, remote: stub.epoch });
        }
        let next = stub.as_ref().map_or(1, |stub| stub.number + 1);
        let kept = [stub.as_ref().map(|stub| stub.data.clone()), None];
        Ok((Leader { candidate: self.clone(), next, kept }, stub))
    }
}

/// A leader.
#[derive(Debug)]
pub(super) struct Leader {
    candidate: Candidate,
    /// Number of the next checkpoint.
    next: u64,
    /// Files of the newest one and of the one before it.
    kept: [Option<String>; 2],
}

impl Leader {
    fn generation(&self) -> u64 {
        self.candidate.claim.generation
    }

    /// Whether it still leads.
    pub fn check(&self) -> Result<(), LiveError> {
        let newer = self.candidate.bucket.newest_claim()?.filter(|c| c.generation > self.generation());
        newer.map_or(Ok(()), |newer| Err(self.candidate.overtaken(&newer)))
    }

    /// Brings a checkpoint to the bucket and commits it; gives the bytes of its file.
    pub fn commit(&mut self, parts: Parts) -> Result<u64, LiveError> {
        self.check()?;
        let Parts { manifest, rules, kept } = parts;
        let mut bytes = serde_json::to_vec(&manifest)
            .map_err(|e| LiveError::Format { path: "manifest".to_owned(), what: format!("cannot be written: {e}") })?;
        let lengths = [bytes.len(), rules.len(), kept.len()].map(|n| n as u64);
        bytes.extend_from_slice(&rules);
        bytes.extend_from_slice(&kept);
        drop(kept);
        let (hash, length) = (hash128(&[&bytes]), bytes.len() as u64);
        let data = format!("data/{:016x}-{:016x}-{}", manifest.epoch, self.generation(), nonce());
        let bucket = self.candidate.bucket.clone();
        bucket.0.put(&data, bytes)?;
        let mut stub = Stub::new(self.next, data.clone(), &manifest, lengths, hash);
        // A checkpoint that was made by the process before is brought there by this one.
        stub.generation = self.generation();
        while let Some(first) = bucket.commit(&stub)? {
            if first.generation >= self.generation() {
                self.check()?;
                let by = Claim { generation: first.generation, at_ms: 0, nonce: first.nonce, build: first.build };
                return Err(self.candidate.overtaken(&by));
            }
            stub.number += 1;
        }
        self.next = stub.number + 1;
        self.kept = [Some(data), self.kept[0].take()];
        Ok(length)
    }

    /// Removes files that neither the newest checkpoint names nor the one before. Where that fails the next one does it.
    pub fn collect(&self) -> Result<(), LiveError> {
        let objects = &self.candidate.bucket.0;
        for name in objects.list("data", LISTED)? {
            let generation = name.split('-').nth(1).and_then(|g| u64::from_str_radix(g, 16).ok());
            let data = format!("data/{name}");
            let is_kept = self.kept.iter().flatten().any(|kept| *kept == data);
            if !is_kept && generation.is_some_and(|g| g <= self.generation()) {
                objects.delete(&data)?;
            }
        }
        Ok(())
    }
}

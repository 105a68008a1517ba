//! A start: which generation it is, whether the folder may go on, and what fills an empty one.
//!
//! # Semantics
//! What fills an empty folder is a checkpoint like any other: rules, kept state, and at last the manifest, so that a start that dies in
//! between begins again. Its ledger begins empty and goes on counting. Its first step is that of this moment, and everything
//! before counts as lost ([`Manifest::lost`]): nothing is evaluated over it, and an alert in force that is not seen is not
//! ended before its rule knows as much as it reads.
//!
//! # Errors
//! An empty folder needs the bucket: what it had is not known otherwise, and every alert would resolve. A folder that has
//! something goes on without it; the uploads ask again.

use super::bucket::Bucket;
use super::leader::{Candidate, Leader};
use super::{RemoteSpec, RemoteStats, Restored, Uploader};
use crate::live::clock::WallClock;
use crate::live::error::LiveError;
use crate::live::rules::RuleTables;
use crate::live::store::{Manifest, Store};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// What a start knows of the bucket.
pub(in crate::live) struct Remote {
    spec: RemoteSpec,
    bucket: Bucket,
    /// Whether the folder is empty.
    is_new: bool,
    stats: Arc<RemoteStats>,
}

/// A start that has its generation.
pub(in crate::live) struct Joined {
    remote: Remote,
    candidate: Candidate,
    /// `None` where the bucket was not reached.
    leader: Option<Leader>,
    /// What filled the folder.
    pub restored: Option<Restored>,
}

impl Remote {
    /// The bucket of a folder.
    pub fn new(spec: &RemoteSpec, is_new: bool) -> Self {
        let bucket = Bucket(Arc::clone(&spec.objects));
        let stats = Arc::new(RemoteStats { place: bucket.place(), ..RemoteStats::default() });
        Self { spec: spec.clone(), bucket, is_new, stats }
    }

    /// Whether an error may wait.
    fn waits(&self, error: &LiveError) -> bool {
        !self.is_new && matches!(error, LiveError::Objects(_))
    }

    /// The generation that the next one has to be above, given the folder's own last one.
    pub fn above(&self, own: u64) -> Result<u64, LiveError> {
        match self.bucket.newest_claim() {
            Ok(Some(claim)) if claim.generation > own && !self.is_new => {
                let (place, at_ms) = (self.bucket.place(), claim.at_ms);
                Err(LiveError::Overtaken { place, ours: own, theirs: claim.generation, at_ms })
            }
            Ok(claim) => Ok(claim.map_or(own, |claim| claim.generation.max(own))),
            Err(error) if self.waits(&error) => Ok(own),
            Err(error) => Err(self.stops(error)),
        }
    }

    /// Why an error cannot wait.
    fn stops(&self, error: LiveError) -> LiveError {
        match error {
            LiveError::Objects(source) if self.is_new => LiveError::NothingKnown { source },
            error => error,
        }
    }

    /// Takes the generation, and fills the folder if it is empty.
    pub fn join(self, generation: u64, now_ms: i64, store: &Store, tables: &RuleTables) -> Result<Joined, LiveError> {
        let candidate = Candidate::new(self.bucket.clone(), generation, now_ms);
        let local = store.newest_manifest()?;
        let (leader, stub) = match candidate.lead(local.as_ref()) {
            Ok((leader, stub)) => (Some(leader), stub),
            Err(error) if self.waits(&error) => {
                self.stats.note(Err(error.to_string()));
                (None, None)
            }
            Err(error) => return Err(self.stops(error)),
        };
        let mut restored = None;
        if let Some(stub) = stub.filter(|_| self.is_new) {
            let [manifest, rules, kept] = self.bucket.parts(&stub)?;
            let mut manifest = Manifest::read(&manifest, &format!("{}/{}", self.bucket.place(), stub.data))?;
            let (epoch, wall_ms) = (manifest.epoch, manifest.wall_ms);
            manifest.generation = generation;
            manifest.ledger.bytes = 0;
            manifest.from_ms = now_ms.max(manifest.watermark_ms.saturating_add(1));
            manifest.lost = true;
            tables.put(manifest.rules, &rules)?;
            store.put(&mut manifest, &kept)?;
            let missed_ms = (manifest.watermark_ms, manifest.from_ms);
            restored = Some(Restored { place: self.bucket.place(), epoch, wall_ms, missed_ms });
        }
        Ok(Joined { remote: self, candidate, leader, restored })
    }
}

impl Joined {
    /// What brings checkpoints there; `heard` says that there is a new one, and ends with the ledger.
    pub fn uploader(
        self,
        store: Store,
        tables: RuleTables,
        clock: Arc<dyn WallClock>,
        heard: Receiver<()>,
    ) -> Uploader {
        let Self { remote, candidate, leader, .. } = self;
        Uploader::new(remote.spec.interval_ms, candidate, leader, remote.stats, (store, tables), clock, heard)
    }

    /// What the uploads do.
    pub fn stats(&self) -> Arc<RemoteStats> {
        Arc::clone(&self.remote.stats)
    }
}

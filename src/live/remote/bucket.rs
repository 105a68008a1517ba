//! What stands in the bucket, and how a key is taken that only one may have.

use crate::live::error::LiveError;
use crate::live::store::Manifest;
use bellwether_connectors::objects::{Objects, Put};
use bellwether_model::hash128;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Version of what stands in the bucket. Raise it when it changes.
const FORMAT: u32 = 1;

/// How often a key is asked for, and how long is waited in between, doubled each time.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// Who took a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    pub generation: u64,
    pub nonce: String,
    /// When, ms.
    pub at_ms: i64,
    pub build: String,
}

/// Which file a checkpoint is; so small that it may stay for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stub {
    pub format: u32,
    pub number: u64,
    pub nonce: String,
    pub generation: u64,
    pub epoch: u64,
    /// Key of the file.
    pub data: String,
    /// Bytes of the manifest, of the rules and of kept state in it, in this order.
    pub parts: [u64; 3],
    /// Hash of its bytes.
    pub hash: u128,
    pub build: String,
}

impl Stub {
    pub fn new(number: u64, data: String, manifest: &Manifest, parts: [u64; 3], hash: u128) -> Self {
        let (generation, epoch, build) = (manifest.generation, manifest.epoch, manifest.build.clone());
        Self { format: FORMAT, number, nonce: nonce(), generation, epoch, data, parts, hash, build }
    }
}

/// What no other process says.
pub(super) fn nonce() -> String {
    // Keys of the standard library's hasher are the system's randomness.
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// A number as a key: the greater, the sooner it is listed.
fn key(folder: &str, number: u64) -> String {
    format!("{folder}/{:016x}", u64::MAX - number)
}

fn text<T: Serialize>(value: &T) -> Result<Vec<u8>, LiveError> {
    serde_json::to_vec(value)
        .map_err(|e| LiveError::Format { path: "bucket".to_owned(), what: format!("cannot be written: {e}") })
}

/// A bucket with checkpoints; cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Bucket(pub Arc<dyn Objects>);

impl Bucket {
    pub fn place(&self) -> String {
        self.0.place()
    }

    /// What is wrong with an object.
    pub fn wrong(&self, key: &str, what: &str) -> LiveError {
        LiveError::Format { path: format!("{}/{key}", self.place()), what: what.to_owned() }
    }

    fn read<T: DeserializeOwned>(&self, key: &str, bytes: &[u8]) -> Result<T, LiveError> {
        serde_json::from_slice(bytes).map_err(|e| {
            self.wrong(key, &format!("is not of this format: {e}; use the build that wrote it, or another prefix"))
        })
    }

    fn newest<T: DeserializeOwned>(&self, folder: &str) -> Result<Option<T>, LiveError> {
        let Some(name) = self.0.list(folder, 1)?.pop() else { return Ok(None) };
        let key = format!("{folder}/{name}");
        // Nobody removes these keys.
        let bytes = self.0.get(&key)?.ok_or_else(|| self.wrong(&key, "was listed and cannot be read"))?;
        self.read(&key, &bytes).map(Some)
    }

    /// The newest generation.
    pub fn newest_claim(&self) -> Result<Option<Claim>, LiveError> {
        self.newest("gen")
    }

    /// The newest checkpoint.
    pub fn newest_stub(&self) -> Result<Option<Stub>, LiveError> {
        let stub: Option<Stub> = self.newest("manifest")?;
        match &stub {
            Some(stub) if stub.format != FORMAT => {
                let what = format!("has format version {}, this build reads {FORMAT}", stub.format);
                Err(self.wrong(&key("manifest", stub.number), &format!("{what}: use the build that wrote it")))
            }
            _ => Ok(stub),
        }
    }

    /// Takes a generation; somebody else's claim if they were first.
    pub fn claim(&self, claim: &Claim) -> Result<Option<Claim>, LiveError> {
        let key = key("gen", claim.generation);
        self.take(&key, &text(claim)?)?.map(|other| self.read(&key, &other)).transpose()
    }

    /// Commits a checkpoint; somebody else's of that number if they were first.
    pub fn commit(&self, stub: &Stub) -> Result<Option<Stub>, LiveError> {
        let key = key("manifest", stub.number);
        self.take(&key, &text(stub)?)?.map(|other| self.read(&key, &other)).transpose()
    }

    /// Puts what one alone may put: `None` if it is there, else what others put.
    fn take(&self, key: &str, mine: &[u8]) -> Result<Option<Vec<u8>>, LiveError> {
        let (mut tries, mut pause) = (0, PAUSE);
        loop {
            let put = self.0.put_if_absent(key, mine.to_vec());
            if put == Ok(Put::Made) {
                return Ok(None);
            }
            // An error may have worked, and who is said to be first may have failed.
            if let Some(found) = self.0.get(key)? {
                return Ok((found != mine).then_some(found));
            }
            tries += 1;
            if tries == TRIES {
                put?;
                return Err(self.wrong(key, "is said to be there and is not: the bucket does not keep what it says"));
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
    }

    /// The parts of a checkpoint's file.
    pub fn parts(&self, stub: &Stub) -> Result<[Vec<u8>; 3], LiveError> {
        let gone =
            || self.wrong(&stub.data, "is named by the newest manifest and is not there: restore it from a copy");
        let mut rest = self.0.get(&stub.data)?.ok_or_else(gone)?;
        let length: u64 = stub.parts.iter().sum();
        if rest.len() as u64 != length || hash128(&[&rest]) != stub.hash {
            return Err(self.wrong(&stub.data, "is not what was written: restore it from a copy"));
        }
        let [manifest, rules, _] = stub.parts.map(|n| n as usize);
        let kept = rest.split_off(manifest + rules);
        let rules = rest.split_off(manifest);
        Ok([rest, rules, kept])
    }
}

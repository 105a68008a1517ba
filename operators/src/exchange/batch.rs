//! A batch of runs as timely moves it.
//!
//! # Time
//! Progress counts a batch by its definitions, runs and histograms: each goes to exactly one receiver, so a scattered
//! batch counts as much as the whole one did.
//!
//! # Errors
//! Bytes that are no batch are one that says so ([`RunBatch::unreadable_bytes`]), because timely's trait has no error. What they
//! counted for is not known, so the frontier would stop without a word: `window` reports it, and the run ends.

use bellwether_model::Runs;
use std::io::Write;
use timely::Accountable;
use timely::bytes::arc::Bytes;
use timely::dataflow::channels::ContainerBytes;

#[cfg(feature = "codec-abomonation")]
use super::abomonated as codec;
#[cfg(not(feature = "codec-abomonation"))]
use super::raw as codec;

/// Runs of one source link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunBatch {
    /// The link whose numbers the runs use: the worker that reads the source.
    pub link: u32,
    /// The runs.
    pub runs: Runs,
    /// Length of bytes from another worker that are no batch; 0 for all others.
    pub unreadable_bytes: usize,
}

impl RunBatch {
    /// Runs of a link.
    pub fn new(link: u32, runs: Runs) -> Self {
        Self { link, runs, unreadable_bytes: 0 }
    }
}

impl Accountable for RunBatch {
    fn record_count(&self) -> i64 {
        let runs = &self.runs;
        // One that cannot be read counts too, so that it is no empty one, which timely need not deliver.
        (runs.defs.len() + runs.series.len() + runs.histograms.len() + usize::from(self.unreadable_bytes > 0)) as i64
    }
}

impl ContainerBytes for RunBatch {
    fn from_bytes(bytes: Bytes) -> Self {
        // Copies: a view would pin the slab of a mebibyte that the bytes came in.
        codec::decode(&bytes).unwrap_or_else(|| Self { unreadable_bytes: bytes.len().max(1), ..Self::default() })
    }

    fn length_in_bytes(&self) -> usize {
        codec::length(self)
    }

    fn into_bytes<W: Write>(&self, writer: &mut W) {
        let written = codec::encode(self, writer);
        assert!(written.is_ok(), "a batch of runs is longer than it said: {written:?}");
    }
}

//! A batch of runs as timely moves it.
//!
//! # Time
//! Progress counts a batch by its definitions, runs and histograms: each goes to exactly one receiver, so a scattered
//! batch counts as much as the whole one did.
//!
//! # Errors
//! Bytes that are no batch end the worker: the peer is broken, and a batch that is not accounted for would stop the
//! frontier without a word.

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
}

impl Accountable for RunBatch {
    fn record_count(&self) -> i64 {
        (self.runs.defs.len() + self.runs.series.len() + self.runs.histograms.len()) as i64
    }
}

impl ContainerBytes for RunBatch {
    #[expect(clippy::panic, reason = "the trait has no error, and going on would stall every worker")]
    fn from_bytes(bytes: Bytes) -> Self {
        // Copies: a view would pin the slab of a mebibyte that the bytes came in.
        match codec::decode(&bytes) {
            Some(batch) => batch,
            None => panic!("{} bytes from another worker are not a batch of runs", bytes.len()),
        }
    }

    fn length_in_bytes(&self) -> usize {
        codec::length(self)
    }

    fn into_bytes<W: Write>(&self, writer: &mut W) {
        let written = codec::encode(self, writer);
        assert!(written.is_ok(), "a batch of runs is longer than it said: {written:?}");
    }
}

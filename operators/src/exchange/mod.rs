//! What travels between workers on the hot path: runs of samples as raw columns, scattered by shard.
//!
//! # Position
//! source link → **exchange** → `window` of the worker that owns each series' shard
//!
//! # Semantics
//! A [`RunBatch`] is a timely container of its own. Between threads it moves as it is; where it must be bytes it is
//! written as little-endian columns padded to 8 bytes ([`raw`]), which measured 0.4 ns a sample where timely's default
//! takes 6 ns. The control plane (bindings, packets, progress) stays on that default.
//!
//! # Features
//! `codec-abomonation` swaps the bytes of a batch for abomonation's. It is off by default because decoding bytes that
//! anyone else wrote is undefined behaviour (RUSTSEC-2021-0120); it is for links between identical binaries on a
//! trusted network, and for the benchmark that keeps the choice honest.

#[cfg(feature = "codec-abomonation")]
pub mod abomonated;
mod batch;
mod distribute;
pub mod raw;
#[cfg(test)]
mod tests;

pub use batch::RunBatch;
pub use distribute::{RunDistributor, run_pact};

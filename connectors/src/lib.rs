//! Connectors: what reads samples in, and what writes results out.
//!
//! # Position
//! `serve` takes what is pushed; `disk` and `objects` are where state is kept. `source` stands before the dataflow, `sink` behind it. Neither parses PromQL nor names an
//! operator: a source yields [`Runs`](bellwether_model::Runs), a sink takes [`Decision`](bellwether_model::Decision)s or
//! vectors.
//!
//! # Errors
//! [`source::SourceError`] and [`sink::SinkError`] are classed by what the caller must do: retry, fix, or stop.

mod base64;
pub mod crash;
pub mod disk;
pub mod objects;
mod pem;
pub mod serve;
pub mod sink;
pub mod source;

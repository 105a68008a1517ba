//! The parts of Bellwether that see sources, dataflow and sinks together: what the binary wires up.
//!
//! [`live`] is the run that goes on: durable log, bindings, checkpoints, decisions; [`config`] is what it is told by a file.
//! Backtests are wired in the binary itself.

pub mod config;
pub mod live;

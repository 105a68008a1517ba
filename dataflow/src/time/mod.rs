//! Epochs, bindings and watermarks: how event time becomes rounds of input.
//!
//! # Terms
//! * **epoch**: an input round; a backtest's epoch is one span of event time, never a count of rows.
//! * **watermark** `W(e)`: every stamp up to it is final; it never falls.
//! * **binding**: all that an epoch knows of time and rules. Given the bindings, a run is a pure function of its input.
//!
//! A timestamp of the dataflow is an epoch and a round of the loop, packed into a `u64` ([`Time`]).

mod delays;
mod due;
mod election;
mod live;
mod synthetic;
mod watermark;

pub use bellwether_operators::evaluate::EpochTimes;
pub use bellwether_operators::ingest::{Binding, Time};
pub use delays::{AutoLateness, Delays};
pub use due::Due;
pub use election::{Elected, Election, Pairs};
pub use live::{Bound, Heard, LiveClock, LiveSpec};
pub use synthetic::{EpochSpan, SyntheticBindings, SyntheticSpec};
pub use watermark::Watermark;

//! Where samples enter the windows: epochs, their bindings, and the `window` operator.
//!
//! # Position
//! ```text
//! bindings ──▶ ┌──────────┐ ──▶ join keys of series   ─▶ `select`
//! runs ──────▶ │ `window` │ ──▶ metric names
//!  exchanged   └──────────┘
//!                   │ admits into the worker's store, which `evaluate` reads
//! ```
//!
//! # Terms
//! * **epoch**: an input round; a timestamp is an epoch and a round of the loop, packed ([`Time`]).
//! * **binding**: all that an epoch knows of time and rules ([`Binding`]); nothing downstream reads a clock.
//! * **gate**: the first epoch that not every worker has fed whole ([`Gate`]); it and what follows never were.

mod binding;
mod counters;
mod gate;
mod intake;
mod keys;
mod prune;
mod state;
mod time;
mod window;

pub use binding::Binding;
pub use counters::Counters;
pub use gate::Gate;
pub use intake::{Changes, Intake};
pub use keys::{JoinKeys, key_of};
pub use state::WorkerState;
pub use time::Time;
pub use window::{NameUpdate, PairUpdate, window};

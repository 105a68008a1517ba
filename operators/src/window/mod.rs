//! Sample windows: the store that `window` fills and `evaluate` reads.

mod beside;
mod buffer;
mod cadence;
mod store;

pub use beside::{Beside, HistogramPoint, StartPoint};
pub use buffer::{MAX_SPAN_MS, Pushed, SampleBuffer};
pub use cadence::Cadences;
pub use store::{Admitted, SeriesStore, Slot};

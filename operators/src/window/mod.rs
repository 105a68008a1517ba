//! Sample windows: the store that `window` fills and `evaluate` reads.

mod buffer;
mod cadence;
mod histograms;
mod store;

pub use buffer::{MAX_SPAN_MS, Pushed, SampleBuffer};
pub use cadence::Cadences;
pub use histograms::HistogramPoint;
pub use store::{Admitted, SeriesStore, Slot};
